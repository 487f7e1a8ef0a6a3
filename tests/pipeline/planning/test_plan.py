from __future__ import annotations

import pickle
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from relusweep.pipeline.common.errors import SpecificationChanged
from relusweep.pipeline.planning.plan import Plan, make_plan, plans
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage import Committer

TRIALS_PER_BLOCK = 100


def _progress(sweep: TrainingSweep, done: np.ndarray | bool, fingerprint: int | None = None) -> xr.Dataset:
    """What the store says of a sweep of which some networks are done."""
    marks = np.broadcast_to(np.asarray(done), sweep.shape)
    prints = np.where(marks, np.uint64(sweep.fingerprint if fingerprint is None else fingerprint), 0)
    group = sweep.layout("")
    dims = tuple(sweep.axes)
    data = {"done": (dims, marks), "fingerprint": (dims, prints.astype(np.uint64))}
    return xr.Dataset(data, coords=group.coords.coords, attrs=dict(group.attrs))


def _covered(plan: Plan, blocks: Iterable[Block]) -> np.ndarray:
    """How often each network of the stored axes is in the blocks."""
    times = np.zeros(plan.stored.shape, int)
    for block in blocks:
        for region, part in plan.regions(block):
            times[tuple(region[dim] for dim in plan.stored.axes)] += 1
            for dim, labels in plan.stored.axes.items():
                assert labels[region[dim]].tolist() == list(block[dim][part[dim]])
    return times


@pytest.mark.parametrize(
    ("trials", "blocks", "networks"), [(10, 90, 2_220), (100, 90, 22_200), (250, 270, 22_200)]
)
def test_npn4_is_cut_into_blocks_of_one_size_and_leak(trials: int, blocks: int, networks: int) -> None:
    plan = make_plan(override(SWEEPS["npn4"], [f"trials={trials}"]), None)
    assert len(plan.blocks) == blocks
    assert max(block.cells for block in plan.blocks) == networks
    assert plan.cells == plan.total == 222 * 2 * 45 * trials
    assert plan.done == 0
    assert len({block.key for block in plan.blocks}) == blocks


def test_sizes_are_told_before_anything_runs() -> None:
    plan = make_plan(SWEEPS["npn4"], None)
    itemsizes = [np.dtype(array.dtype).itemsize for array in plan.sweep.layout("").arrays().values()]
    assert plan.nbytes == plan.cells * sum(itemsizes)


def test_every_block_is_one_chunk() -> None:
    sweep = override(SWEEPS["npn4"], ["trials=250", "problems=1,1785"])
    group = sweep.layout("")
    for block in make_plan(sweep, None).blocks:
        assert block["trial"][0] // group.chunks["trial"] == block["trial"][-1] // group.chunks["trial"]
        assert len(block["problem"]) <= group.chunks["problem"]


def test_the_longest_blocks_come_first() -> None:
    plan = make_plan(SWEEPS["npn4"], None)
    work = [plan.sweep.schedule.cost(block) for block in plan.blocks]
    assert work == sorted(work, reverse=True)


def test_groups_whose_results_meant_something_else_are_started_anew_or_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sweep() -> TrainingSweep:
        return override(SWEEPS["npn2"], ["trials=2", "width=2", "depth=1"])

    with Committer(tmp_path, create=True) as committer:
        committer.prepare(sweep().layout(""))
        committer.commit("before", {})
    assert not plans(sweep(), str(tmp_path))[0].anew
    monkeypatch.setattr(TrainingSweep, "result_schema", property(lambda self: 7))
    with pytest.raises(SpecificationChanged, match=r"number is 1, now 7: see the changelog.*--replace"):
        plans(sweep(), str(tmp_path))
    assert plans(sweep(), str(tmp_path), replace=True)[0].anew


def test_a_group_in_another_form_is_told() -> None:
    sweep = SWEEPS["npn2"]
    with pytest.raises(SpecificationChanged, match="has other axes in the store: somebody"):
        make_plan(sweep, _progress(sweep, True).isel(optimizer=0, drop=True))


def test_nothing_is_planned_twice_when_all_is_done() -> None:
    sweep = SWEEPS["npn3"]
    plan = make_plan(sweep, _progress(sweep, True))
    assert (plan.blocks, plan.cells, plan.done) == ((), 0, plan.total)


def test_more_trials_and_new_labels_leave_what_is_done() -> None:
    old = override(SWEEPS["npn3"], ["trials=10", "width=2,4", "leak=0.1"])
    new = override(SWEEPS["npn3"], ["trials=12", "width=2,3", "leak=0.1"])
    plan = make_plan(new, _progress(old, True))
    assert plan.stored.network.width == (2, 3, 4)
    assert plan.stored.trials == 12
    assert {(b["width"], b["trial"]) for b in plan.blocks} == {((2,), (10, 11)), ((3,), tuple(range(12)))}


def test_a_smaller_request_never_shrinks_the_store() -> None:
    old = override(SWEEPS["npn3"], ["trials=10"])
    plan = make_plan(override(SWEEPS["npn3"], ["trials=2", "problems=105", "leak=0"]), _progress(old, True))
    assert plan.stored == old
    assert plan.blocks == ()


def test_results_of_another_fingerprint_run_again() -> None:
    sweep = SWEEPS["npn2"]
    plan = make_plan(sweep, _progress(sweep, True, fingerprint=sweep.fingerprint ^ 1))
    assert plan.cells == plan.total


def test_a_changed_specification_is_refused() -> None:
    stored = _progress(SWEEPS["npn2"], True)
    with pytest.raises(SpecificationChanged, match="seed: 0 in the store, 1 asked"):
        make_plan(override(SWEEPS["npn2"], ["seed=1"]), stored)


def test_a_block_finds_its_problems_between_others() -> None:
    old = override(SWEEPS["npn2"], ["problems=1,3", "trials=1", "width=2", "depth=1"])
    plan = make_plan(override(old, ["problems=0,1,6", "leak=0.5"]), _progress(old, True))
    (block,) = plan.blocks
    assert block["problem"] == (0, 1, 6)
    found = [(region["problem"], part["problem"]) for region, part in plan.regions(block)]
    assert found == [(slice(0, 2), slice(0, 2)), (slice(3, 4), slice(2, 3))]


def test_only_what_is_new_is_planned_when_problems_and_trials_grow_at_once() -> None:
    old = override(SWEEPS["npn2"], ["problems=1,3", "trials=5", "width=2", "depth=1", "leak=0"])
    plan = make_plan(override(old, ["problems=all", "trials=7"]), _progress(old, True))
    assert {(block["problem"], block["trial"]) for block in plan.blocks} == {
        ((0, 6), tuple(range(7))),
        ((1, 3), (5, 6)),
    }


@settings(max_examples=50)
@given(st.data())
def test_exactly_what_is_missing_is_planned(data: st.DataObject) -> None:
    labels = st.lists(st.integers(1, 6), min_size=1, max_size=3)
    spans = st.integers(1, 2 * TRIALS_PER_BLOCK + 3)

    def some_sweep() -> TrainingSweep:
        problems = data.draw(st.lists(st.sampled_from([0, 1, 3, 6]), min_size=1, max_size=4))
        fields = {"width": data.draw(labels), "depth": [1], "leak": [0.0], "trials": data.draw(spans)}
        problem = {"kind": "boolean", "n_inputs": 2, "problems": problems}
        return TrainingSweep.model_validate({"name": "any", "problem": problem, **fields})

    stored, asked = some_sweep(), some_sweep()
    done = np.zeros(stored.shape, bool)
    # What a run leaves behind: whole blocks, and rectangles of blocks.
    for _ in range(data.draw(st.integers(0, 4))):
        corner = tuple(slice(0, data.draw(st.integers(0, size))) for size in stored.shape)
        done[corner] = True
    plan = make_plan(asked, _progress(stored, done))
    times = _covered(plan, plan.blocks)
    assert times.max(initial=0) <= 1
    whole = _progress(plan.stored, False)["done"]
    was_done = _progress(stored, done)["done"].reindex_like(whole, fill_value=False)
    wanted = _progress(asked, True)["done"].reindex_like(whole, fill_value=False)
    covered = whole.copy(data=times.astype(bool))
    assert (covered | was_done | ~wanted).all()
    assert not (covered & ~wanted).any()


def test_keys_tell_blocks_apart_and_cross_processes() -> None:
    block = make_plan(SWEEPS["npn3"], None).blocks[0]
    assert pickle.loads(pickle.dumps(block)) == block
    labels = dict(block.labels)
    changes = [
        {"problem": labels["problem"][1:]},
        {"leak": (0.1 + 1e-16,)},
        {"width": (77,)},
        {"depth": (77,)},
        {"trial": labels["trial"][1:]},
        {"trial": labels["trial"][:-1]},
    ]
    others = [replace(block, labels=tuple((labels | change).items())) for change in changes]
    others.append(replace(block, fingerprint=block.fingerprint ^ 1))
    assert len({other.key for other in [block, *others]}) == len(others) + 1


def test_npn5_plans_its_measures_first(tmp_path: Path) -> None:
    measuring, training = plans(SWEEPS["npn5"], str(tmp_path / "nowhere"))
    assert (measuring.sweep.unit, measuring.cells, len(measuring.blocks)) == ("classes", 616_126, 151)
    assert (training.sweep.unit, training.cells, len(training.blocks)) == ("networks", 6_161_260, 151)
    assert training.blocks[7]["problem"] == measuring.blocks[7]["problem"]
    assert _covered(measuring, measuring.blocks).min() == 1
    assert _covered(training, training.blocks).min() == 1


def test_a_sweep_anew_keeps_its_measures(tmp_path: Path) -> None:
    sweep = override(SWEEPS["npn5"], ["problems=0,1"])
    measures = sweep.requires[0]
    with Committer(tmp_path, create=True) as committer:
        committer.prepare(measures.layout(""))
        arrays = {name: np.zeros(2, variable.dtype) for name, variable in measures.variables.items()}
        committer.write(measures.group, {}, arrays, measures.fingerprint)
        committer.commit("measured", {})
    assert [plan.cells for plan in plans(sweep, str(tmp_path), replace=True)] == [0, 20]


def test_blocks_say_where_they_are() -> None:
    sweep = override(SWEEPS["npn5"], ["problems=0,1"])
    assert str(make_plan(sweep, None).blocks[0]) == "problems 0 to 1, trials 0 to 9"
    assert str(make_plan(sweep.requires[0], None).blocks[0]) == "problems 0 to 1"
