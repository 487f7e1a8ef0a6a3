"""One run of a sweep: plan, workers, results into the store, commits; the only place where all rooms meet."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from threading import Event as Flag

import numpy as np

from cluster import ClusterConfig, connect
from pipeline.dispatch import Arrival, compute
from pipeline.errors import IncompleteRun
from pipeline.events import BlockDone, BlockFailed, Committed, Event, Listener, RunFinished, RunStarted
from pipeline.facts import Meter
from pipeline.interruption import interruption
from pipeline.layout import layout
from pipeline.plan import Block, Plan, plan_store
from pipeline.sweep import BooleanSweep
from storage import Committer
from tasks.boolean.training import BlockResult
from tasks.training import StopReason

__all__ = ["run"]


def run(
    sweep: BooleanSweep,
    store: str,
    cluster: ClusterConfig,
    *,
    replace: bool = False,
    listeners: Sequence[Listener] = (),
    commit_every: float = 5.0,
    command: str | None = None,
) -> RunFinished:
    """Train the networks of a sweep that the store lacks.

    A block that raises is reported, and the others go on. SIGINT or SIGTERM ends the run early, with all that
    has come committed. Killed outright, it loses what came since the last commit.

    Parameters
    ----------
    sweep : BooleanSweep
    store : str
        Path or ``s3://bucket/prefix``; made if it does not exist.
    cluster : Local or Address
        Where the tasks run.
    replace : bool
        Start the group anew instead of adding to it.
    listeners : sequence of callable
        Called with every `Event`, in this thread.
    commit_every : float
        Seconds between commits.
    command : str, optional
        What the user typed, kept with the facts of the run.

    Returns
    -------
    RunFinished
        Also the last event.

    Raises
    ------
    SpecificationChanged
        The store holds results of another specification under the name.
    storage.StoreError
        The store is locked by another run, or cannot be written.
    cluster.ClusterError
        There are no workers.
    SchedulerLost
        The scheduler died; what came before is committed.
    IncompleteRun
        The store, read again at the end, lacks a block that came.
    """
    with Committer(store, create=True) as committer, interruption() as asked_to_stop:
        plan = plan_store(sweep, store, replace=replace)
        going = _Run(plan, committer, Meter(plan, store, command), listeners, commit_every)
        going.tell(RunStarted(plan))
        if plan.blocks:
            committer.prepare(layout(plan.stored), replace=replace)
            going.go(cluster, asked_to_stop)
        finished = RunFinished(going.meter.facts(), tuple(going.failed), going.interrupted)
        if not (finished.failed or finished.interrupted) and (left := plan_store(sweep, store).blocks):
            raise IncompleteRun(
                f"{len(left)} blocks are not in the store, as {left[0]}; run again, and report it"
            )
        going.tell(finished)
    return finished


class _Run:
    """What a run remembers while it goes."""

    def __init__(
        self,
        plan: Plan,
        committer: Committer,
        meter: Meter,
        listeners: Sequence[Listener],
        commit_every: float,
    ) -> None:
        self.plan, self.meter = plan, meter
        self.failed: list[BlockFailed] = []
        self.interrupted = False
        self._committer, self._listeners, self._commit_every = committer, listeners, commit_every
        self._left = len(plan.blocks)
        self._uncommitted = 0
        self._last_commit = time.monotonic()

    def tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)

    def go(self, cluster: ClusterConfig, asked_to_stop: Flag) -> None:
        with connect(cluster) as client:
            self.meter.meet(client)
            try:
                with closing(compute(client, self.plan)) as arrivals:
                    for arrival in arrivals:
                        self._take(arrival)
                        if asked_to_stop.is_set():
                            self.interrupted = self._left > 0
                            break
                self.meter.part(client)
            finally:
                self._commit()

    def _take(self, arrival: Arrival | None) -> None:
        if arrival is not None:
            block, outcome = arrival
            self._left -= 1
            if isinstance(outcome, BlockResult):
                self._write(block, outcome)
            else:
                self._fail(block, outcome)
        # The last blocks wait for the commit at the end, which knows the facts of the whole run.
        if self._left and time.monotonic() - self._last_commit >= self._commit_every:
            self._commit()

    def _write(self, block: Block, result: BlockResult) -> None:
        for region, rows in self.plan.regions(block):
            arrays = {name: array[rows, None, None, None, :] for name, array in result.arrays.items()}
            self._committer.write(self.plan.sweep.group, region, arrays, block.fingerprint)
        self.meter.add(block, result)
        self._uncommitted += 1
        self.tell(BlockDone(block, int(np.sum(result.arrays["stop_reason"] == StopReason.SUCCESS))))

    def _fail(self, block: Block, error: Exception) -> None:
        failure = BlockFailed(block, f"{type(error).__name__}: {error}")
        self.failed.append(failure)
        self.tell(failure)

    def _commit(self) -> None:
        self._last_commit = time.monotonic()
        if not self._uncommitted:
            return
        message = f"{self.plan.sweep.name}: {self.meter.networks} networks"
        version = self._committer.commit(message, {"run": self.meter.facts()})
        if version is not None:
            self.tell(Committed(version, self._uncommitted))
        self._uncommitted = 0
