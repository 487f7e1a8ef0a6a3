"""The report of any training sweep: its axes, what comes of networks along them, pairs, curves, families."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.text import Text

from relusweep.pipeline.common.queries import success_rate
from relusweep.pipeline.report.content import Folded, Table
from relusweep.pipeline.report.kinds import report_on
from relusweep.pipeline.report.page import write_report
from relusweep.pipeline.report.text import percent
from relusweep.pipeline.report.theme import LIGHT, Picture
from relusweep.pipeline.report.training.axes import axes_table, fixed_table
from relusweep.pipeline.report.training.comparison import compared, paired_axes
from relusweep.pipeline.report.training.curves import curves
from relusweep.pipeline.report.training.families import family_of, prepared
from relusweep.pipeline.report.training.maps import dots, pair_map
from relusweep.pipeline.report.training.outcome import marginal_table, outcome_of
from relusweep.pipeline.report.training.page import content
from relusweep.tasks.medians import median
from tests.pipeline.report.forms import own_sweep, training
from tests.pipeline.report.pages import Page


@pytest.fixture(scope="module")
def own() -> xr.Dataset:
    """Of 20 trials, 0, 5 and 10 succeed at the three learning rates; one more with `pytorch`."""
    return own_sweep()


@pytest.fixture(scope="module")
def by_loss() -> xr.Dataset:
    return own_sweep(by_loss=True)


def titles(dataset: xr.Dataset) -> list[str]:
    return [block.title for block in report_on(dataset).overview(dataset) if isinstance(block, Table)]


def pictures(dataset: xr.Dataset) -> list[str]:
    blocks = (block for section in content(dataset).sections for block in section.blocks)
    return [block.name for block in blocks if isinstance(block, Picture)]


def test_a_sweep_of_ones_own_is_reported_without_code(own: xr.Dataset, tmp_path: Path) -> None:
    page = Page(write_report(own, tmp_path, {"sweep": "mine"}))
    assert "How does the success of networks depend on width, init and learning_rate?" in page.text
    times = "\N{MULTIPLICATION SIGN}"
    assert f"2 widths {times} 2 initialisations {times} 3 learning rates {times} 20 trials" in page.text
    assert ["init", "network", "2", "he_normal, pytorch", "meaning of init"] in page.rows
    assert ["learning_rate", "protocol", "3", "0.01, 0.025, 0.05", "meaning of learning_rate"] in page.rows
    assert ["batch", "protocol", "all rows", "meaning of batch"] in page.rows
    # Of 80 networks of a learning rate 2, 22 and 42 succeed: 66 of 240; of 40 of `pytorch` there one more.
    # Those of three learning rates start alike, and are 40 in the interval.
    assert "27.5 %" in page.text
    assert ["learning_rate", "0.01", "80", "2.5 [0.7, 8.7]"] in page.rows
    assert ["", "pytorch", "120", "30.0 [18.1, 45.4]"] in page.rows
    assert ["0.05", "pytorch", "40", "55.0 [39.8, 69.3]"] in page.rows
    files = {path.stem for path in tmp_path.glob("*.png")}
    maps = {"by-init-and-learning_rate", "by-width-and-learning_rate", "by-init-and-width"}
    assert files == {*maps, "differences", "curves"}
    assert "nan" not in page.text.lower()


def test_what_is_fixed_is_told_apart_from_what_varies(own: xr.Dataset) -> None:
    part = own.isel(width=0, init=[1])
    assert axes_table(part).cells["Axis"].tolist() == ["learning_rate", "trial"]
    same = fixed_table(part).cells.set_index("Axis")["Value"].to_dict()
    assert same["init"] == "pytorch"
    assert same["width"] == "4"
    assert not {"learning_rate", "trial"} & same.keys()


def test_a_map_has_the_rates_of_both_axes(own: xr.Dataset) -> None:
    outcome = outcome_of(own)
    assert outcome.axes == ["learning_rate", "init", "width"]  # those that tell most first
    axis = pair_map(outcome, ("learning_rate", "init")).draw(LIGHT).axes[0]
    assert [text.get_text() for text in axis.texts] == ["0", "25", "50", "5", "30", "55"]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["he_normal", "pytorch"]
    nothing = outcome_of(own.where((own["learning_rate"] > 0.01) & (own["trial"] > 9)))
    axis = pair_map(nothing, ("learning_rate", "init")).draw(LIGHT).axes[0]
    assert len(axis.patches) == 2
    assert all(text.get_text().endswith("*") for text in axis.texts)


def test_one_axis_is_dots_with_intervals(own: xr.Dataset) -> None:
    part = own.isel(width=0, init=0)
    assert pictures(part) == ["by-learning_rate", "differences", "curves"]
    middle, _, (bars,) = dots(outcome_of(part), "learning_rate").draw(LIGHT).axes[0].containers[0]
    np.testing.assert_allclose(middle.get_ydata(), [0, 25, 50])
    found = 100 * success_rate(part, "trial")
    ends = [segment[:, 1] for segment in bars.get_segments()]
    np.testing.assert_allclose(ends, np.stack([found["low"], found["high"]], axis=1))


def test_no_axis_at_all_is_a_number(own: xr.Dataset, tmp_path: Path) -> None:
    one = own.isel(width=0, init=0, learning_rate=2).drop_vars([name for name in own if "curve" in str(name)])
    assert pictures(one) == []
    page = Page(write_report(one, tmp_path, {}))
    assert "How does the success of networks come out?" in page.text
    assert ["all networks", "", "20", "50.0 [29.9, 70.1]"] in page.rows


def test_without_success_losses_are_compared(by_loss: xr.Dataset, tmp_path: Path) -> None:
    outcome = outcome_of(by_loss)
    assert outcome.by_loss
    found = outcome.over("learning_rate")
    at = by_loss["final_loss"].sel(learning_rate=0.025).to_numpy().ravel()
    quartiles = [float(found[name].sel(learning_rate=0.025)) for name in ("low", "value", "high")]
    np.testing.assert_allclose(quartiles, np.quantile(at, [0.25, 0.5, 0.75]))
    ends = [float(found[name].sel(learning_rate=0.025)) for name in ("median_low", "median_high")]
    np.testing.assert_array_equal([ends], [median(at)[1:]])
    blown = by_loss["final_loss"].where(by_loss["trial"] > 0, np.inf)
    above = outcome_of(by_loss.assign(final_loss=blown)).over("learning_rate")["value"]
    assert (above > found["value"]).all()
    assert np.isfinite(above).all()
    page = Page(write_report(by_loss, tmp_path, {}))
    assert "How does the final loss of networks depend on" in page.text
    assert "Second ends lower, % of pairs [95 %]" in [name for row in page.rows for name in row]
    assert "Logarithmic scale" in page.text


def test_losses_of_test_rows_come_before_those_of_training_rows(by_loss: xr.Dataset) -> None:
    outcome = outcome_of(by_loss.assign(test_loss=2 * by_loss["final_loss"]))
    assert (outcome.what, outcome.loss) == ("Test loss", "test_loss")
    np.testing.assert_allclose(outcome.over()["value"], 2 * outcome_of(by_loss).over()["value"])
    assert "Test loss, median [95 %]" in marginal_table(outcome).cells
    few = marginal_table(outcome_of(by_loss.isel(trial=[0], width=[0], init=[0]))).cells
    assert "[" not in few.iloc[1]["Final loss, median [95 %]"]  # five values or fewer bound no median


def test_key_figures_name_the_best_of_network_and_protocol_alone(by_loss: xr.Dataset) -> None:
    most = f"Best {outcome_of(by_loss).axes[0]}"
    assert most in [figure.what for figure in content(by_loss).key_figures]
    data = by_loss.copy()
    for dim in outcome_of(by_loss).axes:
        data[dim] = data[dim].assign_attrs(part="problem")
    assert [figure.what for figure in content(data).key_figures] == ["Final loss"]


def test_pairs_are_those_counted_by_hand(own: xr.Dataset) -> None:
    frame = compared(outcome_of(own), "learning_rate").set_index(["first", "second"])
    # Trial 0 of `pytorch` succeeds at both, and five trials of either start at the second alone; two widths.
    row = frame.loc[(0.01, 0.025)]
    assert row["pairs"] == 80
    assert (row["of_first"], row["of_second"]) == (2 / 80, 22 / 80)
    assert row["difference"] == 20 / 80
    assert row["low"] < 0.25 < row["high"]
    assert row["p"] < 1e-5
    part = own.where((own["learning_rate"] > 0.01) | (own["trial"] < 3))
    assert compared(outcome_of(part), "learning_rate")["pairs"].tolist() == [12, 12, 80]


def test_networks_of_one_start_are_not_more_pairs(own: xr.Dataset) -> None:
    """A pair at each of two lengths of training is two comparisons, and not twice the pairs of one."""
    both = xr.concat([own, own], xr.IndexVariable("epochs", [40, 50])).assign_attrs(
        paired_along=["epochs", "learning_rate"]
    )
    frame = compared(outcome_of(both), "learning_rate").set_index(["first", "second", "at"])
    alone = compared(outcome_of(own), "learning_rate").set_index(["first", "second"])
    for epochs in (40, 50):
        row, one = frame.loc[(0.01, 0.025, f"epochs {epochs}")], alone.loc[(0.01, 0.025)]
        assert row["pairs"] == one["pairs"] == 80
        assert (row["low"], row["high"]) == (one["low"], one["high"])
    assert frame["p"].max() == pytest.approx(alone["p"].max())
    page_rows = [
        row for table in report_on(both).overview(both) if isinstance(table, Table) for row in table.cells
    ]
    assert "At" in page_rows


def test_only_axes_of_the_same_starts_are_compared(own: xr.Dataset) -> None:
    assert paired_axes(outcome_of(own)) == ["learning_rate"]
    assert paired_axes(outcome_of(own.isel(learning_rate=[0]))) == []
    assert paired_axes(outcome_of(own.drop_attrs())) == []
    assert "Pairs along learning_rate" in titles(own)
    assert "Pairs along init" not in titles(own)


def test_different_losses_are_not_compared(by_loss: xr.Dataset) -> None:
    alike = [*by_loss.attrs["paired_along"], "loss"]
    kinds = xr.IndexVariable("loss", ["mse", "huber"])
    both = xr.concat([by_loss.drop_vars("loss", errors="ignore")] * 2, kinds).assign_attrs(paired_along=alike)
    found = titles(both)
    assert "Pairs along learning_rate" in found
    assert "Pairs along loss" not in found
    for kind in ("mse", "huber"):
        assert f"Final loss ({kind}) by one axis at a time, all others together" in found
    assert "Final loss by one axis at a time, all others together" not in found
    names = pictures(both)
    assert len(set(names)) == len(names)
    assert sum(name.endswith("-mse") for name in names) == sum(name.endswith("-huber") for name in names) > 0
    one, other = outcome_of(
        both.assign(final_loss=both.final_loss * xr.DataArray([1, 9], {"loss": ["mse", "huber"]}))
    ).parted
    assert other.over()["value"] == pytest.approx(9 * one.over()["value"])


def test_pairs_of_losses_are_counted_by_the_lower(by_loss: xr.Dataset) -> None:
    loss = by_loss["final_loss"].copy()
    loss.loc[{"learning_rate": 0.05, "trial": [0, 1, 2]}] = np.nan
    frame = compared(outcome_of(by_loss.assign(final_loss=loss)), "learning_rate")
    assert frame["difference"].tolist() == [1.0, 17 / 20, 17 / 20]  # what is not finite is no lower


def test_the_picture_of_pairs_turns_towards_the_best(own: xr.Dataset) -> None:
    found = dict(_pictures(content(own)))
    (axis,) = found["differences"].draw(LIGHT).axes
    assert axis.get_title() == "learning_rate: others beside 0.05"
    dots_at = axis.containers[0][0].get_xdata()
    np.testing.assert_allclose(dots_at, [-50, -25])


def _pictures(of: object) -> list[tuple[str, Picture]]:
    blocks = (block for section in of.sections for block in section.blocks)  # type: ignore[attr-defined]
    return [(block.name, block) for block in blocks if isinstance(block, Picture)]


def test_curves_are_medians_of_those_that_still_train(own: xr.Dataset) -> None:
    picture = curves(own, outcome_of(own))
    assert picture is not None
    loss, right, norm = picture.draw(LIGHT).axes
    assert [axis.get_title() for axis in (loss, right, norm)] == [
        "loss",
        "rows right (%)",
        "norm of the gradient",
    ]
    assert [line.get_label() for line in loss.lines] == ["0.01", "0.025", "0.05"]
    rows = own["curve_loss"].sel(learning_rate=0.05).to_numpy().reshape(-1, 4)
    np.testing.assert_allclose(loss.lines[2].get_ydata(), np.nanmedian(rows, axis=0))
    assert np.isnan(rows[:, 2]).any()
    assert "has stopped is left out" in picture.caption
    gone = own.assign(curve_loss=own["curve_loss"] * np.nan).drop_vars(
        ["curve_rows_right", "curve_gradient_norm"]
    )
    assert curves(gone, outcome_of(gone)) is None


def test_at_most_six_maps_are_drawn_and_all_numbers_are_there(own: xr.Dataset) -> None:
    axes = {"depth": [1, 2], "batch": [0, 16]}
    dims = (*own["success_epoch"].dims[:-1], *axes, "trial")
    plain = own[["success_epoch", "rows_right"]].drop_vars(axes)
    many = plain.expand_dims(axes).transpose(*dims)
    many = training(many, {"kind": "mine"})
    (section,) = (one for one in content(many).sections if one.heading.startswith("Success by two"))
    assert sum(isinstance(block, Picture) for block in section.blocks) == 6
    (folded,) = (block for block in section.blocks if isinstance(block, Folded))
    assert len(folded.blocks) == 10
    assert "Not drawn, but in the tables: " in section.blocks[6]


def test_nothing_run_at_all(own: xr.Dataset, by_loss: xr.Dataset, tmp_path: Path) -> None:
    for data in (own, by_loss):
        nothing = data.where(False)
        page = Page(write_report(nothing, tmp_path, {}))
        assert "No network has run yet, of 240." in page.text
        assert "nan" not in page.text.lower()
        shown = [block.cells.to_string() for block in report_on(data).overview(nothing)]
        assert "nan" not in " ".join(shown).lower()


def test_combinations_that_were_not_asked_for_are_not_missing(own: xr.Dataset, tmp_path: Path) -> None:
    known = json.loads(own.attrs["specification"]) | {"where": "width * learning_rate <= 0.3 and depth == 1"}
    asked = own.where(own["width"] * own["learning_rate"] <= 0.3).assign_attrs(
        specification=json.dumps(known)
    )
    page = Page(write_report(asked, tmp_path / "asked", {}))
    assert "200 of 200 networks ran" in page.text
    assert "where width * learning_rate <= 0.3 and depth == 1. Labels" in page.text
    assert "Not everything has run" not in page.text
    drawn = pair_map(outcome_of(asked), ("width", "learning_rate")).draw(LIGHT).axes[0]
    assert len(drawn.patches) == 1
    assert not any("*" in text.get_text() for text in drawn.texts)
    part = asked.where(asked["trial"] > 0)
    page = Page(write_report(part, tmp_path / "part", {}))
    assert "190 of 200 networks have run (95.0 %)." in page.text
    assert ["4", "pytorch", "0.05", "1"] in page.rows
    assert ["8", "pytorch", "0.05", "1"] not in page.rows


def test_hundreds_of_problems_are_no_axis_of_a_map(own: xr.Dataset) -> None:
    many = own[["success_epoch", "rows_right"]].isel(width=0).expand_dims(problem=np.arange(300))
    assert outcome_of(many).axes == ["learning_rate", "init"]
    few = many.isel(problem=slice(3))
    assert outcome_of(few).axes == ["learning_rate", "init", "problem"]


@pytest.fixture(scope="module")
def classes() -> xr.Dataset:
    """The four classes of two inputs at two learning rates; XOR is learned at the second alone."""
    dims = ("problem", "width", "depth", "learning_rate", "trial")
    epochs = np.full((4, 2, 2, 2, 5), 7.0)
    epochs[3, :, :, 0] = -1
    coords = {
        "problem": np.array([0, 1, 3, 6], np.uint64),
        "width": [2, 3],
        "depth": [1, 2],
        "learning_rate": [0.01, 0.1],
        "trial": np.arange(5),
        "truth_table": ("problem", np.array(["0000", "0001", "0011", "0110"], object)),
        **{name: ("problem", values) for name, values in _MEASURES.items()},
    }
    data = xr.Dataset({"success_epoch": (dims, epochs)}, coords, {"paired_along": '["learning_rate"]'})
    return training(data, {"kind": "boolean", "problems": "all"}, {"leak": 0.0})


_MEASURES = {
    "swaps": [0, 1, 1, 2],
    "degree": [0, 2, 1, 2],
    "influence": [0.0, 1.0, 1.0, 2.0],
    "entropy": [0.0, 2.0, 0.0, 0.0],
    "class_size": [2, 8, 4, 2],
}


def test_a_family_gets_its_dims(classes: xr.Dataset) -> None:
    family = family_of(classes)
    assert family is not None
    apart = classes.assign_attrs(paired_along="[]")
    data, note, _ = prepared(apart, family)
    assert data["success_epoch"].dims == ("problem", "leak", "width", "depth", "trial")
    assert data.sizes["trial"] == 10
    assert sorted(data["trial"].values) == sorted([*range(5)] * 2)
    assert "learning_rate are taken together" in note
    xor = data.sel(problem=6)
    assert ((xor["success_epoch"] > 0) == (xor["learning_rate"] == 0.1)).all()
    single, note, _ = prepared(classes.isel(learning_rate=0), family)
    assert (single.sizes["trial"], note) == (5, "")
    alike, note, of = prepared(classes, family)
    assert of == "learning_rate 0.1"
    assert alike.sizes["trial"] == 5
    assert (alike.sel(problem=6)["success_epoch"] > 0).all()
    assert "only networks of learning_rate 0.1, the best, are shown" in note


def test_further_axes_are_shown_and_then_the_best_of_them(classes: xr.Dataset, tmp_path: Path) -> None:
    page = Page(write_report(classes, tmp_path, {}))
    assert "Which Boolean functions of 2 inputs do small networks learn?" in page.text
    assert "each started from 5 random initialisations" in page.text
    assert "only networks of learning_rate 0.1, the best, are shown" in page.text
    assert "The key figures are of networks of learning_rate 0.1" in page.text
    assert ["0", "2", "1", "20", "100", "100 [56.6, 100.0]", "0"] in page.rows
    assert ["0.01", "0.1", "80", "75.0", "100", "25.00 [15.61, 35.48]", "<0.0001"] in page.rows
    files = {path.stem for path in tmp_path.glob("*.png")}
    # The family has width and depth.
    maps = {f"by-learning_rate-and-{dim}" for dim in ("problem", "width", "depth")}
    assert files == {*maps, "differences", "success", "measures", "swaps", "minimum_width"}


def test_other_activations_have_no_family_which_tells_of_relu(classes: xr.Dataset) -> None:
    assert family_of(classes.assign_coords(activation="relu")) is not None
    assert family_of(classes.assign_coords(activation="tanh")) is None
    both = xr.concat([classes, classes], xr.IndexVariable("activation", np.array(["relu", "tanh"], object)))
    assert family_of(both) is None


@pytest.mark.parametrize(
    ("problem", "package"),
    [
        ({"kind": "boolean", "problems": [6]}, "boolean"),
        ({"kind": "boolean", "random": 3}, "functions"),
        ({"kind": "ball_and_shell"}, "hypersphere"),
        ({"kind": "function"}, "sine"),
        ({"kind": "mine"}, None),
    ],
)
def test_the_problem_chooses_the_family(own: xr.Dataset, problem: dict[str, object], package: str) -> None:
    family = family_of(training(own, problem))
    assert (family and family.package) == package


def test_the_family_of_the_sine_is_of_no_other_function(own: xr.Dataset) -> None:
    fits = training(own, {"kind": "function"})
    assert family_of(fits.assign_coords(target="sine")) is not None
    assert family_of(fits.assign_coords(target="peaks")) is None


def test_functions_fitted_without_a_bar_have_no_tries() -> None:
    fits = training(own_sweep(by_loss=True), {"kind": "function"}).assign_coords(
        points=50, depth=1, epochs=40
    )
    fits = fits.assign(stop_reason=xr.ones_like(fits["success_epoch"]))
    fits["depth"].attrs["part"] = "network"
    said = content(fits)
    assert said.heading == "How well do small networks fit the sine?"
    headings = [section.heading for section in said.sections]
    assert headings[-1] == "How well they fit at the end"
    assert "Tries by width and depth" not in headings
    assert [figure.what for figure in said.key_figures] == ["Least final error"]
    words = [text.get_text() for _, picture in _pictures(said) for text in picture.draw(LIGHT).findobj(Text)]
    assert not any("nan" in word.lower() for word in words)
    assert not any(title.startswith("Tries") for title in titles(fits))


def test_what_is_printed_draws_nothing() -> None:
    families = ("boolean", "functions", "hypersphere", "sine", "training", "images")
    modules = [f"relusweep.pipeline.report.{name}.terminal" for name in families]
    program = f"import sys, {', '.join(modules)}\nassert not {{'matplotlib', 'PIL'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_page_and_the_terminal_say_the_same(own: xr.Dataset) -> None:
    shown = {block.title: block.cells for block in report_on(own).overview(own)}
    blocks = [block for section in content(own).sections for block in section.blocks]
    for table in (block for block in blocks if isinstance(block, Table)):
        pd.testing.assert_frame_equal(shown.pop(table.title), table.cells)
    assert not shown
    assert percent(66 / 240) in " ".join(figure.value for figure in content(own).key_figures)
