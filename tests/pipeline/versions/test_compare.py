"""Two versions of a store beside each other."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import time_machine
import xarray as xr

from relusweep.pipeline.common.errors import IncomparableVersions
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.pipeline.versions.bits import ADDED, CHANGED, REMOVED, SAME
from relusweep.pipeline.versions.compare import compare, group_of
from relusweep.pipeline.versions.page import overview, write_versions_page
from relusweep.storage import (
    ChangedChunks,
    Committer,
    Layout,
    StoreNotFound,
    UnknownVersion,
    Variable,
    history,
    open_dataset,
)
from tests.pipeline.report.pages import Page
from tests.pipeline.versions.version_stores import DIMS, GROUP, axes, drawn, layout, put, shape

QUIET = 0x7FC00001  # a NaN of other bits than NumPy's


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """Of cell (1, 0, 1, 0, 3) the loss was NaN and is another NaN; of (2, 1, 0, 1, 9) the epoch is later."""
    first = drawn(axes(), 0.5, 0)
    first["loss"][1, 0, 1, 0, 3] = first["loss"][0, 0, 0, 0, 0] = np.nan
    first["loss"][5, 1, 1, 1, 49] = 0.0
    second = {name: array.copy() for name, array in first.items()}
    second["loss"].view("u4")[1, 0, 1, 0, 3] = QUIET
    second["loss"][5, 1, 1, 1, 49] = -0.0
    second["success_epoch"][2, 1, 0, 1, 9] += 40
    put(tmp_path, axes(), first, "a")
    put(tmp_path, axes(), second, "b")
    return tmp_path


def test_bits_decide_and_every_change_is_placed(changed: Path) -> None:
    comparison = compare(str(changed), "a", "b", GROUP)
    assert np.argwhere(comparison["status"].to_numpy() == CHANGED).tolist() == [
        [1, 0, 1, 0, 3],
        [2, 1, 0, 1, 9],
        [5, 1, 1, 1, 49],
    ]
    assert comparison["status"].dims == DIMS
    row = comparison.sel(variable="loss")
    assert (int(row["changed"]), int(row["same"])) == (2, 2400 - 2)
    assert float(row["largest_absolute"]) == 0.0
    row = comparison.sel(variable="success_epoch")
    assert (int(row["changed"]), float(row["largest_absolute"])) == (1, 40.0)
    assert float(row["largest_change"].sel(problem=2)) == 40.0
    assert int(comparison["changed"].sel(variable="rows_right")) == 0
    attrs = comparison.attrs
    counts = [attrs[f"n_{name}_cells"] for name in ("same", "changed", "added", "removed")]
    assert counts == [2397, 3, 0, 0]
    assert (attrs["a"], attrs["b"], attrs["group"]) == ("a", "b", GROUP)
    assert attrs["b_id"] == history(changed)[0].id


def test_a_version_is_the_same_as_itself(changed: Path) -> None:
    comparison = compare(str(changed), "b", "newest", GROUP)
    assert comparison.attrs["n_changed_cells"] == 0
    assert comparison.attrs["n_same_cells"] == 2400
    assert int(comparison["chunks_read"].sum()) == 0


def test_only_chunks_that_were_written_are_read(tmp_path: Path) -> None:
    first = drawn(axes(), 0.5, 0)
    put(tmp_path, axes(), first, "a")
    block = {"problem": slice(0, 4), "leak": slice(1, 2), "width": slice(0, 1), "depth": slice(0, 1)}
    part = {name: array[0:4, 1:2, 0:1, 0:1] for name, array in drawn(axes(), 0.5, 1).items()}
    put(tmp_path, axes(), part, "b", block)
    comparison = compare(str(tmp_path), "a", "b", GROUP)
    assert set(comparison["chunks_read"].values.tolist()) == {1}
    assert set(comparison["chunks_skipped"].values.tolist()) == {15}
    assert comparison.attrs["n_changed_cells"] == 4 * 50


def brute_force(store: Path, a: str, b: str) -> np.ndarray:
    """What becomes of every cell, worked in memory."""
    old, new = (open_dataset(store, GROUP, version=at, mask_and_scale=False).load() for at in (a, b))
    union = {dim: np.union1d(old[dim], new[dim]) for dim in DIMS}
    done_a, done_b = (version["done"].reindex(union, fill_value=False) for version in (old, new))
    status = np.zeros(done_a.shape, int)
    differs = np.zeros(done_a.shape, bool)
    for name in ("success_epoch", "loss", "rows_right"):
        bits = [
            version[name].copy(data=version[name].to_numpy().view(f"u{version[name].dtype.itemsize}"))
            for version in (old, new)
        ]
        one, other = (array.reindex(union, fill_value=array.dtype.type(0)) for array in bits)
        differs |= (one != other).to_numpy()
    both = (done_a & done_b).to_numpy()
    status[both], status[both & differs] = SAME, CHANGED
    status[(done_b & ~done_a).to_numpy()] = ADDED
    status[(done_a & ~done_b).to_numpy()] = REMOVED
    return status


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_random_histories_compare_as_in_memory(
    tmp_path: Path, seed: int, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Axes grow in the middle and at the end, blocks are written anew in part, groups are replaced."""
    if not known:
        monkeypatch.setattr(
            "relusweep.pipeline.versions.compare.changed_chunks",
            lambda *versions: ChangedChunks(None, frozenset()),
        )
    draw = np.random.default_rng(seed)
    grown = axes()
    put(tmp_path, grown, drawn(grown, 0.5, seed), "v0")
    for number in range(1, 4):
        if draw.random() < 0.5:
            grown = axes(6, len(grown["trial"]) + 30, tuple(sorted({*grown["width"], number + 2})))
        replace = bool(draw.random() < 0.3)
        region = {
            dim: slice(int(start), int(draw.integers(start + 1, size + 1)))
            for dim, size in zip(DIMS, shape(grown), strict=True)
            for start in [draw.integers(0, size)]
        }
        inside = tuple(region[dim] for dim in DIMS)
        arrays = {name: array[inside] for name, array in drawn(grown, 0.5, 100 * seed + number).items()}
        put(tmp_path, grown, arrays, f"v{number}", region, replace=replace)
    for a, b in (("v0", "v3"), ("v3", "v0"), ("v1", "v2"), ("v2", "v3")):
        comparison = compare(str(tmp_path), a, b, GROUP)
        got = comparison["status"].sortby(list(DIMS)).to_numpy()
        np.testing.assert_array_equal(got, brute_force(tmp_path, a, b))
        elements = comparison.sel(variable="loss")
        for name, flag in (("added", ADDED), ("removed", REMOVED)):
            assert int(elements[name]) == int((got == flag).sum())


def test_rates_of_the_same_seed_are_paired_by_trial(tmp_path: Path) -> None:
    first = drawn(axes(), 0.5, 0)
    second = {name: array.copy() for name, array in first.items()}
    cell = (3, 1, 0, 1)
    first["success_epoch"][cell] = [9] * 12 + [-1] * 38
    second["success_epoch"][cell] = [-1] * 2 + [9] * 30 + [-1] * 18  # 2 pairs of a alone, 20 of b alone
    put(tmp_path, axes(), first, "a", epochs=10)
    put(tmp_path, axes(), second, "b", replace=True, epochs=20)
    comparison = compare(str(tmp_path), "a", "b", GROUP)
    here = comparison.sel(problem=3, leak=0.1, width=2, depth=2)
    assert (int(here["a_alone"]), int(here["b_alone"])) == (2, 20)
    assert float(here["p_value"]) == pytest.approx(2 * (1 + 22 + 231) / 2**22)
    assert (float(here["rate_a"]), float(here["rate_b"])) == (12 / 50, 30 / 50)
    assert float(here["difference"]) == pytest.approx(0.36)
    assert 0 < float(here["low"]) < 0.36 < float(here["high"])
    assert comparison.attrs["n_tested"] == 1  # identical bits are not tested
    assert comparison.attrs["n_significant"] == comparison.attrs["n_significant_sizes"] == 1
    assert comparison.attrs["paired"] == 1
    assert json.loads(comparison.attrs["specification_difference"]) == [["epochs", 10, 20]]
    size = comparison.sel(leak=0.1, width=2, depth=2)
    assert float(size["size_difference"]) == pytest.approx(18 / 300)
    assert float(size["size_p_value"]) == pytest.approx(float(here["p_value"]))


def test_more_trials_are_no_difference(tmp_path: Path) -> None:
    long = drawn(axes(trials=90), 0.5, 0)
    put(tmp_path, axes(), {name: array[..., :50] for name, array in long.items()}, "a")
    more = {name: array[..., 50:] for name, array in long.items()}
    put(tmp_path, axes(trials=90), more, "b", {"trial": slice(50, 90)})
    comparison = compare(str(tmp_path), "a", "b", GROUP)
    assert comparison.attrs["n_added_cells"] == 40 * 6 * 8
    assert comparison.attrs["n_changed_cells"] == comparison.attrs["n_tested"] == 0
    assert (comparison["difference"] == 0).all()
    assert (comparison["networks_b"] == 90).all()


def test_rates_of_two_seeds_are_independent(tmp_path: Path) -> None:
    put(tmp_path, axes(), drawn(axes(), 0.5, 0), "a", seed=0)
    put(tmp_path, axes(), drawn(axes(), 0.5, 1), "b", replace=True, seed=1)
    lower = np.where(np.arange(6)[:, None, None, None, None] == 4, 0.1, 0.5)
    put(tmp_path, axes(), drawn(axes(), lower, 2), "c", replace=True, seed=2)
    chance = compare(str(tmp_path), "a", "b", GROUP)
    assert (chance.attrs["n_tested"], chance.attrs["paired"]) == (48, 0)
    assert set(chance["test"].values.ravel().tolist()) == {2}
    assert set(chance["size_test"].values.ravel().tolist()) == {3}
    assert chance.attrs["n_significant"] == chance.attrs["n_significant_sizes"] == 0
    real = compare(str(tmp_path), "a", "c", GROUP)
    where = real["significant"].sum(["leak", "width", "depth"]).values
    assert where.tolist() == [0, 0, 0, 0, 8, 0]
    assert (real["high"].sel(problem=4) < 0).all()


def test_a_level_can_be_chosen(tmp_path: Path) -> None:
    put(tmp_path, axes(), drawn(axes(), 0.5, 0), "a", seed=0)
    put(tmp_path, axes(), drawn(axes(), 0.7, 1), "b", replace=True, seed=1)
    counts = [
        compare(str(tmp_path), "a", "b", GROUP, level=level).attrs["n_significant"] for level in (1e-9, 0.5)
    ]
    assert counts[0] == 0 < counts[1]


def test_a_group_that_one_version_lacks(changed: Path) -> None:
    coords, x = xr.Dataset(coords={"trial": range(3)}), Variable(("trial",), "float64", np.nan)
    attrs = {"specification": '{"name": "one"}'}
    other = Layout("other/one", coords, {"x": x}, {}, attrs, ("trial",))
    with Committer(changed) as committer:
        committer.prepare(other)
        committer.write("other/one", {}, {"x": np.arange(3.0)}, 7)
        committer.commit("other", {})
    found = compare(str(changed), "b", "newest", "other/one")
    assert (found.attrs["n_added_cells"], int(found["added"].sel(variable="x"))) == (3, 3)
    assert compare(str(changed), "newest", "b", "other/one").attrs["n_removed_cells"] == 3
    with pytest.raises(IncomparableVersions, match="neither version has results in a group 'other/one'"):
        compare(str(changed), "a", "b", "other/one")


def test_cells_along_other_dimensions_cannot_be_compared(changed: Path) -> None:
    with Committer(changed) as committer:
        of = layout(axes())
        coords = of.coords.drop_vars("depth")
        dims = tuple(dim for dim in DIMS if dim != "depth")
        variables = {"loss": Variable(dims, "float32", np.nan)}
        committer.prepare(Layout(GROUP, coords, variables, {}, of.attrs, dims), replace=True)
        committer.commit("flat", {})
    with pytest.raises(IncomparableVersions, match="two sweeps of one name"):
        compare(str(changed), "a", "newest", GROUP)


def test_of_two_versions_that_are_none_both_are_told(changed: Path) -> None:
    with pytest.raises(
        UnknownVersion, match=r"'no' is no version .*; nor is 'nor'\. Two versions of one store"
    ):
        group_of(str(changed), "no", "nor", None)
    with pytest.raises(UnknownVersion, match=r"^'nor' is no version"):
        group_of(str(changed), "newest", "nor", None)


@pytest.mark.parametrize(
    ("store", "at", "error"), [("gone", "a", StoreNotFound), ("", "gone", UnknownVersion)]
)
def test_what_is_not_there_is_told(changed: Path, store: str, at: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        compare(str(changed / store), at, "b", GROUP)


def test_a_kept_version_compares_after_an_expiry(changed: Path) -> None:
    before = compare(str(changed), "a", "b", GROUP)
    with time_machine.travel(history(changed)[0].written_at + timedelta(days=99), tick=False):
        with Committer(changed) as committer:
            assert committer.expire(timedelta(days=30))["expired"] == []
            put_on = drawn(axes(), 0.5, 5)
            committer.prepare(layout(axes()))
            committer.write(GROUP, {}, put_on, 7)
            committer.commit("c", {})
            committer.tag("c")
        with Committer(changed) as committer:
            committer.expire(timedelta(days=30))
    after = compare(str(changed), "a", "b", GROUP)
    xr.testing.assert_equal(after["status"], before["status"])
    assert compare(str(changed), "b", "c", GROUP).attrs["n_changed_cells"] == 2400


@pytest.fixture
def stages(tmp_path: Path) -> Path:
    """A sweep of two stages, of whose second network everything is different in the second version."""
    networks = np.array(["dense-0", "dense-1"], object)
    training = Layout(
        group="images/mine/training",
        coords=xr.Dataset(coords={"network": networks, "epoch": [1, 2, 3], "parameter": range(4)}),
        variables={
            "test_loss": Variable(("network", "epoch"), "float64", np.nan),
            "parameters": Variable(("network", "parameter"), "float32", np.nan),
        },
        chunks={"network": 1},
        attrs={"kind": "images", "specification": '{"name": "mine", "stage": "training", "seed": 0}'},
        progress_dims=("network", "epoch"),
    )
    distance = Layout(
        group="images/mine/distance",
        coords=xr.Dataset(coords={"network_from": networks, "network_to": networks}),
        variables={"distance": Variable(("network_from", "network_to"), "float64", np.nan)},
        chunks={},
        attrs={"kind": "images", "specification": '{"name": "mine", "stage": "distance", "seed": 0}'},
        progress_dims=("network_from", "network_to"),
    )
    losses, parameters = np.array([[3.0, 2.0, 1.0], [4.0, 3.0, 2.0]]), np.ones((2, 4), "float32")
    for shift, tag in ((0.0, "a"), (0.5, "b")):
        with Committer(tmp_path, create=True) as committer:
            losses[1] += shift
            parameters[1] += shift
            committer.prepare(training)
            committer.write(training.group, {}, {"test_loss": losses, "parameters": parameters}, 7)
            if tag == "b":
                committer.prepare(distance)
                committer.write(distance.group, {}, {"distance": np.eye(2)}, 7)
            committer.commit(tag, {})
            committer.tag(tag)
    return tmp_path


def test_stages_are_compared_together_or_one_by_one(stages: Path) -> None:
    tree = compare(str(stages), "a", "b", "images/mine")
    changes = tree["changed"].to_series().to_dict()
    assert changes["training/test_loss"] == 3
    assert changes["training/parameters"] == 4
    assert int(tree["added"].sel(variable="distance/distance")) == 4
    assert tree["stage_changed"].to_series().to_dict() == {"distance": 0, "training": 3}
    assert tree["largest_change"].sel(variable="training/test_loss").to_series().to_dict() == {
        "dense-0": 0.0,
        "dense-1": 0.5,
    }
    assert (tree.attrs["n_changed_cells"], tree.attrs["n_added_cells"], tree.attrs["n_same_cells"]) == (
        3,
        4,
        3,
    )
    one = compare(str(stages), "a", "b", "images/mine/training")
    assert (
        one["status"].sel(network="dense-1").values.tolist() == [CHANGED] * 3
    )  # parameters are of all epochs
    assert one.attrs["n_changed_cells"] == 3


def test_what_came_after_more_epochs_is_no_change(stages: Path) -> None:
    """Parameters are those after the last epoch: of more epochs, they are others."""
    with Committer(stages) as committer:
        old = open_dataset(stages, "images/mine/training").load()
        layout = Layout(
            group="images/mine/training",
            coords=xr.Dataset(
                coords={"network": old["network"], "epoch": [1, 2, 3, 4], "parameter": range(4)}
            ),
            variables={
                "test_loss": Variable(("network", "epoch"), "float64", np.nan),
                "parameters": Variable(("network", "parameter"), "float32", np.nan),
            },
            chunks={"network": 1},
            attrs=old.attrs,
            progress_dims=("network", "epoch"),
        )
        committer.prepare(layout)
        later = {"test_loss": np.full((1, 1), 0.5), "parameters": np.full((1, 4), 9, "float32")}
        committer.write(layout.group, {"network": slice(0, 1), "epoch": slice(3, 4)}, later, 7)
        committer.commit("longer", {})
        committer.write(layout.group, {"network": slice(1, 2), "epoch": slice(3, 4)}, later, 7)
        committer.commit("longer", {})
        committer.tag("c")
    found = compare(str(stages), "b", "c", "images/mine/training")
    assert (found.attrs["n_changed_cells"], found.attrs["n_added_cells"], found.attrs["n_same_cells"]) == (
        0,
        2,
        6,
    )
    row = found.sel(variable="parameters")
    assert [int(row[name]) for name in ("same", "changed", "added", "removed")] == [0, 0, 8, 8]


def test_what_lacks_an_axis_is_of_the_last_cell_along_it(stages: Path) -> None:
    with Committer(stages) as committer:
        old = open_dataset(stages, "images/mine/training").load()
        committer.prepare(
            Layout(
                group="images/mine/training",
                coords=old[["network", "epoch", "parameter"]],
                variables={
                    "test_loss": Variable(("network", "epoch"), "float64", np.nan),
                    "parameters": Variable(("network", "parameter"), "float32", np.nan),
                },
                chunks={"network": 1},
                attrs=old.attrs,
                progress_dims=("network", "epoch"),
            )
        )
        parameters = old["parameters"].to_numpy().copy()
        parameters[0, 2] += 1
        arrays = {"test_loss": old["test_loss"].to_numpy(), "parameters": parameters}
        committer.write("images/mine/training", {}, arrays, 7)
        committer.commit("one parameter", {})
    found = compare(str(stages), "b", "newest", "images/mine/training")
    assert found["status"].values.tolist() == [[SAME, SAME, CHANGED], [SAME, SAME, SAME]]
    assert int(found["changed"].sel(variable="parameters")) == 1


def test_the_page_of_stages(stages: Path, tmp_path: Path) -> None:
    page = Page(write_versions_page(compare(str(stages), "a", "b", "images/mine"), tmp_path / "page"))
    assert ["Network", "training/parameters", "training/test_loss"] in page.rows
    assert ["dense-1", "0.5", "0.5"] in page.rows
    assert ["distance", "0", "0", "4", "0"] in page.rows


def test_the_page_shows_rates_where_and_what_was_asked(tmp_path: Path) -> None:
    put(tmp_path / "s", axes(), drawn(axes(), 0.8, 0), "before", seed=0, rate="<b>0.1</b>")
    lower = np.where(np.arange(6)[:, None, None, None, None] == 4, 0.1, 0.8)
    put(tmp_path / "s", axes(), drawn(axes(), lower, 2), "after", replace=True, seed=2, rate="<b>0.2</b>")
    comparison = compare(str(tmp_path / "s"), "before", "after", GROUP)
    path = write_versions_page(comparison, tmp_path / "deep" / "page")
    page = Page(path)
    assert path == tmp_path / "deep" / "page" / "comparison.html"
    assert ["specification", "rate", "<b>0.1</b>", "<b>0.2</b>"] in page.rows
    assert "b" not in page.tags
    assert "Cochran\N{EN DASH}Mantel\N{EN DASH}Haenszel" in page.text
    assert (
        f"Sizes that differ {comparison.attrs['n_significant_sizes']} all problems together, of 8"
        in page.text
    )
    assert next(row[:3] for row in page.rows if row[:1] == ["4"]) == ["4", "4", "8 of 8"]
    assert "2,400" in page.text
    for name in ("differences", "significant", "status"):
        assert (tmp_path / "deep" / "page" / f"{name}.png").stat().st_size > 1000
    assert page.outside(path.parent) == []


def test_the_page_of_nothing_changed(changed: Path, tmp_path: Path) -> None:
    page = Page(write_versions_page(compare(str(changed), "a", "a", GROUP), tmp_path / "page"))
    assert "All 2,400 cells that both have are the same, bit for bit" in page.text
    assert "have the same specification" in page.text
    assert "nothing to test" in page.text


def test_a_page_says_how_to_make_it_again(changed: Path, tmp_path: Path) -> None:
    comparison = compare(str(changed), "a", "b", GROUP, level=0.01)
    page = Page(write_versions_page(comparison, tmp_path / "page"))
    assert f"--level 0.01 --folder {tmp_path / 'page'}" in page.text
    assert "level=0.01)" in page.text


def test_the_page_of_what_one_version_lacks_compares_nothing(tmp_path: Path) -> None:
    put(tmp_path, axes(), {}, "a")
    put(tmp_path, axes(), drawn(axes(), 0.5, 0), "b")
    comparison = compare(str(tmp_path), "a", "b", GROUP)
    page = Page(write_versions_page(comparison, tmp_path / "page"))
    assert "They have no cells in common; 2,400 were added" in page.text
    assert "have the same specification" not in page.text
    assert "Rates of success" not in page.text
    assert len(overview(comparison)) == 1


def _trained_sweep(*settings: str) -> TrainingSweep:
    small = ("trials=4", "width=2,4", "depth=1", "epochs=3")
    return override(find_sweep("npn2"), [*small, *settings])


def _drawn_for(sweep: TrainingSweep, seed: int) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    return {
        name: draw.integers(0, 4, sweep.shape).astype(variable.dtype)
        for name, variable in sweep.variables.items()
    }


def _put_sweep(
    store: Path, sweep: TrainingSweep, arrays: dict[str, np.ndarray], tag: str, replace: bool = False
) -> None:
    with Committer(store, create=True) as committer:
        committer.prepare(sweep.layout(str(store)), replace=replace)
        if arrays:
            committer.write(sweep.group, {}, arrays, sweep.fingerprint)
        committer.commit(tag, {})
        committer.tag(tag)


def test_axes_of_one_value_do_not_hide_what_was_written_anew(tmp_path: Path) -> None:
    """Chunks are counted along all axes of the store, those of one value included."""
    sweep = _trained_sweep()
    arrays = _drawn_for(sweep, 0)
    _put_sweep(tmp_path, sweep, arrays, "a")
    arrays["final_loss"][1, ..., 3] += 1
    _put_sweep(tmp_path, sweep, arrays, "b")
    found = compare(str(tmp_path), "a", "b", sweep.group)
    assert found["status"].dims == ("problem", "leak", "width", "depth", "trial")
    expected = np.zeros(found["status"].shape, bool)
    expected[1, ..., 3] = True
    np.testing.assert_array_equal(found["status"] == CHANGED, expected)
    assert int(found["changed"].sel(variable="final_loss")) == expected.sum()


def test_an_axis_of_one_value_that_became_a_list_is_an_axis_of_both(tmp_path: Path) -> None:
    one, two = _trained_sweep(), _trained_sweep("learning_rate=0.01,0.025")
    arrays = _drawn_for(one, 0)
    _put_sweep(tmp_path, one, arrays, "a")
    _put_sweep(tmp_path, two, {}, "b")  # an axis grown: what was there moved, nothing was computed
    found = compare(str(tmp_path), "a", "b", one.group)
    counts = [found.attrs[f"n_{name}_cells"] for name in ("same", "changed", "added", "removed")]
    assert counts == [one.n_cells, 0, 0, 0]
    by_rate = (found["status"] == SAME).all(["problem", "leak", "width", "depth", "trial"])
    assert by_rate.to_series().to_dict() == {0.01: False, 0.025: True}


def test_one_value_and_another_are_compared_beside_each_other(tmp_path: Path) -> None:
    arrays = _drawn_for(_trained_sweep(), 0)
    _put_sweep(tmp_path, _trained_sweep(), arrays, "a")
    _put_sweep(tmp_path, _trained_sweep("learning_rate=0.01"), arrays, "b", replace=True)
    found = compare(str(tmp_path), "a", "b", "boolean/npn2")
    assert found.attrs["n_same_cells"] == _trained_sweep().n_cells
    difference = json.loads(found.attrs["specification_difference"])
    assert difference == [["protocol.optimizer.learning_rate", 0.025, 0.01]]


def test_a_loss_of_an_earlier_version_is_compared_by_its_name_of_today(tmp_path: Path) -> None:
    first = drawn(axes(), 0.5, 0)
    second = {**first, "loss": first["loss"].copy()}
    second["loss"][2, 1, 0, 1, 9] += 1
    for tag, arrays in (("a", first), ("b", second)):
        put(tmp_path, axes(), arrays, tag, loss="bce", epochs=10, optimizer={"learning_rate": 0.025})
    found = compare(str(tmp_path), "a", "b", GROUP)
    assert "loss" not in found["variable"]
    assert found.attrs["n_changed_cells"] == int(found["changed"].sel(variable="final_loss")) == 1
