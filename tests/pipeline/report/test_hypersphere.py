"""The report of balls and shells: numbers by hand, polygons that agree with the store, a page that stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.text import Text

from relusweep.cluster import Address
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.report.content import Content, Table
from relusweep.pipeline.report.hypersphere.orthogonality import cosine_figures, cosine_table
from relusweep.pipeline.report.hypersphere.polygons import outlines, polygon_tables, polygons
from relusweep.pipeline.report.hypersphere.polytopes import polytope_figures, polytope_table
from relusweep.pipeline.report.hypersphere.summary import summarise
from relusweep.pipeline.report.hypersphere.tables import (
    dimension_table,
    right_table,
    setting_table,
    shape_table,
)
from relusweep.pipeline.report.kinds import report_on
from relusweep.pipeline.report.page import write_report
from relusweep.pipeline.report.text import NOTHING
from relusweep.pipeline.report.theme import LIGHT, Picture
from relusweep.pipeline.report.training.page import content
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import override
from relusweep.pipeline.sweeps.training.again import network_of
from relusweep.tasks.hypersphere.shapes import Shape
from tests.pipeline.report.pages import Page

PLANE = ["trials=4", "epochs=100", "samples=200", "batch=10", "leak=0,0.1", "inputs=scaled"]
SPACE = ["trials=4", "epochs=20", "samples=200", "test_samples=20", "batch=10", "n_inputs=2,3"]


def _ran(name: str, settings: list[str], store: Path, workers: Address) -> xr.Dataset:
    sweep = override(SWEEPS[name], settings)
    run(sweep, str(store), workers)
    return xr.open_dataset(store, engine="relusweep", group=sweep.group).load()


@pytest.fixture(scope="module")
def plane(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """`annulus`, small: some networks have closed a polygon."""
    return _ran("annulus", PLANE, tmp_path_factory.mktemp("plane") / "store", workers)


@pytest.fixture(scope="module")
def space(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """`hypersphere`, small, with results by hand: ReLU reaches all, one, and nothing of the bars."""
    data = _ran("hypersphere", SPACE, tmp_path_factory.mktemp("space") / "store", workers)
    right = data["test_rows_right"].squeeze(["loss", "batch", "inputs"], drop=True)
    right = xr.full_like(right, 20.0)
    right.loc[{"n_inputs": 2, "leak": 0}] = [20, 19, 18, 0]
    right.loc[{"n_inputs": 3, "leak": 0.01}] = 19
    succeeded = xr.where(right >= 18, 20.0, -1.0)
    shape = xr.full_like(right, float(Shape.OPEN))
    shape.loc[{"n_inputs": 2, "leak": 0}] = [2, 3, 1, 2]  # the last one did not succeed
    changed = {"test_rows_right": right, "success_epoch": succeeded, "shape": shape}
    return data.assign(
        {name: data[name].copy(data=of.values.reshape(data[name].shape)) for name, of in changed.items()}
    )


def row(table: Table, **labels: str) -> dict[str, str]:
    cells = table.cells
    for heading, label in labels.items():
        cells = cells[cells[heading] == label]
    assert len(cells) == 1
    return cells.iloc[0].to_dict()


def test_bars_are_counted_on_test_samples(space: xr.Dataset) -> None:
    """Of 20 samples 19 are 95 %, and only 20 are 98 %; the intervals are Wilson's."""
    table = dimension_table(summarise(space))
    assert "test samples" in table.title
    of = row(table, Leak="0", Dimension="2")
    assert of["Networks"] == "4"
    assert of["≥ 95 %"] == "50.0 [15.0, 85.0]"
    assert of["≥ 98 %"] == of["≥ 99.99 %"] == "25.0 [4.6, 69.9]"
    of = row(table, Leak="0.01", Dimension="3")
    assert (of["≥ 95 %"], of["≥ 98 %"]) == ("100 [51.0, 100.0]", "0 [0.0, 49.0]")


def test_without_test_samples_bars_are_counted_on_training_samples(plane: xr.Dataset) -> None:
    table = dimension_table(summarise(plane))
    assert "training samples" in table.title
    reached = (plane["rows_right"].sel(leak=0.1) >= 190).mean()
    assert row(table, Leak="0.1")["≥ 95 %"].startswith(f"{100 * float(reached):.1f}")


def test_shapes_are_shares_of_the_networks_that_succeeded(space: xr.Dataset) -> None:
    of = row(shape_table(summarise(space)), Dimension="2", Leak="0")
    assert of["Loss"] == "BCE"
    assert of["Successful networks"] == "3"
    assert of["Near the hyperoctahedron"] == of["Near the expanded simplex"] == "1: 33.3 [6.1, 79.2]"
    assert of["Bounded, near neither"] == "1: 33.3 [6.1, 79.2]"
    assert of["Not bounded"] == "0: 0 [0.0, 56.1]"
    of = row(right_table(summarise(space)), Dimension="2")
    assert of == {
        "Dimension": "2",
        "Near the hyperoctahedron": "100.000",
        "Near the expanded simplex": "95.000",
        "Bounded, near neither": "90.000",
        "Not bounded": "100.000",
    }


def test_every_setting_has_a_row(plane: xr.Dataset) -> None:
    table = setting_table(summarise(plane))
    assert len(table.cells) == 4
    successes = int((plane["success_epoch"].sel(loss="mse", leak=0.1) >= 0).sum())
    assert row(table, Loss="MSE", Leak="0.1")["Success, % [95 %]"].startswith(
        {0: "0 ", 4: "100 "}.get(successes, f"{25 * successes:.1f} ")
    )


def test_polygons_have_the_corners_that_the_store_says(plane: xr.Dataset) -> None:
    traced = outlines(summarise(plane))
    assert len(traced) == int((plane["success_epoch"] >= 0).sum()) > 4
    kinds, beside = polygon_tables(traced)
    assert kinds.cells.drop(columns=["Loss", "Leak"]).astype(int).to_numpy().sum() == len(traced)
    places = traced.rename(columns={"place": "trial"})
    vertices = [
        int(plane["vertices"].sel(of._asdict() | {"n_inputs": 2}, drop=True))
        for of in places[["loss", "leak", "batch", "inputs", "trial"]].itertuples(index=False)
    ]
    for name, corners in (("Quadrilateral", 4), ("Hexagon", 6)):
        closed = traced["outline"] == {"Quadrilateral": 2, "Hexagon": 3}[name]
        assert closed.any()
        assert {vertices[place] for place in np.flatnonzero(closed)} == {corners}
        assert row(beside, Polygon=name)["Not bounded"] == "0"
    assert row(beside, Polygon="Quadrilateral")["Near the expanded simplex"] == "0"


def test_the_samples_of_a_network_are_those_that_it_was_trained_on(plane: xr.Dataset) -> None:
    """As many of them are right as the training counted."""
    one = plane.sel(n_inputs=2, batch=10, inputs="scaled", leak=0.1)
    for network in (one.sel(loss=loss, trial=trial) for loss in ("bce", "mse") for trial in range(4)):
        block = network_of(network)
        points, targets = block.problem.draw(block.setting, block.labels, block.trials, block.seed)[:2]
        first, last = np.split(network["parameters"].values.astype(float), [9])
        hidden = points[0] @ first.reshape(3, 3)[:, :2].T + first.reshape(3, 3)[:, 2]
        output = np.where(hidden > 0, hidden, 0.1 * hidden) @ last[:3] + last[3]
        threshold = block.protocol.threshold
        assert np.sum((output > threshold) == (targets[0] > threshold)) == int(network["rows_right"])


def test_what_was_not_probed_is_left_out(plane: xr.Dataset) -> None:
    for gone in (["shape"], ["shape", "parameters"], ["parameters"]):
        headings = [section.heading for section in content(plane.drop_vars(gone)).sections]
        assert ("Shapes of the regions" in headings) == ("shape" not in gone)
        assert "In the plane" not in headings
        assert [block.title for block in report_on(plane).overview(plane.drop_vars(gone))][:3] == [
            "Axes",
            "Success by one axis at a time, all others together",
            "Success of every setting",
        ]


def test_other_sizes_are_not_called_the_smallest(plane: xr.Dataset) -> None:
    wide = plane.drop_vars("parameters").assign_coords(width=6, depth=2)
    assert content(wide).lead.startswith("Networks of width 6 and depth 2, with ReLU")
    assert "smallest" not in content(wide).heading
    assert "the smallest networks" in content(plane.assign_coords(width=3, depth=1)).heading


def test_without_success_in_the_plane_there_is_no_polygon(plane: xr.Dataset, space: xr.Dataset) -> None:
    none = summarise(plane.assign(success_epoch=-xr.ones_like(plane["success_epoch"])))
    assert polygons(none, outlines(none)) is None
    assert outlines(summarise(space.sel(n_inputs=[3]))).empty


def test_the_polytopes_built_agree_with_their_closed_forms() -> None:
    figures = polytope_figures()
    for name in ("hyperoctahedron", "expanded simplex"):
        built = figures[f"{name}, built"].dropna()
        assert built.index.tolist() == [2, 3, 4, 5, 6]
        np.testing.assert_allclose(built, figures[name].loc[built.index], rtol=1e-12)
    assert (
        row(polytope_table(figures), Dimension="7")["Hyperoctahedron: circumradius / inradius, built"]
        == NOTHING
    )


def test_directions_become_orthogonal_as_the_closed_form_says() -> None:
    figures = cosine_figures(seed=0)
    many = figures.loc[16:]
    np.testing.assert_allclose(many["mean"], many["expected"], rtol=0.03)
    assert (figures["mean"] <= figures["maximum"]).all()
    assert len(cosine_table(figures).cells) == len(figures)


@pytest.mark.parametrize(
    ("name", "pictures"),
    [
        ("plane", ["settings", "shapes", "polygons", "polytopes", "orthogonality"]),
        ("space", ["dimensions", "shapes", "polygons", "polytopes", "orthogonality"]),
    ],
)
def test_a_page_that_stands_alone(
    name: str, pictures: list[str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    page = write_report(request.getfixturevalue(name), tmp_path / "report", {})
    files = {f"{picture}.{kind}" for picture in pictures for kind in ("png", "svg")} | {"report.html"}
    assert {path.name for path in page.parent.iterdir()} == files
    read = Page(page)
    assert [image["alt"] for image in read.images if not image["alt"]] == []
    assert len(read.images) == 2 * len(pictures)
    assert read.outside(page.parent) == []
    assert "nan" not in re.findall(r"\w+", read.text.lower())
    assert "What do the smallest networks close" in read.text
    assert "These data have" in read.text  # less than the named sweep


def texts(of: Content) -> Iterator[str]:
    """Draw all pictures of a page; give the texts of these and of the tables."""
    for block in (block for section in of.sections for block in section.blocks):
        if isinstance(block, Picture):
            found = block.draw(LIGHT).findobj(Text)
            yield from (block.caption, block.alt, *(text.get_text() for text in found))
        elif isinstance(block, Table):
            yield from block.cells.to_numpy().ravel().tolist()


@pytest.mark.parametrize("ran", [True, False], ids=["in part", "nothing"])
def test_what_has_not_run_is_left_out(ran: bool, plane: xr.Dataset) -> None:
    part = content(plane.where((plane["loss"] == "bce") & ran))
    words = list(texts(part))
    assert all(isinstance(word, str) and "nan" not in word.lower().split() for word in words)
    assert ("In the plane" in {section.heading for section in part.sections}) == ran
    _, _, bce, mse = part.key_figures
    assert mse.value == NOTHING
    assert (bce.value != NOTHING) == ran


def test_a_selection_is_reported_and_a_lost_dim_refused(plane: xr.Dataset) -> None:
    part = content(plane.sel(loss="bce", batch=10))
    assert [section.heading for section in part.sections][:3] == [
        "What was asked",
        "Success",
        "Shapes of the regions",
    ]
    with pytest.raises(ValueError, match=r"keep 'leak' as a dim"):
        content(plane.isel(leak=0, drop=True))


def test_the_terminal_shows_success_and_shapes(plane: xr.Dataset, space: xr.Dataset) -> None:
    titles = [[table.title for table in report_on(data).overview(data)] for data in (plane, space)]
    assert titles[0][2] == "Success of every setting"
    assert titles[1][2].startswith("Networks with so many of their test samples right")
    shapes = report_on(space).overview(space)[-1]
    assert row(shapes, Dimension="2", Leak="0")["Near the hyperoctahedron"] == "1"


def test_the_page_tells_how_to_draw_a_network_again(space: xr.Dataset) -> None:
    """What it says to type, typed."""
    names: dict[str, object] = {"results": space}
    exec("\n".join(content(space).questions), names)
    points, targets, curves = (names[name] for name in ("points", "targets", "curves"))
    assert np.shape(points) == (1, 200, 2)
    assert np.shape(targets) == (1, 200)
    assert isinstance(curves, list)
