"""Finished blocks computed once more: what the store has must come again, bit for bit."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from threading import Event as Flag
from typing import TYPE_CHECKING

import numpy as np

from relusweep.cluster import ClusterConfig, connect
from relusweep.pipeline.common.library_versions import library_versions
from relusweep.pipeline.common.redaction import redact
from relusweep.pipeline.execution import dispatch
from relusweep.pipeline.execution.interruption import interruption
from relusweep.pipeline.monitoring.events import BlockDone, BlockFailed, Event, PlanStarted, RunFinished
from relusweep.pipeline.monitoring.record import Record, recorded
from relusweep.pipeline.monitoring.workers import WorkerMonitor
from relusweep.pipeline.nightly.differences import MOST_SHOWN, Differences, StoredGroup
from relusweep.pipeline.nightly.report import CANCELLED, Report
from relusweep.pipeline.planning.plan import Plan, plans, stored_plan
from relusweep.pipeline.planning.resources import check_promised, check_workers_have
from relusweep.pipeline.sweeps.base import Block, Sweep
from relusweep.storage import StoreReadError, history, open_dataset
from relusweep.tasks.blocks import BlockResult

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Sample", "draw", "verify"]

Compute = Callable[..., Generator[dispatch.Arrival | None]]


@dataclass(frozen=True)
class Sample(Plan):
    """Finished blocks of a group to compute again, with the predecessors that they go on from.

    Attributes
    ----------
    n_finished : int
        Finished blocks in all.
    succeeded : frozenset of str
        Keys of those that are the predecessor of another.
    """

    n_finished: int = 0
    succeeded: frozenset[str] = frozenset()

    @property
    def total(self) -> int:
        """Cells to be computed: what else the store has is not asked for."""
        return self.cells

    def variables(self, block: Block) -> set[str]:
        """Name what the store still has of a block: what lacks an axis is that of the last block along it."""
        last = block.key not in self.succeeded
        axes = set(self.sweep.axes)
        return {name for name, variable in self.sweep.variables.items() if last or axes <= set(variable.dims)}


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
    sweep, finished = stored.sweep, stored.blocks
    wanted = max(1, round(share * len(finished))) if blocks is None else blocks
    # Text seeds are hashed the same in every process and version of Python.
    chosen = random.Random(seed).sample(finished, min(wanted, len(finished)))
    drawn = {part.key: part for block in chosen for part in _chain(sweep, block)}
    succeeded = frozenset(before.key for block in finished if (before := sweep.predecessor(block)))
    return Sample(sweep, sweep, tuple(drawn.values()), n_finished=len(finished), succeeded=succeeded)


def _chain(sweep: Sweep, block: Block | None) -> Iterator[Block]:
    """Give a block and all that come before it: the store has only the state after the last one."""
    while block is not None:
        yield block
        block = sweep.predecessor(block)


def verify(
    sweep: Sweep,
    store: str,
    cluster: ClusterConfig,
    *,
    seed: str,
    share: float,
    blocks: int | None,
    command: str | None = None,
    compute: Compute = dispatch.compute,
) -> Report:
    """Compute a sample of the finished blocks of a sweep and of all that it requires, and compare the bits.

    Nothing is written but a record beside the store, by which it is watched and cancelled as a run is.

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
    compute : callable, optional
        Computes blocks, as `relusweep.pipeline.execution.dispatch.compute` does.

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
        todo = [sample for sample in samples if sample.blocks]
        record.begin(todo, asked_to_stop)
        check_promised(todo, cluster)
        verification = _Verification(store, version, record, asked_to_stop, compute)
        if todo:
            with connect(cluster) as client:
                check_workers_have(todo, cluster, client)
                verification.go(client, todo)
        return verification.finish(sample.sweep.group for sample in samples if not sample.blocks)


class _Verification:
    """The report of a verification, and the record of it, while it goes."""

    def __init__(
        self, store: str, version: str, record: Record, asked_to_stop: Flag, compute: Compute
    ) -> None:
        self._store, self._version, self._compute = store, version, compute
        self._record, self._asked_to_stop = record, asked_to_stop
        self._report = Report(version=version, run=record.id)
        self._failed: list[BlockFailed] = []

    def go(self, client: Client, samples: Iterable[Sample]) -> None:
        """Verify one group after the other."""
        monitor = WorkerMonitor(client)
        for sample in samples:
            self._record(PlanStarted(sample))
            stored, before = StoredGroup(self._store, self._version, sample.sweep), self._report.cells
            keep = stored.comparison if sample.sweep.written_by_workers else None
            with closing(self._compute(client, sample, self._store, keep)) as arrivals:
                for arrival in arrivals:
                    if arrival is not None:
                        self._record(self._take(sample, stored, arrival))
                    if seen := monitor.poll():
                        self._record(seen)
                    if self._asked_to_stop.is_set():
                        self._report.interrupted = True
                        return
            self._tell(sample, self._report.cells - before)

    def _take(self, sample: Sample, stored: StoredGroup, arrival: dispatch.Arrival) -> Event:
        block, outcome = arrival.block, arrival.outcome
        if isinstance(outcome, BlockResult):
            names = sorted(sample.variables(block) & set(outcome.arrays))
            try:
                here = stored.differences(block, {name: outcome.arrays[name] for name in names})
            except StoreReadError as error:  # the other blocks are verified nevertheless
                outcome = error
            else:
                self._count([here] if outcome.receipt is None else [here, outcome.receipt])
                return BlockDone(block, None, arrival.spans)
        told = redact(f"{type(outcome).__name__}: {outcome}")
        self._failed.append(BlockFailed(block, told, sample.sweep.group))
        self._report.failed.append(f"{sample.sweep.group}, {block}: {told}")
        return self._failed[-1]

    def _count(self, found: Sequence[Differences]) -> None:
        """Add what differs in a block: in what has travelled, and in what its worker has compared."""
        report = self._report
        report.cells += int(found[0].compared.sum())
        report.drifted += int(np.logical_or.reduce([part.drifted for part in found]).sum())
        report.drift = [*report.drift, *(drift for part in found for drift in part.drift)][:MOST_SHOWN]

    def _tell(self, sample: Sample, cells: int) -> None:
        sweep = sample.sweep
        then = open_dataset(self._store, sweep.group, version=self._version).attrs["versions"]
        self._report.versions[sweep.group] = {"then": json.loads(then), "now": library_versions()}
        self._report.sentences.append(
            f"{cells:,} {sweep.unit} of {sweep.group} computed again, "
            f"in {len(sample.blocks)} of {sample.n_finished} finished blocks"
        )

    def finish(self, left_out: Iterable[str]) -> Report:
        """Close the record, and give the report, which names the groups that were left out."""
        report, cancelled = self._report, self._record.cancelled
        report.sentences += [
            f"{group} is left out: the store has no finished block of it" for group in left_out
        ]
        self._record(RunFinished({}, tuple(self._failed), report.interrupted, cancelled))
        if report.interrupted and cancelled:  # unlike what a signal stops, it is not resumed
            report.failed.append(CANCELLED)
            report.interrupted = False
        if not (report.cells or report.failed or report.interrupted):
            report.failed.append("there was nothing to verify")
        return report
