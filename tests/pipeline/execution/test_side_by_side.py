"""Stages that do not depend on one another go side by side; a block begins when what it needs is stored."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr

from relusweep.cluster import Address, Local, connect
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.execution.queues import PlanQueue, make_queues
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, BlockFailed, Committed, Event, PlanStarted
from relusweep.pipeline.planning.plan import plans
from relusweep.pipeline.sweeps.base import Coordinate, SpecifiedSweep, Sweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.storage import StoreNotFound, Variable, history
from relusweep.tasks.blocks import BlockResult


@pytest.fixture(scope="module")
def workers() -> Iterator[Address]:
    """Two threads of one worker: of two workers, one would be given blocks behind one that waits for them."""
    with connect(Local(workers=1, threads_per_worker=2)) as connection:
        yield Address(address=connection.backend.address)


def noted(store: str, group: str, network: int) -> float:
    """What a stage has stored of a network; an error where it has not."""
    cell = open_results(store, group, mask_and_scale=False).sel(network=network)
    assert cell["done"].all(), f"{group} has nothing of {network}"
    return float(cell["value"].values.sum())


class Stage(SpecifiedSweep):
    """A cell for each network, which takes a while; its value is made of those that it requires."""

    kind: ClassVar[str] = "stage"
    growable_fields: ClassVar[tuple[str, ...]] = ("networks",)
    stage: ClassVar[str]
    independent_along: ClassVar[tuple[str, ...]] = ()
    written_by_workers: ClassVar[frozenset[str]] = frozenset()
    needs: ClassVar[tuple[type[Stage], ...]] = ()

    networks: int = 3
    naps: tuple[float, ...] = (0.0,)
    """Seconds that a network takes, over and over."""
    bad: int | None = None
    gate: Path | None = None
    """The last network is trained when this is there."""

    @property
    def group(self) -> str:
        return f"toys/{self.stage}"

    @property
    def axes(self) -> Mapping[str, np.ndarray]:
        return {"network": np.arange(self.networks)}

    @property
    def variables(self) -> Mapping[str, Variable]:
        return {"value": Variable(("network",), "float64", np.nan)}

    @property
    def requires(self) -> tuple[Sweep, ...]:
        return tuple(stage(**self.model_dump()) for stage in self.needs)

    def read(self, store: str, network: int) -> float:
        """What its task reads of what it requires: all of it."""
        others = (stage(**self.model_dump()) for stage in self.needs)
        return sum(noted(store, other.group, n) for other in others for n in range(self.networks))

    def task(self, block: Block, store: str) -> Task:
        (network,) = block["network"]
        nap, bad, read = self.naps[network % len(self.naps)], network == self.bad, self.read
        gate = self.gate if network == self.networks - 1 else None
        first, place = not self.needs, list(STAGES).index(self.stage)

        def make(_: object) -> BlockResult:  # a closure, so that it travels to the workers by value
            if first:
                time.sleep(nap)
                closed = time.monotonic() + 60.0  # a thread that waited for ever would hold up the next tests
                while gate is not None and not gate.exists():
                    assert time.monotonic() < closed, "the gate was never opened"
                    time.sleep(0.01)
                if bad:
                    raise ValueError("a bad network")
            value = np.array([read(store, network) + network + 10.0 * place])
            return BlockResult({"value": value}, 1, 0.0, 0.0)

        return make, None

    @property
    def schedule(self) -> Schedule:
        return Schedule(
            block_shape={"network": 1},
            divisible=False,
            independent_along=self.independent_along,
            written_by_workers=self.written_by_workers,
        )


class Training(Stage):
    stage: ClassVar[str] = "training"


class Rows(Stage):
    """Of a network each; what they come to is written by workers."""

    stage: ClassVar[str] = "rows"
    needs: ClassVar[tuple[type[Stage], ...]] = (Training,)
    independent_along: ClassVar[tuple[str, ...]] = ("network",)
    written_by_workers: ClassVar[frozenset[str]] = frozenset({"value"})

    def read(self, store: str, network: int) -> float:
        return noted(store, "toys/training", network)


class Sums(Stage):
    """Of all networks together: its coordinates too come from the store."""

    stage: ClassVar[str] = "sums"
    needs: ClassVar[tuple[type[Stage], ...]] = (Rows,)

    @property
    def variables(self) -> Mapping[str, Variable]:
        return {**super().variables, "weight": Variable(("network", "row"), "float64", np.nan)}

    @property
    def inner(self) -> Mapping[str, np.ndarray]:
        return {"row": np.arange(self.networks)}

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        rows = open_results(store, "toys/rows")["value"].values
        assert np.isfinite(rows).all()
        return {**super().coordinates(store), "row": ("row", rows, {})}

    def task(self, block: Block, store: str) -> Task:
        make, argument = super().task(block, store)

        def with_weights(_: object) -> BlockResult:
            result = make(argument)
            return result._replace(arrays={**result.arrays, "weight": np.ones((1, self.networks))})

        return with_weights, None


class Other(Stage):
    """Of the rows too: it and the sums do not wait for one another."""

    stage: ClassVar[str] = "other"
    needs: ClassVar[tuple[type[Stage], ...]] = (Rows,)


class Summary(Stage):
    stage: ClassVar[str] = "summary"
    needs: ClassVar[tuple[type[Stage], ...]] = (Sums, Other)


STAGES = {stage.stage: stage for stage in (Training, Rows, Sums, Other, Summary)}


def contents(store: Path) -> dict[str, xr.Dataset]:
    return {name: open_results(store, f"toys/{name}", mask_and_scale=False).load() for name in STAGES}


def done(events: list[Event], stage: str) -> dict[int, BlockDone]:
    came = [e for e in events if isinstance(e, BlockDone) and e.group == f"toys/{stage}"]
    return {event.block["network"][0]: event for event in came}


def went(
    sweep: Sweep, store: Path, workers: Address, *listeners: Callable[[Event], None], **options: object
) -> list[Event]:
    events: list[Event] = []
    run(sweep, str(store), workers, listeners=[events.append, *listeners], **options)
    return events


def test_a_block_begins_when_what_it_needs_is_stored(workers: Address, tmp_path: Path) -> None:
    """The last network is trained when the rows of the others are there: they do not wait for it."""
    sweep = Summary(name="a", networks=4, gate=tmp_path / "gate")
    rows = set[int]()

    def open_gate(event: Event) -> None:
        if isinstance(event, BlockDone) and event.group == "toys/rows":
            rows.add(event.block["network"][0])
            if len(rows) == 3:
                (tmp_path / "gate").touch()

    events = went(sweep, tmp_path / "store", workers, open_gate)
    trained, mapped = done(events, "training"), done(events, "rows")
    assert len(trained) == len(mapped) == 4
    end_of_training = max(event.spans[0].stop for event in trained.values())
    assert all(mapped[n].spans[0].stop < end_of_training for n in range(3))
    for stage, before in (("sums", "rows"), ("other", "rows"), ("summary", "sums"), ("summary", "other")):
        began = min(event.spans[0].start for event in done(events, stage).values())
        assert began > max(event.spans[0].stop for event in done(events, before).values())
    assert [e.plan.sweep.group.removeprefix("toys/") for e in events if isinstance(e, PlanStarted)] == [
        *STAGES
    ]
    # Commits wait for `commit_every`, but where threads would wait for one: not one a block.
    assert sum(isinstance(event, Committed) for event in events) < 12


def test_stages_of_the_same_requirement_go_side_by_side(workers: Address, tmp_path: Path) -> None:
    class SlowSums(Training):
        stage: ClassVar[str] = "sums"

    class SlowOther(Training):
        stage: ClassVar[str] = "other"

    class Both(Stage):
        stage: ClassVar[str] = "summary"
        needs: ClassVar[tuple[type[Stage], ...]] = (SlowSums, SlowOther)

    events = went(Both(name="a", networks=1, naps=(1.0,)), tmp_path / "store", workers)
    (one,), (other,) = (done(events, stage)[0].spans for stage in ("sums", "other"))
    assert one.thread != other.thread
    assert max(one.start, other.start) < min(one.stop, other.stop)


def test_a_block_that_fails_keeps_only_those_from_running_that_need_it(
    workers: Address, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    events = went(Summary(name="a", bad=1), store, workers)
    failed = [(e.group, e.error) for e in events if isinstance(e, BlockFailed)]
    assert failed == [("toys/training", "ValueError: a bad network")]
    assert set(done(events, "rows")) == {0, 2}
    for stage in ("sums", "other", "summary"):  # they need all rows: not even their groups are made
        assert not done(events, stage)
        with pytest.raises(StoreNotFound):
            open_results(store, f"toys/{stage}")


@pytest.mark.parametrize("commit_every", [0.0, pytest.param(60.0, marks=pytest.mark.slow)])
def test_stopped_at_any_block_and_resumed_it_is_as_if_nothing_had_been(
    commit_every: float, workers: Address, tmp_path: Path
) -> None:
    sweep = Summary(name="a")
    went(sweep, tmp_path / "whole", workers)
    whole = contents(tmp_path / "whole")
    assert all(stage["done"].all() for stage in whole.values())
    for stop_after in range(1, 15, 2):
        came = 0

        def stop(event: Event, stop_after: int = stop_after) -> None:
            nonlocal came
            came += isinstance(event, BlockDone)
            if isinstance(event, BlockDone) and came == stop_after:
                os.kill(os.getpid(), signal.SIGINT)

        store = tmp_path / f"stopped-{stop_after}"
        first = went(sweep, store, workers, stop, commit_every=commit_every)
        second = went(sweep, store, workers, commit_every=commit_every)
        keys = [(e.group, e.block.key) for e in (*first, *second) if isinstance(e, BlockDone)]
        assert len(keys) == len(set(keys)) == 15
        for stage, results in contents(store).items():
            xr.testing.assert_identical(results, whole[stage])


def test_each_commit_tells_of_what_it_holds(workers: Address, tmp_path: Path) -> None:
    events = went(Summary(name="a"), tmp_path / "store", workers, commit_every=60.0)
    commits = [event for event in events if isinstance(event, Committed)]
    assert sum(event.blocks for event in commits) == 15
    assert {group for event in commits for group in event.groups} == {f"toys/{name}" for name in STAGES}
    told = [version for version in history(tmp_path / "store") if "run" in version.metadata]
    assert [version.id for version in reversed(told)] == [event.version for event in commits]
    facts = told[0].metadata["run"]
    assert {group: stage["cells"] for group, stage in facts["stages"].items()} == {
        f"toys/{name}": 3 for name in STAGES
    }
    assert facts["worker_cpu_seconds"] > 0
    assert 0 <= facts["idle_share"] < 1


# What may go out, without workers


def queued(sweep: Sweep, store: Path) -> dict[str, PlanQueue]:
    queues = make_queues(plans(sweep, str(store)), 1, 16.0)
    return {queue.plan.sweep.group.removeprefix("toys/"): queue for queue in queues}


def ready(queue: PlanQueue) -> list[int]:
    return [waiting.sub.block["network"][0] for waiting in queue.ready]


def arrive(queues: Mapping[str, PlanQueue], stage: str, network: int) -> None:
    queue = queues[stage]
    (waiting,) = (each for each in queue.ready if each.sub.block["network"] == (network,))
    queue.ready.remove(waiting)
    for each in queues.values():
        each.arrive(queue.plan, waiting.sub.block, BlockResult({}, 0, 0.0, 0.0))


def test_blocks_wait_for_the_commit_of_what_they_need(tmp_path: Path) -> None:
    queues = queued(Summary(name="a"), tmp_path / "nowhere")
    assert {name: ready(queue) for name, queue in queues.items()} == {
        "training": [0, 1, 2],
        **{name: [] for name in ("rows", "sums", "other", "summary")},
    }
    arrive(queues, "training", 1)
    assert ready(queues["rows"]) == []
    assert {name: bool(queue.uncommitted) for name, queue in queues.items()} == {
        name: name == "rows" for name in STAGES
    }
    for queue in queues.values():
        queue.commit()
    assert ready(queues["rows"]) == [1]
    assert not any(queue.uncommitted for queue in queues.values())
    arrive(queues, "rows", 1)
    assert not queues["sums"].uncommitted  # two networks are lacking


def test_what_is_required_of_what_is_complete_is_waited_for_too(workers: Address, tmp_path: Path) -> None:
    """The rows of all networks are there, one training is not: what requires rows reads weights as well."""
    went(Rows(name="a"), tmp_path / "store", workers)
    plan = plans(Summary(name="a"), str(tmp_path / "store"))
    assert {p.sweep.group for p in plan if p.blocks} == {"toys/sums", "toys/other", "toys/summary"}
    (training, *_), rest = plans(Rows(name="a"), str(tmp_path / "nowhere")), plan[1:]
    queues = {queue.plan.sweep.group: queue for queue in make_queues([training, *rest], 1, 16.0)}
    assert ready(queues["toys/sums"]) == []
