"""Networks of two inputs: what is drawn of them is what they compute, in pages, films and the player."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from PIL import Image

import relusweep as rs
from relusweep.cluster import Address
from relusweep.pipeline.common.errors import CannotDraw
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.report.content import Attachment
from relusweep.pipeline.report.plane.page import sections
from relusweep.pipeline.report.plane.pictures import map_reaches, right_share, scene_at
from relusweep.pipeline.report.plane.player import EDGE, LINES, payload
from relusweep.pipeline.report.plane.sizes import best_network, by_size
from relusweep.pipeline.report.plane.tables import compression_table, counts_table, maps_table
from relusweep.pipeline.report.plane.watched import Watched, watched
from relusweep.pipeline.report.text import NOTHING
from relusweep.pipeline.report.theme import LIGHT, Picture
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import changed
from relusweep.tasks.networks import layer_views
from tests.extras import needs
from tests.pipeline.report.pages import Page

EPOCHS = (0, 2, 40)
HEADINGS = [
    "Linear regions through training",
    "Regions, boundary and maps of the best network of each size",
    "Few maps in place of many",
    "Are the maps of different networks linear images of one another?",
]
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def store(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`plane_xor`, small: some of the larger networks have learned it."""
    fields: dict[str, Any] = {
        "trials": 4,
        "samples": 80,
        "widths": ["3", "6-5"],
        "epochs": 40,
        "learning_rate": 0.1,
        "success": 0.8,
        "probes": [
            "parameters",
            {"snapshots": {"at": EPOCHS}},
            {"regions": {"at": EPOCHS, "reach": 0.9}},
            {"compression": {"clusters": [1, 2, 80]}},
        ],
    }
    path = tmp_path_factory.mktemp("plane") / "store"
    assert not run(changed(SWEEPS["plane_xor"], fields.items()), str(path), workers).failed
    return path


@pytest.fixture(scope="module")
def results(store: Path) -> xr.Dataset:
    opened = rs.open(store, "plane_xor")
    assert isinstance(opened, xr.Dataset)
    return opened.load()


@pytest.fixture(scope="module")
def one(results: xr.Dataset) -> Watched:
    return watched(best_network(results.sel(widths="6-5")))


def hidden(of: Watched, place: int, points: np.ndarray) -> list[np.ndarray]:
    """What each layer gives before activation, by a plain forward pass; the output last."""
    values, found = points.T, []
    for weights, biases in layer_views(of.network, of.parameters[place : place + 1]):
        found.append(weights[0] @ values + biases[0][:, None])
        values = np.maximum(found[-1], 0)
    return found


def test_the_best_network_has_the_most_rows_right_and_then_the_least_loss(results: xr.Dataset) -> None:
    best = best_network(results)
    right, loss = results["rows_right"], results["final_loss"]
    assert best["rows_right"] == right.max()
    assert best["final_loss"] == loss.where(right == right.max()).min()
    assert [*by_size(results)] == ["widths 3", "widths 6-5"]


def test_it_is_watched_with_its_rows_through_training(results: xr.Dataset, one: Watched) -> None:
    assert one.epochs == EPOCHS
    assert one.reach == 0.9
    assert one.points.shape == (80, 2)
    best = best_network(results.sel(widths="6-5"))
    assert right_share(one, -1) == float(best["rows_right"]) / 80
    np.testing.assert_array_equal(one.parameters[-1], best["parameters"].values[: one.network.n_parameters])


@pytest.mark.parametrize("place", range(3))
def test_edges_lie_where_their_unit_is_zero_and_the_boundary_where_the_output_is(
    one: Watched, place: int
) -> None:
    seen = scene_at(one, place)
    start = seen.regions.vertices[seen.regions.corners]
    layers = hidden(one, place, start)
    units = np.concatenate([_padded(layer, one.network.width) for layer in layers[:-1]])
    inside = np.flatnonzero(seen.unit >= 0)
    assert len(inside) > 20
    np.testing.assert_allclose(units[seen.unit[inside], inside], 0, atol=1e-9)
    on_edge = np.abs(np.abs(start[seen.unit < 0]).max(axis=1) - one.reach) < 1e-12
    assert on_edge.all()
    for curve in seen.boundary:
        np.testing.assert_allclose(hidden(one, place, curve.corners)[-1], 0, atol=1e-9)


def _padded(layer: np.ndarray, width: int) -> np.ndarray:
    return np.pad(layer, ((0, width - len(layer)), (0, 0)), constant_values=np.nan)


def test_colours_are_those_of_signs_whatever_the_epoch(one: Watched) -> None:
    """Regions with the same signs of the first layers have one colour; different ones rarely do."""
    known: dict[tuple[int, bytes], set[bytes]] = {}
    for place in range(3):
        seen = scene_at(one, place)
        for layer, colours in enumerate(seen.colours):
            for signs, colour in zip(seen.regions.active[:, : layer + 1], colours, strict=True):
                known.setdefault((layer, signs.tobytes()), set()).add(colour.tobytes())
    assert len(known) > 40
    assert all(len(colours) == 1 for colours in known.values())
    assert len({*map(tuple, known.values())}) > 0.9 * len(known)


def test_scales_of_maps_hold_them_and_change_slowly(one: Watched) -> None:
    scenes = [scene_at(one, place) for place in (0, 0, 0, 0, 0, 0, 2)]
    reaches = map_reaches(scenes)
    for seen, reach in zip(scenes, reaches, strict=True):
        assert (np.abs(seen.maps) <= reach * (1 + 1e-12)).all()
    assert (np.diff(reaches, axis=0)[0] < np.ptp(reaches, axis=0) + 1e-9).all()


# The player


@pytest.fixture(scope="module")
def page(results: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rs.animate(results.sel(widths="6-5"), tmp_path_factory.mktemp("player") / "xor.html")


def frames(data: dict[str, Any]) -> list[list[np.ndarray]]:
    """Decode the polygons of each frame, as the page does."""
    vertices, sizes, corners = (
        np.frombuffer(b64decode(data[name]), "<u2").astype(int) for name in ("vertices", "sizes", "corners")
    )
    points, found = vertices.reshape(-1, 2), []
    vertex = region = corner = 0
    for n_vertices, n_regions, n_corners in zip(
        data["n_vertices"], data["n_regions"], data["n_corners"], strict=True
    ):
        here = points[vertex + corners[corner : corner + n_corners]]
        found.append(np.split(here, np.cumsum(sizes[region : region + n_regions])[:-1]))
        vertex, region, corner = vertex + n_vertices, region + n_regions, corner + n_corners
    return found


def area(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def test_the_page_holds_polygons_that_fill_the_square(one: Watched, page: Path) -> None:
    text = re.search(r'<script id="payload"[^>]*>(.*?)</script>', page.read_text(), re.DOTALL)
    assert text
    data = json.loads(text[1])
    assert data == json.loads(json.dumps(payload(one)))
    for place, polygons in enumerate(frames(data)):
        seen = scene_at(one, place)
        assert len(polygons) == len(seen.regions.areas)
        shares = np.array([area(polygon) for polygon in polygons]) / 65535**2
        np.testing.assert_allclose(shares, seen.regions.areas / (4 * 0.9**2), atol=1e-4)
        assert shares.sum() == pytest.approx(1, abs=1e-9)
    codes = np.frombuffer(b64decode(data["units"]), np.uint8)
    assert set(codes[codes != EDGE] // LINES) == {0, 1}
    colours = np.frombuffer(b64decode(data["colours"]), "<u2")
    expected = np.concatenate([scene_at(one, place).colours.transpose(1, 0, 2) for place in range(3)])
    shown = np.array(data["palette"])[colours].reshape(-1, 2)
    np.testing.assert_array_equal(shown, expected.astype(int) @ [65536, 256, 1])


def test_the_page_needs_nothing_else(page: Path) -> None:
    text = page.read_text()
    assert not re.findall(r"https?:|src=|@import|url\(", text)


def browser() -> str:
    found = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
    if not found:
        pytest.skip("no Chromium here; the player is tested in one")
    return found


def shown(page: Path, tmp_path: Path, frame: int, script: str = "", *options: str) -> dict[str, str]:
    """Open the page in a browser at a frame, run a script, and give the page's data attributes."""
    copy = tmp_path / "page.html"
    copy.write_text(page.read_text().replace("</body>", f"<script>{script}</script></body>"))
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
    flags += ("--disable-background-networking", "--disable-component-update", "--disable-sync")
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    address = f"{copy.as_uri()}#frame={frame}"
    command = [browser(), *flags, profile, "--window-size=420,900", *options, "--dump-dom", address]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    opening = re.search(r"<html[^>]*>", text)
    assert opening
    return dict(re.findall(r'data-(\w+)="([^"]*)"', opening[0]))


def test_a_browser_draws_the_frame_that_is_asked_for(one: Watched, page: Path, tmp_path: Path) -> None:
    found = shown(page, tmp_path, 1)
    count = len(scene_at(one, 1).regions.areas)
    assert (found["frame"], found["epoch"], found["regions"]) == ("1", "2", str(count))


KEYS = """
const press = key => dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
press("ArrowLeft");
root.dataset.left = shown;
press("End");
root.dataset.end = shown;
press(" ");
root.dataset.playing = playing;
root.dataset.wide = document.body.scrollWidth > innerWidth;
"""


@pytest.mark.slow
def test_keys_move_and_play(page: Path, tmp_path: Path) -> None:
    found = shown(page, tmp_path, 2, KEYS, "--virtual-time-budget=5000")
    assert (found["left"], found["end"], found["playing"], found["wide"]) == ("1", "2", "true", "false")
    assert found["frame"] == "2"  # it began anew, and came to its end


TIMES = """
const began = performance.now();
for (let frame = 0; frame < frames; frame++) draw(frame);
root.dataset.mean = (performance.now() - began) / frames;
"""


@pytest.mark.slow
def test_two_hundred_snapshots_are_small_and_smooth(results: xr.Dataset, tmp_path: Path) -> None:
    sweep = rs.sweep(
        "plane_xor_circles",
        trials=2,
        widths="8-8-8",
        epochs=1000,
        probes=[{"snapshots": {"at": [*range(100), *range(100, 1000, 9)]}}],
    )
    large = rs.run(sweep, tmp_path / "store", workers=1, progress=False)
    assert isinstance(large, xr.Dataset)
    path = rs.animate(large, tmp_path / "large.html")
    found = shown(path, tmp_path, 0, TIMES)
    assert found["frame"] == "199"
    assert path.stat().st_size < 5_000_000
    assert float(found["mean"]) < 1000 / 12  # milliseconds, without a graphics processor


# Films, the command, the page of the report


def test_films_have_a_frame_for_each_epoch_and_rest_at_the_end(results: xr.Dataset, tmp_path: Path) -> None:
    imageio_ffmpeg = needs("imageio_ffmpeg", "video")
    small = results.sel(widths="3").isel(snapshot_epoch=[0])
    with Image.open(rs.animate(small, tmp_path / "a.gif")) as film:
        assert film.n_frames == 2  # type: ignore[attr-defined]  # of Pillow's class of GIFs
        assert film.size == (840, 284)
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(rs.animate(small, tmp_path / "a.mp4")))
    assert (frames, seconds) == (2 + 20, pytest.approx(2.2, abs=0.11))


def test_the_command_writes_the_network_that_is_named(
    store: Path, relusweep: Command, tmp_path: Path
) -> None:
    words = ("animate", "plane_xor", "--store", str(store))
    code, said, _ = relusweep(*words, "--label", "widths=3", "--label", "trial=2", "--file", "a.html")
    assert code == 0
    assert "The training of plane_xor, trial 2, widths 3 is at" in said
    assert "plane_xor, trial 2, widths 3" in (tmp_path / "a.html").read_text()
    for options, complaint in {
        ("--label", "width=3"): "no axis 'width'; did you mean 'widths'?; there are widths, trial",
        ("--label", "trial=9"): "trial has no label '9'; there are 0 to 3",
        ("--label", "trial"): "--label trial: write axis=label, as --label trial=3",
        ("--file", "a.png"): "a.png ends in .png; allowed are .html, .gif, .mp4",
    }.items():
        code, _, complained = relusweep(*words, *options)
        assert code == 2
        assert complaint in complained


def test_what_cannot_be_shown_is_told(results: xr.Dataset, tmp_path: Path) -> None:
    kept = results.drop_vars(["snapshots", "parameters"])
    with pytest.raises(CannotDraw, match="were not kept; run a sweep with probes"):
        rs.animate(kept, tmp_path / "a.html")
    tree = xr.DataTree.from_dict({"plane": results})
    for other in (results.drop_attrs(), results.drop_vars("stop_reason"), results["final_loss"], tree, "xor"):
        with pytest.raises(CannotDraw, match=r"as rs\.open.* gives them.*; got a"):
            rs.animate(other, tmp_path / "a.html")  # type: ignore[arg-type]
    lost = results.assign(final_loss=results["final_loss"] * np.nan)
    with pytest.raises(CannotDraw, match="no network of these has run and stayed finite"):
        rs.animate(lost, tmp_path / "a.html")


def test_a_network_that_overflows_is_left_out(results: xr.Dataset) -> None:
    """Its weights are finite, but not the products that decide; the epochs before are shown."""
    best = best_network(results.sel(widths="6-5")).drop_vars("parameters")
    late = best["snapshot_epoch"] == 40
    large = best["snapshots"].astype(float).where(~late, 1e60)
    assert watched(best.assign(snapshots=large)).epochs == EPOCHS[:2]


def test_a_network_of_too_many_regions_has_its_picture_and_no_player(
    results: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relusweep.pipeline.report.plane.player.MOST_CORNERS", 10)
    seen = next(section for section in sections(results) if section.heading == HEADINGS[1])
    assert [type(block) for block in seen.blocks] == [Picture, Picture]
    with pytest.raises(CannotDraw, match="numbers up to 10 corners of regions, and this network has more"):
        payload(watched(best_network(results)))


def test_tables_are_medians_over_networks(results: xr.Dataset) -> None:
    counted = counts_table(results).cells
    assert counted["Networks"].tolist() == ["widths 3"] * 2 + ["widths 6-5"] * 2
    assert counted["Epoch"].tolist() == ["0", "40"] * 2
    end = results.isel(regions_epoch=-1)
    for row, size in ((1, "3"), (3, "6-5")):
        middle = float(end["layer_regions"].sel(widths=size, layer=1).median())
        assert counted["Regions of 1 layer"][row] == f"{middle:g}"  # of four networks, without an interval
    assert counted["Regions of 2 layers"][1] == NOTHING
    maps = maps_table(results).cells
    middle = float(end["map_clusters"].sel(widths="6-5", linkage=0.1).median())
    assert maps["Clusters at 0.1"][3] == f"{middle:g}"
    kept = compression_table(results).cells
    assert kept["Maps"].tolist() == ["1", "2", "80"]
    assert kept["widths 6-5"].tolist()[-1] == "100"


def test_the_page_has_a_section_for_each_probe(results: xr.Dataset, tmp_path: Path) -> None:
    found = {section.heading: section.blocks for section in sections(results)}
    assert [*found] == HEADINGS
    assert HEADINGS[1:] == [section.heading for section in sections(results.drop_vars("n_regions"))]
    blocks = found[HEADINGS[1]]
    for picture, attachment in zip(blocks[::2], blocks[1::2], strict=True):
        assert isinstance(picture, Picture)
        assert isinstance(attachment, Attachment)
        assert "epoch 40: " in picture.alt
        attachment.write(tmp_path / attachment.name)
        assert attachment.name in {"animation-of-widths-3.html", "animation-of-widths-6-5.html"}
    drawn = blocks[0].draw(LIGHT)  # type: ignore[union-attr]  # a picture, as said
    assert [axis.get_ylabel() for axis in drawn.axes[::4]] == ["epoch 0", "epoch 40"]


@pytest.mark.slow
def test_the_report_stands(store: Path, tmp_path: Path) -> None:
    written = rs.report("plane_xor", store, tmp_path)
    page = Page(written)
    links = [link for link in page.references if link.startswith("animation")]
    assert links == ["animation-of-widths-3.html", "animation-of-widths-6-5.html"]
    assert all((tmp_path / link).is_file() for link in links)
    for name in ("regions-of-widths-6-5", "linear-images-of-widths-6-5", "few-maps"):
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
