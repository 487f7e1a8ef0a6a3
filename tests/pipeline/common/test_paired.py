"""Labels compared along an axis: sweeps small enough to count by hand, and against chance."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binomtest, fisher_exact

import relusweep.pipeline.common.engine  # noqa: F401  (registers `.sweep`, which passes everything on)
from relusweep.tasks.statistics import (
    difference_interval,
    holm,
    mantel_haenszel,
    paired_difference_interval,
)

DIMS = ("problem", "width", "learning_rate", "trial")
N = np.nan
RNG = np.random.default_rng


def sweep(epochs: np.ndarray, paired: object = ("learning_rate",), **values: np.ndarray) -> xr.Dataset:
    """Make a sweep of these epochs (problems, widths, rates, trials), with a fixed axis beside."""
    sizes = dict(zip(DIMS, epochs.shape, strict=True))
    coords = {
        "problem": np.array([f"f{n}" for n in range(sizes["problem"])], object),
        "swaps": ("problem", np.arange(sizes["problem"])),
        "width": np.arange(sizes["width"]) + 2,
        "learning_rate": [0.01, 0.025, 0.05][: sizes["learning_rate"]],
        "init": "he_normal",
    }
    variables = {name: (DIMS, array) for name, array in {"success_epoch": epochs, **values}.items()}
    return xr.Dataset(variables, coords, {"paired_along": paired})


@pytest.fixture
def drawn() -> xr.Dataset:
    """Two problems, two widths, three rates, forty trials: every network that ran succeeds or not."""
    draw = RNG(0)
    epochs = np.where(draw.random((2, 2, 3, 40)) < [[0.3], [0.5], [0.9]], 7.0, -1.0)
    return sweep(np.where(draw.random(epochs.shape) < 0.1, N, epochs))


@pytest.fixture(params=["eager", "dask", "raw"])
def each(request: pytest.FixtureRequest, drawn: xr.Dataset) -> xr.Dataset:
    if request.param == "raw":
        return drawn.fillna(-2).astype("int32")
    return drawn.chunk({"width": 1, "trial": 15}) if request.param == "dask" else drawn


def test_pairs_counted_one_by_one(each: xr.Dataset, drawn: xr.Dataset) -> None:
    found = each.sweep.compare("learning_rate")
    assert found["difference"].dims == ("problem", "width", "learning_rate")
    assert found["rate"].dims == ("problem", "width", "learning_rate")
    for problem, width, label in np.ndindex(2, 2, 2):
        cell = found.isel(problem=problem, width=width, learning_rate=label)
        networks = drawn["success_epoch"].isel(problem=problem, width=width)
        pairs = [
            (bool(b >= 0), bool(a >= 0))
            for a, b in zip(networks[0].values, networks[label + 1].values, strict=True)
            if not np.isnan(a) and not np.isnan(b)
        ]
        both, alone, baseline_alone, neither = (
            pairs.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False))
        )
        assert (cell["pairs"], cell["alone"], cell["baseline_alone"]) == (len(pairs), alone, baseline_alone)
        one = np.isnan(networks[0].values) ^ np.isnan(networks[label + 1].values)
        assert cell["incomplete"] == one.sum()
        assert cell["rate"] == (both + alone) / len(pairs)
        assert cell["baseline_rate"] == (both + baseline_alone) / len(pairs)
        expected = paired_difference_interval(both, baseline_alone, alone, neither)
        np.testing.assert_allclose([cell["low"], cell["high"]], expected)
        assert cell["low"] <= cell["difference"] == (alone - baseline_alone) / len(pairs) <= cell["high"]
        assert cell["p_value"] == pytest.approx(binomtest(alone, alone + baseline_alone).pvalue)


def test_independent_networks_are_compared_by_rates(each: xr.Dataset) -> None:
    found = each.assign_attrs(paired_along=[]).sweep.compare("learning_rate")
    assert found.attrs["paired"] == 0
    assert found.attrs["test"] == "Fisher's exact test"
    assert "pairs" not in found
    ran, right = each["success_epoch"] >= -1, each["success_epoch"] >= 0
    cell = found.isel(problem=1, width=0, learning_rate=1)
    counts = [
        int(of.isel(problem=1, width=0, learning_rate=label).sum()) for label in (0, 2) for of in (right, ran)
    ]
    k, n, m, o = counts
    assert (cell["baseline_networks"], cell["networks"]) == (n, o)
    assert cell["difference"] == m / o - k / n
    assert cell["p_value"] == pytest.approx(fisher_exact([[k, n - k], [m, o - m]]).pvalue)
    np.testing.assert_allclose([cell["low"], cell["high"]], difference_interval(*counts))


def test_problems_taken_together(drawn: xr.Dataset) -> None:
    """By pairs they are pooled; independent networks are compared problem by problem."""
    apart = drawn.sweep.compare("learning_rate")
    pooled = drawn.sweep.compare("learning_rate", over=["problem", "trial"])
    assert set(pooled["difference"].dims) == {"width", "learning_rate"}
    for name in ("pairs", "alone", "baseline_alone", "incomplete"):
        xr.testing.assert_equal(pooled[name], apart[name].sum("problem"))
    independent = drawn.assign_attrs(paired_along=[])
    strata = independent.sweep.compare("learning_rate", over=["problem", "trial"])
    assert strata.attrs["test"] == "Cochran-Mantel-Haenszel test"
    ran, right = drawn["success_epoch"] >= -1, drawn["success_epoch"] >= 0
    cell = [
        of.isel(width=1, learning_rate=label).sum("trial").values for label in (0, 1) for of in (right, ran)
    ]
    found = strata.isel(width=1, learning_rate=0)
    assert found["p_value"] == pytest.approx(float(mantel_haenszel(*cell)))
    assert found["rate"] == cell[2].sum() / cell[3].sum()


def test_a_problem_that_one_label_lacks_says_nothing(drawn: xr.Dataset) -> None:
    lacking = drawn.where((drawn["problem"] == "f0") | (drawn["learning_rate"] > 0.01)).assign_attrs(
        paired_along=[]
    )
    found = lacking.sweep.compare("learning_rate", over=["problem", "trial"])
    expected = lacking.isel(problem=[0]).sweep.compare("learning_rate", over=["problem", "trial"])
    xr.testing.assert_equal(found, expected)


def test_p_values_are_corrected_for_all_tests_made(drawn: xr.Dataset) -> None:
    found = drawn.where(drawn["width"] == 2).sweep.compare("learning_rate", level=0.01)
    assert found.attrs["tests"] == 4
    assert found.attrs["correction"] == "Holm, for 4 tests"
    np.testing.assert_allclose(found["p_adjusted"], holm(found["p_value"]))
    np.testing.assert_array_equal(found["significant"], found["p_adjusted"] <= 0.01)
    assert 0 < found["significant"].sum() < 4
    lacking = found.sel(width=3)
    assert (
        lacking[["difference", "low", "high", "p_value", "p_adjusted", "rate"]]
        .isnull()
        .all()
        .to_array()
        .all()
    )
    assert not lacking["significant"].any()
    assert (lacking["pairs"] == 0).all()


def test_any_label_is_a_baseline(drawn: xr.Dataset) -> None:
    first, last = drawn.sweep.compare("learning_rate"), drawn.sweep.compare("learning_rate", baseline=0.05)
    assert first["learning_rate"].values.tolist() == [0.025, 0.05]
    assert last["learning_rate"].values.tolist() == [0.01, 0.025]
    assert (first["baseline"], last["baseline"]) == (0.01, 0.05)
    np.testing.assert_allclose(
        first["difference"].sel(learning_rate=0.05), -last["difference"].sel(learning_rate=0.01)
    )
    np.testing.assert_allclose(first["low"].sel(learning_rate=0.05), -last["high"].sel(learning_rate=0.01))
    np.testing.assert_array_equal(
        first["p_value"].sel(learning_rate=0.05), last["p_value"].sel(learning_rate=0.01)
    )
    assert first["swaps"].dims == ("problem",)
    assert first["init"] == "he_normal"
    assert "trial" not in first.coords


@pytest.mark.parametrize(
    "said",
    [
        ["learning_rate"],
        np.array(["width", "learning_rate"]),
        "learning_rate",
        '"learning_rate"',
        json.dumps(["learning_rate"]),
    ],
)
def test_what_is_paired_may_be_said_in_any_way_that_a_store_keeps(drawn: xr.Dataset, said: object) -> None:
    assert drawn.assign_attrs(paired_along=said).sweep.compare("learning_rate").attrs["paired"] == 1
    assert (
        drawn.assign_attrs(paired_along=said).drop_attrs().sweep.compare("learning_rate").attrs["paired"] == 0
    )


@pytest.fixture
def losses(drawn: xr.Dataset) -> xr.Dataset:
    """Losses with a mean of the trial that the rates share; one network in twenty diverged."""
    draw = RNG(1)
    shape = drawn["success_epoch"].shape
    loss = np.exp(3 * draw.normal(size=(2, 2, 1, 40)) + draw.normal(size=shape) - [[0], [0.5], [2]])
    loss = np.where(draw.random(shape) < 0.05, N, loss)
    return drawn.assign(final_loss=(DIMS, loss.astype("f4"), {"units": "nats"}))


def test_losses_of_pairs_counted_one_by_one(losses: xr.Dataset) -> None:
    found = losses.sweep.compare("learning_rate")  # no rows_right: there is no success to tell
    assert (found.attrs["variable"], found.attrs["test"]) == ("final_loss", "sign test")
    assert found["difference"].attrs["units"] == "nats"
    cell, networks = found.isel(problem=0, width=1, learning_rate=1), losses.isel(problem=0, width=1)
    ran = (networks["success_epoch"][[0, 2]] >= -1).all("learning_rate").values
    a, b = (np.nan_to_num(networks["final_loss"][n].values[ran].astype(float), nan=np.inf) for n in (0, 2))
    assert np.isinf([a, b]).any()
    assert (cell["pairs"], cell["lower"], cell["higher"]) == (len(a), (b < a).sum(), (b > a).sum())
    assert cell["p_value"] == pytest.approx(binomtest(int((b < a).sum()), int((b != a).sum())).pvalue)
    gap = np.sort([0.0 if x == y else y - x for x, y in zip(a, b, strict=True)])
    assert cell["difference"] == np.median(gap)
    assert float(cell["low"]) in gap
    assert cell["low"] <= cell["difference"] <= cell["high"] < 0
    assert (cell["median"], cell["baseline_median"]) == (np.median(b), np.median(a))


def test_the_scale_of_losses_does_not_matter(losses: xr.Dataset) -> None:
    logarithms = losses.assign(final_loss=np.log(losses["final_loss"]))
    for paired in ([], ["learning_rate"]):
        one, other = (
            of.assign_attrs(paired_along=paired).sweep.compare("learning_rate") for of in (losses, logarithms)
        )
        np.testing.assert_array_equal(one["p_value"], other["p_value"])


def test_losses_of_independent_networks(losses: xr.Dataset) -> None:
    """Trials differ by orders of magnitude, so that pairs tell what independent networks hide."""
    apart = losses.assign_attrs(paired_along=[]).sweep.compare("learning_rate")
    assert (apart.attrs["paired"], apart.attrs["test"]) == (0, "Mann-Whitney test")
    assert (apart["low"] <= apart["difference"]).all()
    assert (apart["p_value"] > losses.sweep.compare("learning_rate")["p_value"]).sel(learning_rate=0.05).all()
    assert (
        losses.sweep.compare("learning_rate", variable="success_epoch").attrs["variable"] == "success_epoch"
    )


def test_curves_are_compared_epoch_by_epoch(losses: xr.Dataset) -> None:
    curve = losses["final_loss"].expand_dims(curve_epoch=[10, 20], axis=-1)
    found = losses.assign(curve_loss=curve).sweep.compare("learning_rate", variable="curve_loss")
    assert found["difference"].dims == ("problem", "width", "curve_epoch", "learning_rate")
    assert found.attrs["tests"] == 16


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"dim": "depth"}, "no axis 'depth' here; axes of several labels are problem, width, learning_rate"),
        ({"dim": "swaps"}, "no axis 'swaps' here"),
        ({"dim": "init"}, r"init is fixed at he_normal here: extend the sweep to compare \(--set init=…,…\)"),
        ({"dim": "trial"}, "over holds 'trial', whose labels are to be compared"),
        (
            {"dim": "width", "over": ["learning_rate", "trial"]},
            "over holds 'learning_rate', along which the same trial starts",
        ),
        (
            {"dim": "learning_rate", "over": "seed"},
            "over is seed; it names one or more of the axes problem, width",
        ),
        ({"dim": "learning_rate", "over": []}, "over is none"),
        (
            {"dim": "learning_rate", "baseline": 0.5},
            "learning_rate has no label 0.5 for a baseline; there are 0.01, 0.025",
        ),
        (
            {"dim": "learning_rate", "variable": "gap"},
            "no variable 'gap' along learning_rate, trial; there are success_epoch",
        ),
        ({"dim": "learning_rate", "level": 5}, "level is a probability, as 0.05; got 5"),
    ],
)
def test_what_cannot_be_compared_is_refused(drawn: xr.Dataset, asked: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        drawn.sweep.compare(**asked)


def test_one_label_has_nothing_to_be_compared_with(losses: xr.Dataset) -> None:
    with pytest.raises(ValueError, match=r"learning_rate is fixed at 0\.025 here: extend the sweep"):
        losses.isel(learning_rate=[1]).sweep.compare("learning_rate")
    with pytest.raises(ValueError, match="final_loss is another measure at each label of loss"):
        losses.rename(learning_rate="loss").assign_coords(loss=["bce", "mse", "mae"]).sweep.compare("loss")


@pytest.mark.parametrize("paired", [["learning_rate"], []])
@pytest.mark.parametrize("variable", ["success_epoch", "final_loss"])
def test_where_labels_do_not_differ_hardly_ever_anything_is_marked(paired: list[str], variable: str) -> None:
    """Four hundred sweeps of twenty comparisons: one or more are marked in at most one of twenty sweeps."""
    draw = RNG(2)
    loss = draw.normal(size=(20, 400, 2, 40))
    loss += draw.normal(size=(20, 1, 1, 40)) if paired else 0.0
    data = sweep(np.where(loss < 0, 7.0, -1.0), paired, final_loss=loss)
    p = data.sweep.compare("learning_rate", variable=variable)["p_value"].isel(learning_rate=0)
    marked = [holm(by_problem).min() <= 0.05 for by_problem in p.transpose("width", "problem").values]
    assert np.mean(marked) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)
