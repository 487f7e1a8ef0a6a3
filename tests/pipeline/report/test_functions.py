"""The report of sweeps over named functions: numbers worked by hand, and honesty about what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from relusweep.cluster import Address
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.report.functions.dimensions import dimensions
from relusweep.pipeline.report.functions.heatmaps import heatmaps
from relusweep.pipeline.report.functions.scatter_plots import scatter_plots
from relusweep.pipeline.report.functions.summary import correlations, summarise
from relusweep.pipeline.report.functions.tables import bound_tables, extreme_tables, family_table, size_table
from relusweep.pipeline.report.kinds import report_on
from relusweep.pipeline.report.page import write_report
from relusweep.pipeline.report.theme import LIGHT, render
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import override
from tests.pipeline.report.forms import laid_out
from tests.pipeline.report.pages import Page

SMALL = ("n_inputs=4,5", "classes=1,105", "random=20", "width=2,4", "depth=1,2", "trials=4", "epochs=20")


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    """Parity is learned where width^depth ≥ n, once in four at (4, 1); a class always; a random one never.

    Of five inputs the random function k has k rows wrong; all else has one row wrong where it is not learned.
    """
    sweep = override(SWEEPS["dimensions"], SMALL)
    coords = laid_out(sweep)
    dims = ("problem", "n_inputs", "leak", "width", "depth", "trial")
    epochs = xr.DataArray(-1.0, {dim: coords[dim] for dim in dims}, dims).copy()
    parity = {"problem": "parity", "leak": 0.1}
    for n, width, depth in ((4, 2, 2), (4, 4, 2), (5, 4, 2)):
        epochs.loc[parity | {"n_inputs": n, "width": width, "depth": depth}] = 9
    epochs.loc[parity | {"n_inputs": 4, "width": 4, "depth": 1, "trial": 3}] = 9
    epochs[:2] = 7
    right = (2.0 ** epochs["n_inputs"] - (epochs < 0)).transpose(*dims)
    right[3:, 1] = 32 - np.arange(20).reshape(-1, 1, 1, 1, 1)
    return coords.assign(success_epoch=epochs, rows_right=right)


@pytest.fixture(scope="module")
def part(whole: xr.Dataset) -> xr.Dataset:
    """As `whole`, but nothing of (2, 1), and of (4, 1) only the first two trials, has run."""
    absent = (whole["width"] == 2) & (whole["depth"] == 1)
    absent = absent | ((whole["width"] == 4) & (whole["depth"] == 1) & (whole["trial"] > 1))
    return whole.where(~absent)


@pytest.fixture(scope="module")
def folder(whole: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(whole, tmp_path_factory.mktemp("report"), {"sweep": "dimensions"}).parent


def test_kinds_of_functions_by_hand(whole: xr.Dataset) -> None:
    rows = family_table(summarise(whole)).cells.to_numpy().tolist()
    # Four inputs: 9 of 16 networks learned parity; the others got 15 of 16 rows: (9 + 7 · 15/16) / 16.
    assert rows[0][:6] == ["4", "parity", "1", "16", "97.3", "56.2 [33.2, 76.9]"]
    assert rows[0][6:] == ["1.000", "1.000", "0.000"]
    assert rows[1][:6] == ["4", "class XOR parity", "2", "32", "100", "100 [89.3, 100.0]"]
    assert rows[2][:6] == ["4", "random", "20", "320", "93.8", "0 [0.0, 1.2]"]
    assert rows[3][:6] == ["5", "parity", "1", "16", "97.7", "25.0 [10.2, 49.5]"]
    # Random functions of five inputs: 9.5 of 32 rows wrong on average.
    assert rows[5][:6] == ["5", "random", "20", "320", "70.3", "0 [0.0, 1.2]"]


def test_sizes_by_hand(whole: xr.Dataset) -> None:
    rows = size_table(summarise(whole)).cells.to_numpy().tolist()
    assert len(rows) == 2 * 4 * 3
    assert ["4", "0.1", "4", "1", "yes", "parity", "4", "95.3", "25.0 [4.6, 69.9]"] in rows
    assert ["5", "0.1", "4", "1", "no", "parity", "4", "96.9", "0 [0.0, 49.0]"] in rows
    assert ["5", "0.1", "4", "2", "yes", "parity", "4", "100", "100 [51.0, 100.0]"] in rows


def test_sizes_of_the_construction_are_counted_beside_those_that_learned(whole: xr.Dataset) -> None:
    # 2^1 < 4 = 2^2 = 4^1 < 4^2, and only 4^2 is at least 5.
    (table,) = bound_tables(summarise(whole))
    assert table.cells.to_numpy().tolist() == [
        ["4", "0.1", "no", "1", "0", "0"],
        ["4", "0.1", "yes", "3", "3", "100"],
        ["5", "0.1", "no", "3", "0", "0"],
        ["5", "0.1", "yes", "1", "1", "100"],
    ]


def test_the_bound_is_drawn_over_parity_alone(whole: xr.Dataset) -> None:
    four, five = (picture.draw(LIGHT) for picture in heatmaps(summarise(whole)))
    for drawing, heights in ((four, [1, 0]), (five, [2, 1])):
        lines = {
            axis.get_title(): [patch for patch in axis.patches if hasattr(patch, "get_data")]
            for axis in drawing.axes[:6]
        }
        assert [patch.get_data().values.tolist() for patch in lines["parity: success"]] == [heights]
        assert [patch.get_data().values.tolist() for patch in lines["parity: rows right"]] == [heights]
        assert not lines["20 random: success"]
        assert not lines["2 class XOR parity: rows right"]


def test_correlations_by_hand(whole: xr.Dataset) -> None:
    # Let the share of rows right fall with the influence, of random functions of five inputs.
    order = whole["influence"].sel(n_inputs=5)[3:].argsort().argsort()
    random = whole["rows_right"].copy()
    random[3:, 1] = 32 - order.to_numpy().reshape(-1, 1, 1, 1, 1)
    rows = correlations(summarise(whole.assign(rows_right=random))).set_index(["n_inputs", "family"])
    assert rows.loc[("5", "random"), "influence share"] < -0.98  # equal influences share a rank
    assert rows.loc[("5", "random"), "functions"] == 20
    assert np.isnan(rows.loc[("4", "random"), "influence share"])  # all of them have one row wrong
    # Parity, of influence 5, takes more epochs than the classes, of 4.5 and 2.
    assert rows.loc[("5", "all"), "influence epochs"] == pytest.approx(np.sqrt(3) / 2)
    assert rows.loc[("all", "all"), "functions"] == 46
    assert ("5", "class xor parity") not in rows.index  # two functions are too few


def test_extremes_are_named(whole: xr.Dataset) -> None:
    hardest, easiest = (table.cells for table in extreme_tables(summarise(whole)))
    of_five = hardest[hardest["Inputs n"] == "5"]
    assert of_five["Function"].tolist() == ["random 0019", "random 0018", "random 0017"]
    assert of_five["Rows right, %"].tolist() == ["40.6", "43.8", "46.9"]
    # The classes and random 0000 have all rows right: ties in the order of the names.
    assert easiest[easiest["Inputs n"] == "5"]["Function"].tolist() == [
        "class 00001 xor parity",
        "class 00105 xor parity",
        "random 0000",
    ]


def test_few_functions_are_all_named(whole: xr.Dataset) -> None:
    (table,) = extreme_tables(summarise(whole.isel(problem=slice(2, 8), n_inputs=[1])))
    assert table.cells["Function"].tolist()[:2] == ["random 0004", "random 0003"]
    assert sorted(table.cells["Function"]) == ["parity", *(f"random 000{k}" for k in range(5))]


def test_every_function_is_one_point(whole: xr.Dataset) -> None:
    pictures = scatter_plots(summarise(whole))
    names = [picture.name for picture in pictures]
    assert names == ["measures-rows-right", "measures-success", "measures-epochs"]
    axes = pictures[0].draw(LIGHT).axes
    assert len(axes) == 2 * 3
    influence = axes[4]  # of five inputs
    points = [collection.get_offsets() for collection in influence.collections]
    assert [len(of_kind) for of_kind in points] == [1, 2, 20]
    np.testing.assert_allclose(points[0], [[5, 100 * (4 * 32 + 12 * 31) / (16 * 32)]])
    np.testing.assert_allclose(points[2][:, 0], whole["influence"][3:, 1])
    np.testing.assert_allclose(points[2][:, 1], 100 * (32 - np.arange(20)) / 32)
    # Of random functions no network succeeded; parity took nine epochs, the classes seven.
    epochs = [collection.get_offsets() for collection in pictures[2].draw(LIGHT).axes[4].collections]
    assert [np.ma.compressed(of_kind[:, 1]).tolist() for of_kind in epochs] == [[9], [7, 7], []]


def test_intervals_by_the_number_of_inputs(whole: xr.Dataset) -> None:
    picture = dimensions(summarise(whole))
    assert picture is not None
    success = picture.draw(LIGHT).axes[0]
    (dots, _, (lines,)) = success.containers[0]
    np.testing.assert_allclose(dots.get_ydata(), [100 * 9 / 16, 25])
    np.testing.assert_allclose(lines.get_segments()[1][:, 1], [10.18, 49.50], atol=5e-3)  # Wilson of 4/16


def test_the_page(folder: Path, whole: xr.Dataset) -> None:
    page = Page(folder / "report.html")
    assert "How well do small networks learn functions of 4 to 5 inputs?" in page.text
    assert "parity, 2 NPN classes of four inputs XOR parity and 20 random functions, of 4 to 5" in page.text
    assert "Learned, class XOR parity" in page.text
    # 13 of 32 networks learned parity.
    assert "40.6 %" in page.text
    assert "of all its networks; 95 %: 25.52 to 57.74; 97.5 % of the rows right" in page.text
    assert "These data have 2 of 6 input counts" not in page.text  # of 4 inputs the named sweep has none
    assert "These data have 22 of 323 functions" not in page.text  # parity counts as well
    assert "These data have 23 of 323 functions, 1 of 6 input counts" in page.text
    names = {path.stem for path in folder.glob("*.png")}
    assert names >= {"sizes-4-0.1", "sizes-5-0.1", "dimensions", "measures-rows-right", "measures-epochs"}
    assert "Not everything has run" not in page.text
    assert len([row for row in page.rows if row[1:2] == ["random 0007"]]) == 2


def test_what_has_not_run_is_said_wherever_it_matters(part: xr.Dataset, tmp_path: Path) -> None:
    page = Page(write_report(part.isel(n_inputs=[1]), tmp_path, {}))
    # 23 functions, (0 + 4 + 2 + 4) of 16 networks each.
    assert "230 of 368 networks have run (62.5 %)." in page.text
    assert "Hatched: sizes of which no network has run." in page.text
    assert "Asterisk: sizes of which only a part of the networks has run" in page.text
    assert "functions may be compared over different sizes and trials" in page.text
    assert ["5", "0.1", "2", "1", "92"] in page.rows
    assert ["5", "0.1", "2", "1", "no", "random", "0", "\N{EN DASH}", "\N{EN DASH}"] in page.rows
    assert "nan" not in page.text.lower()


def test_nothing_run_at_all(whole: xr.Dataset, tmp_path: Path) -> None:
    nothing = whole.where(whole["trial"] < 0).isel(n_inputs=[1], width=[0], depth=[0])
    page = Page(write_report(nothing, tmp_path, {}))
    assert "No network has run yet, of 92." in page.text
    assert "nan" not in page.text.lower()
    shown = report_on(nothing).overview(nothing)
    assert "nan" not in "".join(table.cells.to_string() for table in shown)


def test_raw_fill_values_are_missing_too(part: xr.Dataset) -> None:
    raw = part.fillna({"success_epoch": -2, "rows_right": -1}).astype(int)
    xr.testing.assert_identical(summarise(raw).by_size, summarise(part).by_size)


def test_a_sweep_of_one_size_has_no_maps(whole: xr.Dataset) -> None:
    one = summarise(whole.isel(width=[1], depth=[1], n_inputs=[1]))
    assert (heatmaps(one), dimensions(one)) == ([], None)
    assert len(scatter_plots(one)) == 3


def test_a_few_functions_have_no_points(whole: xr.Dataset) -> None:
    few = summarise(whole.isel(problem=slice(2, 8), n_inputs=[0]))
    assert scatter_plots(few) == []
    assert [picture.name for picture in heatmaps(few)] == ["sizes-4-0.1"]


def test_a_kind_that_is_not_there_is_not_spoken_of(whole: xr.Dataset) -> None:
    page = report_on(whole).content(whole.isel(problem=slice(3, None)))
    assert "trained on 20 random functions, of" in page.lead
    assert [figure.what for figure in page.key_figures] == ["Learned, random"]
    assert bound_tables(summarise(whole.isel(problem=slice(3, None)))) == []


def test_the_same_data_give_the_same_bytes(whole: xr.Dataset, folder: Path) -> None:
    again = scatter_plots(summarise(whole))[0]
    assert render(again, LIGHT, "svg") == (folder / f"{again.name}.svg").read_bytes()


def test_a_dataset_without_its_dims_is_refused(whole: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"needs the dims problem, .*sel\(n_inputs=\[…\]\)"):
        write_report(whole.isel(n_inputs=0, drop=True), tmp_path, {})


def test_one_number_of_inputs_may_be_a_coordinate_alone(whole: xr.Dataset) -> None:
    one, short = (report_on(whole).overview(whole.isel(n_inputs=place)) for place in (1, [1]))
    for table, other in zip(one[2:], short[2:], strict=True):
        pd.testing.assert_frame_equal(table.cells, other.cells)


def test_a_small_run_is_reported(workers: Address, tmp_path: Path) -> None:
    settings = ("n_inputs=5", "classes=1,105", "random=2", "width=2", "depth=1,2", "trials=2", "epochs=5")
    sweep = override(SWEEPS["parity10"], settings)
    run(sweep, str(tmp_path / "store"), workers)
    data = open_results(tmp_path / "store", sweep.group)
    page = Page(write_report(data, tmp_path / "report", {}))
    assert ["Networks in the data", "20 of 20"] in page.rows
    assert {row[1] for row in page.rows if row[0] == "5"} >= {"parity", "random 0001"}
    (_, _, sizes, *_) = report_on(data).overview(data)
    assert len(sizes.cells) == 2 * 3
