"""A sweep small enough to answer by hand: three functions, two leaks, four sizes, four trials."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import relusweep.pipeline.common.engine  # noqa: F401  (registers `.sweep`, which passes everything on)
from relusweep.tasks.statistics import wilson

DIMS = ("problem", "leak", "width", "depth", "trial")
N = np.nan

# (problem, leak, width) -> successes of four trials at depth 1, then at depth 2
SUCCESSES = {
    (0, 0.0, 2): (4, 4),
    (0, 0.0, 3): (4, 4),
    (6, 0.0, 2): (0, 1),
    (6, 0.0, 3): (2, 4),
    (7, 0.0, 2): (0, 2),
    (7, 0.0, 3): (3, 4),
    (0, 0.1, 2): (4, 4),
    (0, 0.1, 3): (4, 4),
    (6, 0.1, 2): (0, 0),
    (6, 0.1, 3): (0, 1),
    (7, 0.1, 2): (1, 3),
    (7, 0.1, 3): (0, 4),
}


@pytest.fixture
def sweep() -> xr.Dataset:
    epochs = np.full((3, 2, 2, 2, 4), -1.0)
    coords = {"problem": np.array([0, 6, 7], "uint64"), "leak": [0.0, 0.1], "width": [2, 3], "depth": [1, 2]}
    dataset = xr.Dataset({"success_epoch": (DIMS, epochs)}, {**coords, "trial": range(4)})
    for (problem, leak, width), counts in SUCCESSES.items():
        for depth, count in zip((1, 2), counts, strict=True):
            cell = dataset["success_epoch"].sel(problem=problem, leak=leak, width=width, depth=depth)
            cell[:count] = 17
    return dataset


@pytest.fixture(params=["eager", "dask"])
def either(request: pytest.FixtureRequest, sweep: xr.Dataset) -> xr.Dataset:
    return sweep.chunk({"width": 1, "trial": 2}) if request.param == "dask" else sweep


def test_rates_by_hand(either: xr.Dataset) -> None:
    rate = either.sweep.success_rate("trial")
    cell = rate.sel(problem=7, leak=0.1, width=2, depth=1)
    assert float(cell["rate"]) == 0.25
    assert int(cell["networks"]) == 4
    pooled = either.sweep.success_rate(["problem", "trial"]).sel(leak=0.0, width=2)
    np.testing.assert_allclose(pooled["rate"], [4 / 12, 7 / 12])
    assert pooled["networks"].values.tolist() == [12, 12]
    # Wilson of 1 of 4: ((1/4 + z²/8) ± z √(3/64 + z²/64)) / (1 + z²/4), z² = 3.8415
    np.testing.assert_allclose([cell["low"], cell["high"]], [0.0456, 0.6994], atol=5e-5)


def test_only_networks_that_ran_count_masked_or_raw() -> None:
    masked = xr.Dataset({"success_epoch": (("problem", "trial"), [[7, -1, N, N], [N, N, N, N]])})
    raw = masked.fillna(-2).astype("int32")
    for dataset in (masked, raw):
        rate = dataset.sweep.success_rate("trial")
        assert rate["networks"].values.tolist() == [2, 0]
        np.testing.assert_array_equal(rate["rate"], [0.5, N])
        np.testing.assert_array_equal(rate[["low", "high"]].isel(problem=1).to_array(), [N, N])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("trial", "loss"),
            r"several dimensions are given as a list, as success_rate\(\['problem', 'trial'\]\)",
        ),
        (("trail",), "no dimension 'trail'; did you mean 'trial'\\?; there are loss, trial"),
        ((["trial", "width"],), "no dimension 'width'"),
    ],
)
def test_wrong_dimensions_are_told(shares: xr.Dataset, arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        shares.sweep.success_rate(*arguments)


@pytest.fixture
def shares() -> xr.Dataset:
    """Three networks of each loss, and one that did not run: 9 500 of 10 000 rows is the bar of 0.95."""
    training, test = [[9499, 9500, 10_000, N], [N] * 4], [[9400, 9499, 9999, N], [N] * 4]
    dims = ("loss", "trial")
    return xr.Dataset(
        {
            "success_epoch": (dims, [[-1, 3, 3, N], [N] * 4]),
            "rows_right": (dims, training, {"rows": 10_000}),
            "test_rows_right": (dims, test, {"test_rows": 10_000}),
        },
        {"loss": np.array(["bce", "mse"], object)},
    )


@pytest.mark.parametrize("raw", [False, True])
def test_a_bar_counts_rows_of_the_test_set_if_there_is_one(shares: xr.Dataset, raw: bool) -> None:
    data = shares.fillna(-2).astype("int32") if raw else shares
    trained = data.drop_vars("test_rows_right")
    found = {bar: data.sweep.success_rate("trial", bar)["rate"] for bar in (0.94, 0.95, 0.9999, 1)}
    assert [float(rate[0]) for rate in found.values()] == [1, 1 / 3, 1 / 3, 0]
    assert float(trained.sweep.success_rate("trial", at_least=0.95)["rate"][0]) == 2 / 3
    assert float(trained.sweep.success_rate("trial", at_least=1)["rate"][0]) == 1 / 3
    without = data.sweep.success_rate("trial", at_least=0.5).sel(loss="mse")
    assert int(without["networks"]) == 0
    assert np.isnan(without["rate"])


@given(st.integers(1, 100_000), st.integers(1, 10_000))
def test_a_bar_is_compared_exactly(rows: int, per_ten_thousand: int) -> None:
    """What 0.95 says in decimal is meant: 7 of 100 rows are 0.07 of them, though 0.07 * 100 is above 7."""
    needed = -(-per_ten_thousand * rows // 10_000)
    data = xr.Dataset(
        {
            "success_epoch": ("trial", [0, 0]),
            "rows_right": ("trial", [needed - 1, needed], {"rows": rows}),
        }
    )
    assert float(data.sweep.success_rate("trial", at_least=per_ten_thousand / 10_000)["rate"]) == 0.5


def test_a_bar_without_a_number_of_rows_is_refused(shares: xr.Dataset) -> None:
    with pytest.raises(
        ValueError, match=r"test_rows_right with the coordinate test_rows.*\['success_epoch'\]"
    ):
        shares[["success_epoch"]].sweep.success_rate("trial", at_least=0.9)
    with pytest.raises(ValueError, match="above 0 and up to 1; got 95"):
        shares.sweep.success_rate("trial", at_least=95)


def test_any_dims_can_be_asked_and_text_labels_them(shares: xr.Dataset) -> None:
    rate = shares.sweep.success_rate("trial")
    assert rate.sel(loss="bce")["networks"] == 3
    assert shares.sweep.missing().to_dict("list") == {"loss": ["bce", "mse"], "count": [1, 4]}
    assert shares.isel(loss=0).sweep.missing().to_dict("list") == {"count": [1]}


@pytest.mark.parametrize("lazy", [False, True])
def test_networks_that_start_alike_count_as_one_in_intervals(lazy: bool) -> None:
    epochs = xr.DataArray(
        [[3, -1, 5, -1], [-1, -1, 5, -1], [3, 3, 3, -2]],
        dims=("learning_rate", "trial"),
        name="success_epoch",
    )
    data = epochs.to_dataset().assign_attrs(paired_along=["learning_rate"])
    found = (data.chunk() if lazy else data).sweep.success_rate(["learning_rate", "trial"])
    assert (int(found["networks"]), float(found["rate"])) == (11, pytest.approx(6 / 11))
    low, high = wilson(6 / 11 * 4, 4)[1:]
    assert (float(found["low"]), float(found["high"])) == pytest.approx((float(low), float(high)))
    alone = data.sweep.success_rate("trial")
    np.testing.assert_array_equal(alone["low"], wilson([2, 1, 3], [4, 4, 3]).low)


def test_hardest_by_hand(either: xr.Dataset) -> None:
    """Leak 0: lowest are 6 and 7 together (2, 1), then 6 (2, 2), 6 (3, 1), and all three at (3, 2)."""
    expected = pd.DataFrame(
        {"leak": [0.0, 0.0, 0.0, 0.1, 0.1], "problem": [6, 7, 0, 6, 7], "count": [4, 2, 1, 4, 1]}
    ).astype({"problem": "uint64"})
    pd.testing.assert_frame_equal(either.sweep.hardest(3), expected)


def test_hardest_of_one_leak_gives_at_most_n_rows(either: xr.Dataset) -> None:
    table = either.sel(leak=0.0).sweep.hardest(2)
    assert table.to_dict("list") == {"problem": [6, 7], "count": [4, 2]}


def test_one_percentage_point_above_the_lowest_is_still_hardest() -> None:
    """100 trials: 6, 7 and 8 successes; 0.06 + 0.01 is less than 0.07 in floating point. Ties go by id."""
    counts = {9: 7, 4: 6, 1: 8}
    epochs = [[1.0] * count + [-1.0] * (100 - count) for count in counts.values()]
    dataset = xr.Dataset({"success_epoch": (("problem", "trial"), epochs)}, {"problem": list(counts)})
    assert dataset.sweep.hardest(5).to_dict("list") == {"problem": [4, 9], "count": [1, 1]}


def test_sizes_that_did_not_run_make_nothing_hard(sweep: xr.Dataset) -> None:
    half = sweep.where(sweep["width"] == 2)
    assert half.sel(leak=0.0).sweep.hardest(5).to_dict("list") == {"problem": [6, 7], "count": [2, 1]}


def test_minimum_width_by_hand(either: xr.Dataset) -> None:
    least = either.sweep.minimum_width()
    assert least.dims == ("problem", "leak")
    assert least.dtype == np.int64
    assert least.values.tolist() == [[2, 2], [3, -1], [3, 2]]
    assert set(least.coords) == {"problem", "leak"}


def test_minimum_width_of_a_part(either: xr.Dataset) -> None:
    assert either.sel(leak=0.1, depth=1).sweep.minimum_width().values.tolist() == [2, -1, 2]
    assert either.sel(leak=0.0, width=3).sweep.minimum_width().values.tolist() == [3, 3, 3]
    with pytest.raises(ValueError, match="no networks of depth 1"):
        either.sel(depth=[2]).sweep.minimum_width()


def test_missing_counts_networks_by_size(either: xr.Dataset) -> None:
    assert either.sweep.missing().empty
    ran = (either["width"] == 2) | (either["trial"] < 3)
    table = either.where(ran).sel(leak=0.1).sweep.missing()
    assert table.to_dict("list") == {"width": [3, 3], "depth": [1, 2], "count": [3, 3]}
    one = either.where(ran).sel(leak=0.1, width=3, depth=1).sweep.missing()
    assert one.to_dict("list") == {"count": [3]}


def test_questions_survive_any_selection(either: xr.Dataset) -> None:
    """Every question, on every way of dropping some of the dimensions, agrees with the whole."""
    whole = either.sweep.success_rate("trial")["rate"].load()
    for dim in DIMS[1:4]:
        part = either.isel({dim: 1}).sweep
        xr.testing.assert_equal(part.success_rate("trial")["rate"].compute(), whole.isel({dim: 1}))
        assert part.missing().empty
        assert (part.hardest(9)["count"] > 0).all()


def test_a_dataset_without_what_is_asked_for_says_so(sweep: xr.Dataset) -> None:
    with pytest.raises(ValueError, match=r"no success_epoch here, only \['loss'\]"):
        sweep.rename(success_epoch="loss").sweep.missing()
    with pytest.raises(ValueError, match=r"no coordinate \['problem'\]"):
        sweep.sel(problem=0, drop=True).sweep.hardest(3)


@pytest.mark.parametrize("name", ["rows", "test_rows"])
def test_a_bar_counts_rows_that_differ_from_size_to_size(name: str) -> None:
    """3 of 4 rows are 0.75, 3 of 8 are not; as a coordinate over an axis, and where one is chosen."""
    data = xr.Dataset(
        {
            "success_epoch": (("n_inputs", "trial"), [[-1, -1], [-1, -1]]),
            f"{name}_right": (("n_inputs", "trial"), [[3, 2], [3, 6]]),
        },
        {"n_inputs": [2, 3], name: ("n_inputs", [4, 8])},
    )
    assert data.sweep.success_rate("trial", at_least=0.75)["rate"].values.tolist() == [0.5, 0.5]
    assert float(data.sel(n_inputs=3).sweep.success_rate("trial", at_least=0.8)["rate"]) == 0
    assert data.sweep.success_rate(["n_inputs", "trial"], at_least=0.375)["rate"] == 1


@pytest.fixture
def protocols(sweep: xr.Dataset) -> xr.Dataset:
    """The sweep at two learning rates: at the second nothing but the constant function is learned."""
    slow = sweep.where(sweep["problem"] == 0, -1)
    return xr.concat([sweep, slow], pd.Index([0.01, 0.05], name="learning_rate")).assign_coords(
        init="pytorch"
    )


def test_further_axes_are_further_sizes_to_be_hard_at(protocols: xr.Dataset) -> None:
    """Of leak 0: what counted before, and at the second learning rate both that are not constant."""
    table = protocols.sweep.hardest(3)
    assert list(table) == ["leak", "problem", "count"]
    assert table[table["leak"] == 0][["problem", "count"]].values.tolist() == [[6, 8], [7, 6], [0, 1]]
    one = protocols.sel(learning_rate=0.01).sweep.hardest(3)
    assert one[one["leak"] == 0][["problem", "count"]].values.tolist() == [[6, 4], [7, 2], [0, 1]]


def test_further_axes_have_least_widths_of_their_own(protocols: xr.Dataset) -> None:
    least = protocols.sweep.minimum_width()
    assert set(least.dims) == {"problem", "leak", "learning_rate"}
    assert least.sel(learning_rate=0.05).values.tolist() == [[2, 2], [-1, -1], [-1, -1]]
    fixed = protocols.sel(learning_rate=0.01, leak=0.0).sweep.minimum_width()
    assert fixed.values.tolist() == [2, 3, 3]
    assert fixed["init"] == "pytorch"


def test_what_was_not_asked_for_is_not_missing(protocols: xr.Dataset) -> None:
    asked = {"specification": json.dumps({"where": "width == 2 or learning_rate < 0.02 and depth == 1"})}
    nothing = protocols.where(False).assign_attrs(asked)
    table = nothing.sel(leak=0.1).sweep.missing().sort_values(["learning_rate", "width", "depth"])
    columns = ["learning_rate", "width", "depth", "count"]
    assert table[columns].values.tolist() == [
        [0.01, 2, 1, 12],
        [0.01, 2, 2, 12],
        [0.01, 3, 1, 12],
        [0.05, 2, 1, 12],
        [0.05, 2, 2, 12],
    ]
    assert nothing.sel(leak=0.1, width=3, depth=2).sweep.missing().empty
    assert len(nothing.sel(leak=0.1, width=3, drop=True).sweep.missing()) == 4  # whether asked: unknown
    none = nothing.assign_attrs(specification=json.dumps({"where": None}))
    assert none.sweep.missing()["count"].sum() == protocols["success_epoch"].size


def test_a_condition_needs_no_axis_in_order(protocols: xr.Dataset) -> None:
    """Conditions name axes in the order they like; the data have another."""
    asked = {"specification": json.dumps({"where": "width * depth <= 4 and leak == 0"})}
    table = protocols.where(False).assign_attrs(asked).sweep.missing()
    assert {*map(tuple, table[["leak", "width", "depth"]].values)} == {(0, 2, 1), (0, 2, 2), (0, 3, 1)}
