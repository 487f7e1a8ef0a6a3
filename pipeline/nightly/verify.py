"""Finished blocks computed again, and compared bit for bit with what the store has."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np

from relusweep.cluster import ClusterConfig, Connection
from relusweep.pipeline.common.library_versions import library_versions
from relusweep.pipeline.common.redaction import redact
from relusweep.pipeline.execution import dispatch
from relusweep.pipeline.execution.interruption import interruption
from relusweep.pipeline.execution.run import workers
from relusweep.pipeline.monitoring.events import BlockDone, BlockFailed, Event, PlanStarted, RunFinished
from relusweep.pipeline.monitoring.record import recorded
from relusweep.pipeline.monitoring.workers import WorkerMonitor
from relusweep.pipeline.nightly.differences import MOST_SHOWN, Differences, differences
from relusweep.pipeline.nightly.report import CANCELLED, Report
from relusweep.pipeline.planning.plan import Plan, plans, stored_plan
from relusweep.pipeline.planning.resources import check_promised
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.storage import StoreReadError, history, open_dataset
from relusweep.tasks.blocks import BlockResult

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
    succeeded = frozenset(before.key for block in finished if (before := sweep.schedule.predecessor(block)))
    return Sample(sweep, sweep, tuple(drawn.values()), n_finished=len(finished), succeeded=succeeded)


def _chain(sweep: Sweep, block: Block | None) -> Iterator[Block]:
    """Give a block and all that come before it: the store has only the state after the last one."""
    while block is not None:
        yield block
        block = sweep.schedule.predecessor(block)


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
    seed, share, blocks
        See `draw`.
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
    with recorded(store, None, {**known, "command": command}) as record, interruption() as asked_to_stop:
        samples = [draw(stored_plan(sweep, store, version), seed, share, blocks) for sweep in sweeps]
        todo = [sample for sample in samples if sample.blocks]
        record.begin(todo, asked_to_stop)
        check_promised(todo, cluster)
        report, failed = Report(version=version, run=record.id), list[BlockFailed]()
        if todo:
            with (
                workers(cluster, todo) as connection,
                closing(_verify(connection, todo, store, version, report, compute)) as events,
            ):
                for event in events:
                    if event is not None:
                        record(event)
                    if isinstance(event, BlockFailed):
                        failed.append(event)
                    if asked_to_stop.is_set():
                        report.interrupted = True
                        break
        record(RunFinished({}, tuple(failed), report.interrupted, record.cancelled))
    report.failed = [f"{failure.group}, {failure.block}: {failure.error}" for failure in failed]
    if report.interrupted and record.cancelled:  # unlike what a signal stops, it is not resumed
        report.failed.append(CANCELLED)
        report.interrupted = False
    if not (report.cells or report.failed or report.interrupted):
        report.failed.append("there was nothing to verify")
    left_out = (sample.sweep.group for sample in samples if not sample.blocks)
    report.sentences += [f"{group} is left out: the store has no finished block of it" for group in left_out]
    return report


def _verify(
    connection: Connection,
    samples: Iterable[Sample],
    store: str,
    version: str,
    report: Report,
    compute: Compute,
) -> Generator[Event | None]:
    """Verify one group after the other; what is found goes into the report."""
    monitor = WorkerMonitor(connection.client)
    yield monitor.poll()
    for sample in samples:
        yield PlanStarted(sample)
        sweep, before = sample.sweep, report.cells
        compare = partial(differences, store, version, sweep)
        sink = partial(partial, compare) if sweep.schedule.written_by_workers else None
        with closing(compute(connection, sample, store, sink)) as arrivals:
            for arrival in arrivals:
                if arrival is not None:
                    yield _take(sample, arrival, compare, report)
                yield monitor.poll()
        then = json.loads(open_dataset(store, sweep.group, version=version).attrs["versions"])
        report.versions[sweep.group] = {"then": then, "now": library_versions()}
        report.sentences.append(
            f"{report.cells - before:,} {sweep.unit} of {sweep.group} computed again, "
            f"in {len(sample.blocks)} of {sample.n_finished} finished blocks"
        )


def _take(
    sample: Sample, arrival: dispatch.Arrival, compare: Callable[..., Differences], report: Report
) -> Event:
    """Count what differs in a block: in what has travelled, and in what its worker has compared."""
    block, outcome = arrival.block, arrival.outcome
    if isinstance(outcome, BlockResult):
        names = sorted(sample.variables(block) & set(outcome.arrays))
        try:
            here = compare(block, {name: outcome.arrays[name] for name in names})
        except StoreReadError as error:  # the other blocks are verified nevertheless
            outcome = error
        else:
            found = [here] if outcome.receipt is None else [here, outcome.receipt]
            report.cells += int(here.compared.sum())
            report.drifted += int(np.logical_or.reduce([part.drifted for part in found]).sum())
            report.drift = [*report.drift, *(drift for part in found for drift in part.drift)][:MOST_SHOWN]
            return BlockDone(sample.sweep.group, block, None, arrival.spans)
    return BlockFailed(sample.sweep.group, block, redact(f"{type(outcome).__name__}: {outcome}"))
