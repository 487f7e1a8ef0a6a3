"""The report of a sine sweep: numbers by hand, what is missing said, and code that opens the pieces."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from relusweep.cluster import Address
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.report.kinds import report_on
from relusweep.pipeline.report.page import write_report
from relusweep.pipeline.report.sine.fits import fits
from relusweep.pipeline.report.sine.maps import errors, tries
from relusweep.pipeline.report.sine.summary import summarise
from relusweep.pipeline.report.theme import LIGHT
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from tests.pipeline.report.forms import laid_out
from tests.pipeline.report.pages import Page

TIMES = "\N{MULTIPLICATION SIGN}"
PICTURES = ("tries", "success", "error", "pieces", "fits")
NAMES = ["piece_start", "piece_stop", "slope", "intercept"]
DIMS = ("width", "depth", "trial")
FIELDS = override(find_sweep("sine"), ["width=1,2", "depth=1,2", "trials=4", "restarts.most=9"]).model_dump()
SWEEP = TrainingSweep.model_validate({**FIELDS, "probes": [{"kind": "pieces", "most": 3}]})


def line(kinks: list[float], slopes: list[float]) -> np.ndarray:
    """Lay out start, stop, slope and intercept of the pieces of a function that is 0 at −π."""
    ends = np.array([-np.pi, *kinks, np.pi])
    values = np.concatenate([[0], np.cumsum(np.diff(ends) * slopes)])
    rows = np.full((4, 3), np.nan)
    rows[:, : len(slopes)] = ends[:-1], ends[1:], slopes, values[:-1] - slopes * ends[:-1]
    return rows


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    """Sixteen networks: width 1, depth 2 never meets the bar; one of width 2, depth 2 falls, one blows up."""
    made = np.array([[[1, 2, 4, 5], [10] * 4], [[1] * 4, [1, 1, 3, 10]]], float)
    met = np.ones((2, 2, 4), bool)
    met[0, 1] = met[1, 1, 3] = False
    loss = np.array(
        [[[0.4, 0.2, 0.1, 0.3], [0.495] * 4], [[0.0123, 0.02, 0.03, 0.04], [0.08, 0.06, 0.49, np.nan]]]
    )
    found = np.full((2, 2, 4, 4, 3), np.nan)
    found[...] = line([0.0], [0.0, 0.25])
    found[1, 0, 0] = line([-1.5, 1.5], [-0.5, 0.5, -0.5])
    count = np.full((2, 2, 4), 2.0)
    count[1, 0, 0], count[1, 1, 3] = 5, np.nan
    cells = {
        "success_epoch": np.where(met, 200.0, -1.0),
        "tries": made,
        "try_loss": np.where(met, 0.4, 0.6),
        "final_loss": loss,
        "stop_reason": np.where(np.isnan(loss), 2.0, 1.0),
        "n_pieces": count,
        "done": np.ones((2, 2, 4), bool),
    }
    pieces = {name: ((*DIMS, "piece"), found[..., place, :]) for place, name in enumerate(NAMES)}
    variables = {name: (DIMS, values) for name, values in cells.items()} | pieces
    return laid_out(SWEEP).assign(variables)


@pytest.fixture(scope="module")
def part(whole: xr.Dataset) -> xr.Dataset:
    """As `whole`, but of width 2, depth 2 nothing, and of width 1, depth 1 two trials, have run."""
    ran = whole["done"].copy()
    ran[1, 1] = ran[0, 0, 2:] = False
    return whole.where(ran).assign(done=ran)


@pytest.fixture(scope="module")
def folder(whole: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(whole, tmp_path_factory.mktemp("report"), {"sweep": "sine", "seconds": 2.0}).parent


def test_every_picture_is_in_the_page_and_says_its_numbers(folder: Path) -> None:
    page = Page(folder / "report.html")
    for name in PICTURES:
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (folder / f"{name}.svg").is_file()
    assert [image["class"] for image in page.images] == ["on-light", "on-dark"] * len(PICTURES)
    assert all(re.search(r"\d", image["alt"]) for image in page.images)
    assert "nan" not in page.text.lower()


def test_numbers_in_the_page_are_those_worked_by_hand(folder: Path) -> None:
    page = Page(folder / "report.html")
    # Width 1, depth 1: 4 of 4; Wilson 4/(4 + z²) = 0.510 to 1; tries 1, 2, 4, 5; errors 0.1 to 0.4.
    row = ["1", "1", "4", "100 [51.0, 100.0]", "3 (1 to 5)", "250 (100 to 400)", "2 (2 to 2)"]
    assert row in page.rows
    # Width 2, depth 2: 3 of 4; the network that blew up has no error and no pieces.
    row = ["2", "2", "4", "75.0 [30.1, 95.4]", "2 (1 to 10)", "80.0 (60.0 to 490)", "2 (2 to 2)"]
    assert row in page.rows
    assert ["width", "1", "8", "50.0 [21.5, 78.5]"] in page.rows  # all of depth 1, none of depth 2
    # 11 of 16 met the bar: Wilson 0.444 to 0.858.
    assert "68.8 %" in page.text
    assert "44.40 to 85.84" in page.text
    assert "Sizes (width by depth) of which no network met the bar: 1 by 2." in page.text
    assert "0.012 mean squared, at width 2 and depth 1" in page.text
    assert "Above the bar at the end, though a try had met it: 1 network." in page.text
    assert "1 of 16 networks did not stay finite (outputs infinite or not a number), all at " in page.text
    assert ["Width", "Depth", "Not finite", "Of networks that ran"] in page.rows
    assert ["2", "2", "1", "4"] in page.rows
    assert "The zero function has 495, the best straight line 203." in page.text


def test_the_best_network_of_a_size_is_drawn_with_its_kinks_and_listed(
    whole: xr.Dataset, folder: Path
) -> None:
    page = Page(folder / "report.html")
    summary = summarise(whole)
    assert [(fit.width, fit.depth, fit.trial) for fit in summary.fits] == [
        (1, 1, 2),
        (2, 1, 0),
        (1, 2, 0),
        (2, 2, 1),
    ]
    assert ["1", "-3.141593", "-1.500000", "-0.500000", "-1.570796"] in page.rows
    assert "Width 2, depth 1, trial 0, the first 3 of 5 pieces: error 12.3" in page.text
    axes = fits(summary).draw(LIGHT).axes
    sine, network, kinks = axes[1].lines
    np.testing.assert_allclose(sine.get_ydata(), np.sin(sine.get_xdata()))
    np.testing.assert_allclose(network.get_xdata(), [-np.pi, -1.5, 1.5, np.pi])
    rises = np.cumsum([0, -0.5 * (np.pi - 1.5), 1.5, -0.5 * (np.pi - 1.5)])
    np.testing.assert_allclose(network.get_ydata(), rises, atol=1e-12)
    np.testing.assert_allclose(kinks.get_xdata(), [-1.5, 1.5])


def test_what_has_not_run_is_said_and_hatched(part: xr.Dataset, tmp_path: Path) -> None:
    page = Page(write_report(part, tmp_path, {}))
    assert "10 of 16 networks have run (62.5 %)." in page.text
    assert "Hatched: nothing to show. Asterisk: not all trials have run." in page.text
    assert "nan" not in page.text.lower()
    summary = summarise(part)
    for picture in (tries(summary), errors(summary)):
        for panel in picture.draw(LIGHT).axes:
            assert len(panel.patches) == 1
            assert [text.get_text()[-1] == "*" for text in panel.texts] == [True, False, False]


def test_nothing_run_at_all(whole: xr.Dataset, tmp_path: Path) -> None:
    nothing = whole.where(False).assign(done=whole["done"] & False)
    page = Page(write_report(nothing, tmp_path, {}))
    assert "No network has run yet, of 16." in page.text
    assert "nan" not in page.text.lower()
    assert report_on(nothing).overview(nothing)


def test_a_part_of_the_named_sweep_is_called_one(folder: Path) -> None:
    page = Page(folder / "report.html")
    assert "These data have 2 of 10 widths, 2 of 10 depths and 4 of 10 trials of sine" in page.text
    assert ["Scale", f"2 widths {TIMES} 2 depths {TIMES} 4 trials"] in page.rows


def test_the_terminal_shows_tries_by_size(whole: xr.Dataset) -> None:
    tables = {table.title: table.cells for table in report_on(whole).overview(whole)}
    made = tables["Tries, median over the trials (10 are the most)"]
    assert made.columns.tolist() == ["width", "depth 1", "depth 2"]
    assert made.to_numpy().tolist() == [[1, "3", "10"], [2, "1", "2"]]
    (bar,) = (cells for title, cells in tables.items() if title.startswith("Met the bar of 0.45, %"))
    assert bar["depth 2"].tolist() == ["0", "75.0"]


def test_a_dataset_without_its_dims_is_refused(whole: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"needs the dims width, depth, trial.*sel\(depth=\[…\]\)"):
        write_report(whole.isel(depth=0, drop=True), tmp_path, {})


def test_the_report_of_a_run_tells_how_to_read_pieces(workers: Address, tmp_path: Path) -> None:
    settings = ["width=1,2", "depth=1", "trials=2", "points=16", "epochs=30", "restarts.most=2"]
    sweep = override(find_sweep("sine"), [*settings, "restarts.further_epochs=20"])
    store = str(tmp_path / "store")
    run(sweep, store, workers)
    page = Page(write_report(open_results(store, sweep.group), tmp_path / "report", {"store": store}))
    source = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    (code,) = re.findall(r"<code>(import xarray.*?)</code>", source, flags=re.DOTALL)
    *lines, last = code.replace("&#34;", '"').replace("&#39;", "'").strip().splitlines()
    scope: dict[str, object] = {}
    exec("\n".join(lines), scope)
    pieces = eval(last, scope)
    assert pieces["piece_start"].iloc[0] == -np.pi
    assert pieces["piece_stop"].iloc[-1] == np.pi
    assert [f"{value:.6f}" for value in pieces.filter(NAMES).iloc[0]] in [row[1:] for row in page.rows]
