"""One run of a sweep: plan, workers, results into the store, commits; the only place where all rooms meet."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from threading import Event as Flag

import numpy as np
from numpy.typing import NDArray

from relusweep.cluster import ClusterConfig, Connection, connect
from relusweep.pipeline.common.divergence import diverged_in_words
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.common.errors import IncompleteRun
from relusweep.pipeline.common.redaction import redact
from relusweep.pipeline.execution.dispatch import Arrival, Flight
from relusweep.pipeline.execution.interruption import interruption
from relusweep.pipeline.execution.settings import RunSettings
from relusweep.pipeline.execution.store_retry import StoreRetry
from relusweep.pipeline.execution.worker_writes import Sink, store_sink
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
from relusweep.pipeline.planning.resources import check_promised, check_workers_have, code_folder
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.storage import Committer, StoreWriteError
from relusweep.storage.repository import in_full
from relusweep.tasks.blocks import BlockResult

__all__ = ["run", "workers"]


def run(
    sweep: Sweep,
    store: str,
    cluster: ClusterConfig,
    *,
    replace: bool = False,
    refreshed: Collection[str] | None = None,
    turns: Iterator[NDArray[np.int64]] | None = None,
    listeners: Sequence[Listener] = (),
    commit_every: float = 5.0,
    command: str | None = None,
    run_id: str | None = None,
    settings: RunSettings = RunSettings(),  # noqa: B008  (frozen)
) -> RunFinished:
    """Compute what the store lacks of a sweep and of all that it requires.

    Each block goes out as soon as what it needs is in the store: stages that do not depend on one another are
    computed side by side. A block that raises is reported; those that need it are left out, the others go on.
    SIGINT, SIGTERM or a request beside the store, see `relusweep.pipeline.monitoring.runs.ask_to_stop`, ends
    the run early, with all that has come committed. Killed outright it loses what came since the last commit.
    Of a sweep whose settings have as many trials as it takes, round after round is computed.
    A store that cannot be written is waited for, and what it lacks is planned anew; see
    `relusweep.pipeline.execution.store_retry`.

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
    turns : iterator of ndarray of int, optional
        Trials of each setting, see `relusweep.pipeline.planning.plan.plans`, one turn after the other: the
        next is asked for once the store has all of the one before.
    listeners : sequence of callable
        Called with every `Event`, in this thread.
    commit_every : float
        Seconds between commits; one comes sooner where threads would wait for it.
    command : str, optional
        What the user typed, kept with the facts of the run.
    run_id : str, optional
        Name of its record, and part of its facts; by default that in RELUSWEEP_RUN_ID, or a new one.
    settings : RunSettings

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
        recorded(store, run_id, known, settings.heartbeat) as record,
        Committer(store, create=True) as committer,
        interruption() as asked_to_stop,
    ):
        asked = None if turns is None else next(turns)

        def make(refreshed: Collection[str] | None) -> tuple[Plan, ...]:
            return plans(sweep, store, replace=replace, refreshed=refreshed, asked=asked)

        todo = make(refreshed=refreshed)
        groups = [plan.sweep.group for plan in todo]
        record.begin(todo, asked_to_stop)
        check_promised(todo, cluster)
        metrics = RunMetrics(todo[-1], store, command, id=record.id)
        going = _Run(committer, metrics, [record, *listeners], commit_every, asked_to_stop, settings)

        def lacking() -> tuple[Plan, ...]:
            return make(refreshed=None if refreshed is None else {*refreshed, *going.committed})

        with ExitStack() as stack:

            def connect_workers() -> Connection:
                return stack.enter_context(workers(cluster, todo))

            going.through(todo, lacking, connect_workers)
            while not (going.failed or going.interrupted):
                left = make(refreshed=None if refreshed is None else groups)
                if not _is_next_round(todo, left):
                    if turns is None or (asked := next(turns, None)) is None:
                        break
                    left = make(refreshed=None)
                todo = left
                going.through(todo, lacking, connect_workers)
        finished = RunFinished(
            metrics.as_dict(),
            tuple(going.failed),
            going.interrupted,
            record.cancelled,
            tuple(_diverged(todo, store, going.committed)),
        )
        going.tell(finished)
    return finished


@contextmanager
def workers(cluster: ClusterConfig, todo: Iterable[Plan]) -> Iterator[Connection]:
    """Connect to the workers that compute plans, and refuse those that lack what these ask for."""
    with connect(cluster, code_folder(todo)) as connection:
        check_workers_have(todo, cluster, connection.client)
        yield connection


def _is_next_round(ran: Iterable[Plan], left: Iterable[Plan]) -> bool:
    """Tell whether what the store lacks after a run is the next round of a sweep; false where it has all.

    Raises
    ------
    IncompleteRun
        It lacks blocks that came.
    """
    before = {plan.sweep.group: plan.round for plan in ran}
    for plan in left:
        then, now = before[plan.sweep.group], plan.round
        if plan.blocks and (then is None or now is None or now.number <= then.number):
            raise IncompleteRun(
                f"{len(plan.blocks)} blocks are not in the store, as {plan.blocks[0]}; run again, and "
                "report it"
            )
    return any(plan.blocks for plan in left)


def _diverged(todo: Iterable[Plan], store: str, committed: Collection[str]) -> Iterator[str]:
    """Say what did not stay finite, of all that is stored of the groups that train networks."""
    for plan in todo:
        group, trains = plan.sweep.group, {"stop_reason", "train_loss"} & plan.sweep.variables.keys()
        if trains and (plan.done or group in committed):
            yield from diverged_in_words(open_results(store, group))


class _Run:
    """What a run remembers while it goes."""

    def __init__(
        self,
        committer: Committer,
        metrics: RunMetrics,
        listeners: Sequence[Listener],
        commit_every: float,
        asked_to_stop: Flag,
        settings: RunSettings,
    ) -> None:
        self.failed = metrics.failed  # which the facts tell
        self.interrupted = False
        self.committed: set[str] = set()  # groups of which something is stored by this run
        self._retry = StoreRetry(committer, asked_to_stop, self.tell, settings.store_timeout)
        self._listeners = [*listeners, self._retry.notice]
        self._committer, self._metrics, self._commit_every = committer, metrics, commit_every
        self._asked_to_stop, self._settings = asked_to_stop, settings
        self._last_commit = time.monotonic()
        self._connection: Connection | None = None

    def tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)

    def through(
        self, todo: Sequence[Plan], lacking: Callable[[], Sequence[Plan]], connect: Callable[[], Connection]
    ) -> None:
        """Compute what plans lack; after the store could not be written for a while, what it lacks then."""
        while True:
            for plan in todo:
                self.tell(PlanStarted(plan))
            try:
                if any(plan.blocks for plan in todo):
                    self._connection = self._connection or self._met(connect())
                    self._go(todo, self._connection)
                return
            except StoreWriteError as error:
                self._retry.wait(error)
                self.failed.clear()  # those blocks are planned again too
                todo = lacking()

    def _met(self, connection: Connection) -> Connection:
        self._metrics.connect(connection)
        self._worker_monitor = WorkerMonitor(connection.client)
        self._poll()
        return connection

    def _poll(self) -> None:
        if seen := self._worker_monitor.poll():
            self.tell(seen)

    def _go(self, todo: Sequence[Plan], connection: Connection) -> None:
        """Compute the blocks of plans, and commit them all."""
        self._plans = {plan.sweep.group: plan for plan in todo}
        self._cells, self._uncommitted = Counter[str](), Counter[str]()  # by group: cells, and blocks
        store = in_full(self._metrics.store)  # workers may have started elsewhere
        self._flight = Flight(connection, todo, store, self._begin, self._settings)
        try:
            with closing(self._flight.arrivals()) as arrivals:
                for arrival in arrivals:
                    if arrival is not None:
                        self._take(arrival)
                    self._commit_if_due()
                    self._poll()
                    if self._asked_to_stop.is_set():
                        self.interrupted = not self._flight.over
                        break
            self._metrics.ask_workers(connection.client)
        finally:
            self._commit()

    def _begin(self, plan: Plan) -> Callable[[Block], Sink | None] | None:
        """Prepare the group of a plan whose first block goes out."""
        self._metrics.begin(plan.sweep.group)
        self._committer.prepare(plan.layout(self._metrics.store), replace=plan.anew)
        if not plan.sweep.schedule.written_by_workers:
            return None
        self._commit()  # a fork would commit what has come, without its facts
        return store_sink(plan, self._committer.fork(plan.sweep.group))

    def _take(self, arrival: Arrival) -> None:
        self._metrics.shift.add(arrival.spans)
        if isinstance(arrival.outcome, BlockResult):
            self._write(arrival, arrival.outcome)
        elif isinstance(arrival.outcome, StoreWriteError):  # of a worker that writes large arrays
            raise arrival.outcome
        else:
            told = redact(f"{type(arrival.outcome).__name__}: {arrival.outcome}")
            failure = BlockFailed(arrival.plan.sweep.group, arrival.block, told)
            self.failed.append(failure)
            self.tell(failure)

    def _write(self, arrival: Arrival, result: BlockResult) -> None:
        block, sweep = arrival.block, arrival.plan.sweep
        place = arrival.plan.place(block)
        self._committer.write(sweep.group, place, result.arrays, block.fingerprint, result.receipt)
        self._metrics.count(sweep.group, block.cells, result)
        self._cells[sweep.group] += block.cells
        self._uncommitted[sweep.group] += 1
        self.tell(BlockDone(sweep.group, block, result.successes, arrival.spans, result.not_finite))

    def _commit_if_due(self) -> None:
        # The last blocks wait for the commit at the end, which knows the facts of the whole run.
        due = time.monotonic() - self._last_commit >= self._commit_every and not self._flight.over
        if due or self._flight.waits_for_commit:
            self._commit()

    def _commit(self) -> None:
        self._last_commit = time.monotonic()
        if self._uncommitted:
            some = [self._plans[group] for group in self._uncommitted]
            counts = ", ".join(f"{self._cells[p.sweep.group]:,} {p.sweep.unit}" for p in some)
            version = self._committer.commit(
                f"{some[0].sweep.name}: {counts}", {"run": self._metrics.as_dict()}
            )
            if version is not None:
                self.committed |= self._uncommitted.keys()
                self.tell(Committed(version, self._uncommitted.total(), tuple(self._uncommitted)))
            self._uncommitted.clear()
        self._flight.commit()
