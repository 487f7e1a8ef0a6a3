"""One run of a sweep: plan, workers, results into the store, commits; the only place where all rooms meet."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack, closing
from functools import cache
from threading import Event as Flag
from typing import TYPE_CHECKING

from relusweep.cluster import ClusterConfig, connect
from relusweep.pipeline.common.errors import IncompleteRun
from relusweep.pipeline.common.redaction import redact
from relusweep.pipeline.execution.dispatch import Arrival, compute
from relusweep.pipeline.execution.interruption import interruption
from relusweep.pipeline.execution.store_retry import StoreRetry
from relusweep.pipeline.execution.worker_writes import writing
from relusweep.pipeline.monitoring.events import (
    BlockDone,
    BlockFailed,
    Committed,
    Event,
    Listener,
    PlanStarted,
    RunFinished,
)
from relusweep.pipeline.monitoring.record import recorded
from relusweep.pipeline.monitoring.run_metrics import RunMetrics
from relusweep.pipeline.monitoring.workers import WorkerMonitor
from relusweep.pipeline.planning.plan import Plan, plans
from relusweep.pipeline.planning.resources import check_promised, check_workers_have
from relusweep.pipeline.sweeps.base import Block, Sweep
from relusweep.storage import Committer, StoreWriteError
from relusweep.tasks.blocks import BlockResult

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["run"]


def run(
    sweep: Sweep,
    store: str,
    cluster: ClusterConfig,
    *,
    replace: bool = False,
    refreshed: Collection[str] | None = None,
    listeners: Sequence[Listener] = (),
    commit_every: float = 5.0,
    command: str | None = None,
    run_id: str | None = None,
) -> RunFinished:
    """Compute what the store lacks of a sweep, and before that of all that the sweep requires.

    A block that raises is reported, and the others go on. SIGINT, SIGTERM or a request beside the store, see
    `relusweep.pipeline.monitoring.runs.ask_to_stop`, ends the run early, with all that has come committed.
    Killed outright, it loses what came since the last commit. A store that cannot be written is waited for,
    and what it lacks is planned anew; see `relusweep.pipeline.execution.store_retry`.

    Parameters
    ----------
    sweep : Sweep
    store : str
        Path or ``s3://bucket/prefix``; made if it does not exist.
    cluster : ClusterConfig
        Where the tasks run.
    replace : bool
        Start the group anew where it holds results of another specification.
    refreshed : collection of str, optional
        Compute all that the store has once more, but for these groups; see
        `relusweep.pipeline.planning.plan.plans`.
    listeners : sequence of callable
        Called with every `Event`, in this thread.
    commit_every : float
        Seconds between commits.
    command : str, optional
        What the user typed, kept with the facts of the run.
    run_id : str, optional
        Name of its record, and part of its facts; by default that in RELUSWEEP_RUN_ID, or a new one.

    Returns
    -------
    RunFinished
        Also the last event.

    Raises
    ------
    SpecificationChanged
        The store holds results of another specification under the name.
    relusweep.storage.StoreError
        The store is locked by another run, or cannot be written.
    relusweep.cluster.ClusterError
        There are no workers.
    ResourceMissing
        Blocks ask for what no worker has.
    SchedulerLost
        The scheduler died; what came before is committed.
    IncompleteRun
        The store, read again at the end, lacks a block that came.
    InvalidRun
        `run_id` is no name.
    """
    command = command and redact(command)
    known = {"sweep": sweep.name, "group": sweep.group, "command": command, "cluster": cluster.kind}
    with (
        recorded(store, run_id, **known) as record,
        Committer(store, create=True) as committer,
        interruption() as asked_to_stop,
    ):
        todo = plans(sweep, store, replace=replace, refreshed=refreshed)
        groups = [plan.sweep.group for plan in todo]
        record.begin(todo, asked_to_stop)
        metrics = RunMetrics(todo[-1], store, command, id=record.id)
        going = _Run(committer, metrics, [record, *listeners], commit_every, asked_to_stop)
        check_promised(todo, cluster)
        retry = StoreRetry(committer, asked_to_stop, going.tell)
        going.listeners.append(retry.notice)
        with ExitStack() as stack:

            @cache
            def client() -> Client:
                there = stack.enter_context(connect(cluster))
                check_workers_have(todo, cluster, there)
                return there

            while todo:
                try:
                    going.through(todo, store, client)
                    todo = ()
                except StoreWriteError as error:
                    retry.wait(error)
                    going.failed.clear()  # those blocks are planned again too
                    begun = None if refreshed is None else {*refreshed, *going.committed}
                    todo = plans(sweep, store, replace=replace, refreshed=begun)
        finished = RunFinished(metrics.facts(), tuple(going.failed), going.interrupted, record.cancelled)
        if not (finished.failed or finished.interrupted):
            _check_complete(plans(sweep, store, refreshed=None if refreshed is None else groups))
        going.tell(finished)
    return finished


def _check_complete(left: Iterable[Plan]) -> None:
    blocks = [block for plan in left for block in plan.blocks]
    if blocks:
        raise IncompleteRun(
            f"{len(blocks)} blocks are not in the store, as {blocks[0]}; run again, and report it"
        )


class _Run:
    """What a run remembers while it goes."""

    def __init__(
        self,
        committer: Committer,
        metrics: RunMetrics,
        listeners: Sequence[Listener],
        commit_every: float,
        asked_to_stop: Flag,
    ) -> None:
        self.metrics = metrics
        self.failed = metrics.failed  # which the facts tell
        self.interrupted = False
        self.committed: set[str] = set()  # groups of which something is stored by this run
        self.listeners = list(listeners)
        self._committer, self._commit_every = committer, commit_every
        self._asked_to_stop = asked_to_stop
        self._worker_monitor: WorkerMonitor | None = None
        self._uncommitted = 0
        self._last_commit = time.monotonic()

    def tell(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)

    def through(self, todo: Iterable[Plan], store: str, client: Callable[[], Client]) -> None:
        """Compute what one plan after the other lacks; what comes next requires what is complete."""
        for plan in todo:
            self.tell(PlanStarted(plan))
            if plan.blocks:
                self._committer.prepare(plan.stored.layout(store), replace=plan.anew)
                self._go(plan, store, client())
            if self.failed or self.interrupted:
                return

    def _go(self, plan: Plan, store: str, client: Client) -> None:
        """Compute the blocks of one plan, and commit them all."""
        if self._worker_monitor is None:
            self.metrics.connect(client)
            self._worker_monitor = WorkerMonitor(client)
            self._look()
        self._plan, self._left, self._cells = plan, len(plan.blocks), 0
        self.metrics.begin(plan)
        keep = None
        if plan.sweep.schedule.written_by_workers:
            keep = writing(plan, self._committer.fork(plan.sweep.group))
        try:
            with closing(compute(client, plan, store, keep)) as arrivals:
                for arrival in arrivals:
                    self._take(arrival)
                    self._look()
                    if self._asked_to_stop.is_set():
                        self.interrupted = self._left > 0
                        break
            self.metrics.part(client)
        finally:
            self._commit()

    def _look(self) -> None:
        if self._worker_monitor and (seen := self._worker_monitor.poll()):
            self.tell(seen)

    def _take(self, arrival: Arrival | None) -> None:
        if arrival is not None:
            self._left -= 1
            self.metrics.record(arrival.block, arrival.spans)
            if isinstance(arrival.outcome, BlockResult):
                self._write(arrival, arrival.outcome)
            elif isinstance(arrival.outcome, StoreWriteError):  # of a worker that writes large arrays
                raise arrival.outcome
            else:
                self._fail(arrival.block, arrival.outcome)
        # The last blocks wait for the commit at the end, which knows the facts of the whole run.
        if self._left and time.monotonic() - self._last_commit >= self._commit_every:
            self._commit()

    def _write(self, arrival: Arrival, result: BlockResult) -> None:
        block = arrival.block
        variables = self._plan.sweep.variables
        for region, part in self._plan.regions(block):
            arrays = {
                name: array[tuple(part.get(dim, slice(None)) for dim in variables[name].dims)]
                for name, array in result.arrays.items()
            }
            self._committer.write(self._plan.sweep.group, region, arrays, block.fingerprint, result.receipt)
        self.metrics.add(block, result)
        self._cells += block.cells
        self._uncommitted += 1
        self.tell(BlockDone(block, result.successes, arrival.spans))

    def _fail(self, block: Block, error: Exception) -> None:
        told = redact(f"{type(error).__name__}: {error}")
        failure = BlockFailed(block, told, self._plan.sweep.group)
        self.failed.append(failure)
        self.tell(failure)

    def _commit(self) -> None:
        self._last_commit = time.monotonic()
        if not self._uncommitted:
            return
        message = f"{self._plan.sweep.name}: {self._cells:,} {self._plan.sweep.unit}"
        version = self._committer.commit(message, {"run": self.metrics.facts()})
        if version is not None:
            self.committed.add(self._plan.sweep.group)
            self.tell(Committed(version, self._uncommitted))
        self._uncommitted = 0
