"""Every thread has work until the end: long blocks go out in parts, and who idled is measured."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr

from relusweep.cluster import Address
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.common.usage import Span
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.execution.settings import RunSettings
from relusweep.pipeline.monitoring.events import BlockDone, Event
from relusweep.pipeline.monitoring.idleness import Shift
from relusweep.pipeline.planning.plan import make_plan
from relusweep.pipeline.planning.split import cut, partition
from relusweep.pipeline.sweeps.base import SpecifiedSweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage import Variable
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.training_block import TrainingBlock, train_block
from tests.seams import computing

WHOLE, CUT = RunSettings(sub_blocks_per_thread=1e-9), RunSettings(sub_blocks_per_thread=1e9)


def _shift(**spans: list[tuple[float, float]]) -> Shift:
    shift = Shift()
    shift.add(Span(thread, *span) for thread, times in spans.items() for span in times)
    return shift


def test_idle_shares_worked_by_hand() -> None:
    # Ten seconds of two threads: one waits for 1 s in between, the other has nothing more to do after 7 s.
    shift = _shift(a=[(100, 104), (105, 110)], b=[(100, 107)])
    assert shift.idle_shares(2) == pytest.approx({"idle_share": 0.2, "idle_at_end_share": 0.3})
    # A third that never computed idled throughout.
    assert shift.idle_shares(3) == pytest.approx({"idle_share": 14 / 30, "idle_at_end_share": 1.0})
    # Ten seconds of another stage, half of them beside this one: each thread computes one thing at a time.
    shift.add([Span("b", 107, 117), Span("a", 110, 115)])
    assert shift.idle_shares(2) == pytest.approx({"idle_share": 3 / 34, "idle_at_end_share": 2 / 17})
    assert Shift().idle_shares(2) == {}


def test_parts_of_a_block_are_all_of_it_and_fill_the_lanes() -> None:
    sweep = override(SWEEPS["npn3"], ["trials=10"])
    (block, *_) = make_plan(sweep, None).blocks
    # Of 14 problems with ten trials each; eight of them fill five times sixteen lanes.
    for n, sizes in ((1, [14]), (2, [8, 6]), (3, [8, 6]), (99, [8, 6])):
        parts = cut(block, n)
        assert [len(part["problem"]) for part in parts] == sizes
        assert sum((part["problem"] for part in parts), ()) == block["problem"]
        assert {part["trial"] for part in parts} == {block["trial"]}
    assert cut(block, 1) == [block]
    (block, *_) = make_plan(override(SWEEPS["annulus"], ["trials=50"]), None).blocks
    assert [len(part["trial"]) for part in cut(block, 3)] == [16, 16]


@pytest.mark.parametrize("threads", [1, 2, 16])
def test_no_part_is_more_than_a_sixteenth_of_what_a_thread_does(threads: int) -> None:
    plan = make_plan(SWEEPS["npn4"], None)
    parts = partition(plan, threads)
    work = [plan.sweep.schedule.cost(part.block) for part in parts]
    assert sum(work) == pytest.approx(sum(map(plan.sweep.schedule.cost, plan.blocks)))
    # But for what fills the lanes: four problems with a hundred trials each.
    without = [w * (1 - 4 / len(part.block["problem"])) for w, part in zip(work, parts, strict=True)]
    assert max(without) <= sum(work) / threads / 16
    assert len(parts) <= len(plan.blocks) + 16 * threads


def test_the_longest_come_first() -> None:
    plan = make_plan(SWEEPS["npn4"], None)
    costs = [plan.sweep.schedule.cost(part.split.block) for part in partition(plan, 2)]
    assert costs == sorted(costs, reverse=True)


def test_estimates_of_work_follow_what_networks_need() -> None:
    # Network-epochs of `relusweep run npn4 --set trials=10`, a network: what it takes is that many passes.
    measured = {
        (0.0, 2, 1): 3233, (0.0, 2, 5): 3853, (0.0, 3, 3): 2725, (0.0, 4, 1): 1334, (0.0, 4, 5): 2226,
        (0.0, 5, 3): 783, (0.0, 7, 3): 182, (0.0, 10, 5): 54, (0.1, 2, 1): 2720, (0.1, 2, 2): 1507,
        (0.1, 2, 5): 906, (0.1, 3, 1): 1187, (0.1, 3, 3): 175, (0.1, 5, 3): 52, (0.1, 10, 5): 16,
    }  # fmt: skip
    sweep = override(SWEEPS["npn4"], ["trials=10"])
    for block in make_plan(sweep, None).blocks:
        (leak,), (width,), (depth,) = block["leak"], block["width"], block["depth"]
        if (leak, width, depth) in measured:
            parameters = sweep.block(block).protocol.network.n_parameters
            passes = sweep.schedule.cost(block) / (block.cells * (6 * parameters + 50) * 16)
            assert 1 / 3 < passes / measured.pop((leak, width, depth)) < 4
    assert not measured


@pytest.mark.parametrize(
    ("size", "measured"), [((2, 2), 1.95), ((5, 3), 2.01), ((10, 5), 1.80), ((20, 2), 1.58)]
)
def test_estimates_follow_what_units_of_other_activations_take(
    size: tuple[int, int], measured: float
) -> None:
    # Softplus against ReLU, as docs/measurements.md has it.
    width, depth = size
    shape = ["problems=27030", f"width={width}", f"depth={depth}", "leak=0", "activation=relu,softplus"]
    plan = make_plan(override(SWEEPS["npn4"], [*shape, "trials=10"]), None)
    costs = {block["activation"]: plan.sweep.schedule.cost(block) / block.cells for block in plan.blocks}
    assert costs[("softplus",)] / costs[("relu",)] == pytest.approx(measured, rel=0.15)


@pytest.mark.parametrize("dims", [["problems=0,1,3,6", "trials=4"], ["problems=3", "trials=30"]])
def test_parts_do_not_matter(dims: list[str], small: TrainingSweep, workers: Address, tmp_path: Path) -> None:
    sweep = override(small, dims)
    for settings, store in ((WHOLE, "whole"), (CUT, "cut")):
        events: list[Event] = []
        run(sweep, str(tmp_path / store), workers, listeners=[events.append], settings=settings)
        assert sum(isinstance(event, BlockDone) for event in events) == 4
    whole, again = (open_results(tmp_path / store, sweep.group).load() for store in ("whole", "cut"))
    assert whole["done"].all()
    xr.testing.assert_identical(again, whole)


def test_a_block_of_which_a_part_raises_fails_once_and_whole(
    small: TrainingSweep, workers: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def task(block: TrainingBlock) -> object:  # a closure, so that it travels to the workers by value
        if block.protocol.network.width == 4 and 3 in block.labels:
            raise ValueError("not to its liking")
        return train_block(block)

    monkeypatch.setattr(TrainingSweep, "task", computing(task))
    finished = run(small, str(tmp_path / "store"), workers, settings=CUT)
    assert [failure.error for failure in finished.failed] == ["ValueError: not to its liking"] * 2
    assert {(failure.block["width"], failure.block["problem"]) for failure in finished.failed} == {
        ((4,), (0, 1, 3, 6))
    }
    done = open_results(tmp_path / "store", small.group)["done"]
    assert done.sel(width=2).all()
    assert not done.sel(width=4).any()


class _Naps(SpecifiedSweep):
    """Cells that cost a rest: those of the first row a long one, and a row is a block."""

    kind: ClassVar[str] = "naps"
    growable_fields: ClassVar[tuple[str, ...]] = ("rests",)
    rests: tuple[float, ...]

    @property
    def axes(self) -> Mapping[str, np.ndarray]:
        return {"rest": np.array(self.rests), "cell": np.arange(64)}

    @property
    def inner(self) -> Mapping[str, np.ndarray]:
        return {"side": np.arange(2)}

    @property
    def variables(self) -> Mapping[str, Variable]:
        both = {"slept": np.float64, "number": np.int64}
        return {name: Variable(("rest", "cell", "side"), dtype, -1) for name, dtype in both.items()}

    def task(self, block: Block, store: str) -> Task:
        (rest,), cells = block["rest"], block["cell"]

        def nap(
            cells: tuple[int, ...],
        ) -> BlockResult:  # a closure, so that it travels to the workers by value
            time.sleep(rest * len(cells))
            numbers = np.array(cells)[:, None] * [1, 2]
            return BlockResult({"number": numbers, "slept": np.full(numbers.shape, rest)}, 0, 0.0, 0.0)

        return nap, cells

    @property
    def schedule(self) -> Schedule:
        shape = {"rest": 1, "cell": 64}
        return Schedule(block_shape=shape, cost=lambda block: block["rest"][0] * block.cells)


def test_all_threads_share_the_longest_block(workers: Address, tmp_path: Path) -> None:
    sweep = _Naps(name="naps", rests=(0.0005, 0.001, 0.02))  # 0.03, 0.06 and 1.3 s
    threads: dict[str, set[str]] = {}  # that computed the longest block

    def watch(event: Event) -> None:
        if isinstance(event, BlockDone) and event.block["rest"] == (0.02,):
            threads[store] = {span.thread for span in event.spans}

    for settings, store in ((RunSettings(), "cut"), (WHOLE, "whole")):
        run(sweep, str(tmp_path / store), workers, listeners=[watch], settings=settings)
    assert len(threads["cut"]) == 2
    assert len(threads["whole"]) == 1
    results = open_results(tmp_path / "cut", sweep.group).load()
    assert (results["slept"].values == np.array(sweep.rests)[:, None, None]).all()
    assert (results["number"].values == np.arange(64)[:, None] * [1, 2]).all()
