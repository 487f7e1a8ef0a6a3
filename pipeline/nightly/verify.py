"""Finished blocks computed once more: what the store has must come again, bit for bit."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import chain
from threading import Event as Flag
from typing import TYPE_CHECKING

import numpy as np

from relusweep.cluster import ClusterConfig, connect
from relusweep.pipeline.common.library_versions import library_versions
from relusweep.pipeline.common.redaction import redact
from relusweep.pipeline.execution.dispatch import Arrival, compute
from relusweep.pipeline.execution.interruption import interruption
from relusweep.pipeline.monitoring.events import BlockDone, BlockFailed, Event, PlanStarted, RunFinished
from relusweep.pipeline.monitoring.record import Record, recorded
from relusweep.pipeline.monitoring.workers import WorkerMonitor
from relusweep.pipeline.nightly.stored import MOST_SHOWN, Differences, Stored
from relusweep.pipeline.nightly.work import CANCELLED, Worked
from relusweep.pipeline.planning.plan import Plan, plans, stored_plan
from relusweep.pipeline.planning.resources import check_promised, check_workers_have
from relusweep.pipeline.sweeps.base import Block, Sweep
from relusweep.storage import StoreReadError, history, open_dataset
from relusweep.tasks.blocks import BlockResult

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Sample", "draw", "verify"]


class _Drawn(Plan):
    """A plan in which nothing counts but its blocks: what else the store has is not asked for."""

    @property
    def total(self) -> int:
        return self.cells


class Sample:
    """Finished blocks of a group, drawn to be verified.

    Attributes
    ----------
    plan : Plan
        The blocks drawn and, where each goes on from the one before, those before them.
    n_all : int
        Finished blocks in all.
    """

    def __init__(self, stored: Plan, chosen: Sequence[Block]) -> None:
        self.sweep, self.n_all = stored.sweep, len(stored.blocks)
        self._followed = {
            before.key for block in stored.blocks if (before := stored.sweep.schedule.predecessor(block))
        }
        drawn = {before.key: before for block in chosen for before in _chain(stored.sweep, block)}
        self.plan = _Drawn(stored.sweep, stored.sweep, tuple(drawn.values()))

    def variables(self, block: Block) -> Iterator[str]:
        """Name what the store still has of a block: what lacks an axis is that of the last block along it."""
        for name, variable in self.sweep.variables.items():
            if set(self.sweep.axes) <= set(variable.dims) or block.key not in self._followed:
                yield name


def draw(stored: Plan, seed: str, share: float, blocks: int | None) -> Sample:
    """Draw some of the finished blocks of a group, the same for the same seed.

    Parameters
    ----------
    stored : Plan
        As `relusweep.pipeline.planning.plan.stored_plan` gives it.
    seed : str
    share : float
        Part of the blocks, 0 to 1; at least one is drawn where there is one.
    blocks : int or None
        How many, instead.
    """
    n_all = len(stored.blocks)
    wanted = max(1, round(share * n_all)) if blocks is None else blocks
    # Text seeds are hashed the same in every process and version of Python.
    chosen = random.Random(seed).sample(stored.blocks, min(wanted, n_all))
    return Sample(stored, chosen)


def verify(
    sweep: Sweep,
    store: str,
    cluster: ClusterConfig,
    *,
    seed: str,
    share: float,
    blocks: int | None,
    command: str | None = None,
) -> Worked:
    """Compute a sample of the finished blocks of a sweep and of all that it requires, and compare the bits.

    Nothing is written but a record beside the store, by which it is watched and cancelled as a run is. What
    is too large to travel is compared by the worker that computed it.

    Parameters
    ----------
    sweep : Sweep
    store : str
    cluster : ClusterConfig
        Where the tasks run.
    seed, share, blocks
        See `draw`.
    command : str, optional
        What the user typed.

    Raises
    ------
    SweepError, relusweep.storage.StoreError, relusweep.cluster.ClusterError
        As `relusweep.pipeline.execution.run.run`.
    """
    version = history(store)[0].id  # whatever is committed meanwhile
    sweeps = [plan.stored for plan in plans(sweep, store)]
    known = {"does": "verify", "sweep": sweep.name, "group": sweep.group, "cluster": cluster.kind}
    with recorded(store, None, **known, command=command) as record, interruption() as asked_to_stop:
        samples = [draw(stored_plan(sweep, store, version), seed, share, blocks) for sweep in sweeps]
        todo = [sample.plan for sample in samples if sample.n_all]
        going = _Verification(store, version, record, asked_to_stop)
        record.begin(todo, asked_to_stop)
        check_promised(todo, cluster)
        if todo:
            with connect(cluster) as client:
                check_workers_have(todo, cluster, client)
                going.through(client, samples)
        return going.finish(samples)


class _Verification:
    """What a verification remembers while it goes."""

    def __init__(self, store: str, version: str, record: Record, asked_to_stop: Flag) -> None:
        self.worked = Worked(version=version, run=record.id)
        self._store, self._version = store, version
        self._record, self._asked_to_stop = record, asked_to_stop
        self._failed: list[BlockFailed] = []

    def through(self, client: Client, samples: Sequence[Sample]) -> None:
        """Verify one group after the other."""
        worker_monitor = WorkerMonitor(client)
        for sample in samples:
            if sample.n_all and not self.worked.interrupted:
                self._record(PlanStarted(sample.plan))
                self._go(client, sample, worker_monitor)

    def _go(self, client: Client, sample: Sample, worker_monitor: WorkerMonitor) -> None:
        stored = Stored(self._store, self._version, sample.sweep)
        keep = None
        if sample.sweep.schedule.written_by_workers:
            keep = partial(_comparing, stored)
        before = self.worked.cells
        with closing(compute(client, sample.plan, self._store, keep)) as arrivals:
            for arrival in arrivals:
                if arrival is not None:
                    self._record(self._take(sample, stored, arrival))
                if seen := worker_monitor.poll():
                    self._record(seen)
                if self._asked_to_stop.is_set():
                    self.worked.interrupted = True
                    return
        self._tell(sample, self.worked.cells - before)

    def _take(self, sample: Sample, stored: Stored, arrival: Arrival) -> Event:
        block, outcome = arrival.block, arrival.outcome
        if isinstance(outcome, BlockResult):
            names = set(sample.variables(block)) & set(outcome.arrays)
            try:
                here = stored.differences(block, {name: outcome.arrays[name] for name in sorted(names)})
            except StoreReadError as error:  # as of one at a worker: the others are verified nevertheless
                outcome = error
            else:
                self._note([here] if outcome.receipt is None else [here, outcome.receipt])
                return BlockDone(block, None, arrival.spans)
        told = redact(f"{type(outcome).__name__}: {outcome}")
        self._failed.append(BlockFailed(block, told, sample.sweep.group))
        self.worked.failed.append(f"{sample.sweep.group}, {block}: {told}")
        return self._failed[-1]

    def _note(self, found: Sequence[Differences]) -> None:
        worked = self.worked
        worked.cells += int(found[0].compared.sum())
        worked.drifted += int(np.logical_or.reduce([part.drifted for part in found]).sum())
        drift = chain.from_iterable(part.drift for part in found)
        worked.drift = [*worked.drift, *drift][:MOST_SHOWN]

    def _tell(self, sample: Sample, cells: int) -> None:
        sweep = sample.sweep
        then = open_dataset(self._store, sweep.group, version=self._version).attrs["versions"]
        self.worked.versions[sweep.group] = {"then": json.loads(then), "now": library_versions()}
        self.worked.sentences.append(
            f"{cells:,} {sweep.unit} of {sweep.group} computed again, "
            f"in {len(sample.plan.blocks)} of {sample.n_all} finished blocks"
        )

    def finish(self, samples: Sequence[Sample]) -> Worked:
        """Close the record, and say what came of it."""
        worked, cancelled = self.worked, self._record.cancelled
        worked.groups = [sample.sweep.group for sample in samples]
        for sample in samples:
            if not sample.n_all:
                worked.sentences.append(
                    f"{sample.sweep.group} is left out: the store has no finished block of it"
                )
        self._record(RunFinished({}, tuple(self._failed), worked.interrupted, cancelled))
        if worked.interrupted and cancelled:  # not to be gone on with, as what a signal stops
            worked.failed.append(CANCELLED)
            worked.interrupted = False
        if not (worked.cells or worked.failed or worked.interrupted):
            worked.failed.append("there was nothing to verify")
        return worked


def _comparing(stored: Stored, block: Block) -> partial[Differences]:
    return partial(stored.differences, block)


def _chain(sweep: Sweep, block: Block) -> Iterator[Block]:
    """Give a block and all that come before it: the store has only the state after the last one."""
    at: Block | None = block
    while at is not None:
        yield at
        at = sweep.schedule.predecessor(at)
