"""Blocks go out to the workers, results come back: nothing here knows of stores or users."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import CancelledError
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic
from typing import NamedTuple

from distributed import Future, KilledWorker

from relusweep.cluster import Connection
from relusweep.pipeline.common.errors import SchedulerLost, WorkersLost
from relusweep.pipeline.common.usage import Span, timed
from relusweep.pipeline.execution.queues import PlanQueue, Waiting, make_queues
from relusweep.pipeline.execution.settings import RunSettings
from relusweep.pipeline.execution.worker_writes import Sink, compute_with_sink
from relusweep.pipeline.planning.plan import Plan
from relusweep.pipeline.planning.resources import slots
from relusweep.pipeline.sweeps.blocks import Block, Task
from relusweep.tasks.blocks import BlockResult

__all__ = ["Arrival", "Flight", "compute"]

_Timed = tuple[BlockResult, Span]
_Sinks = Callable[[Block], Sink | None] | None


class Arrival(NamedTuple):
    """What has become of a block of a plan, with a span for every sub-block that came.

    A result has arrays over all dimensions of the block, and then those of the variable alone.
    """

    plan: Plan
    block: Block
    outcome: BlockResult | Exception
    spans: tuple[Span, ...]


def compute(
    connection: Connection, plan: Plan, store: str, sink: _Sinks = None, *, tick: float = 0.1
) -> Generator[Arrival | None]:
    """Compute the blocks of one plan, of which the store holds all that is required; see `Flight`."""
    return Flight(connection, [plan], store, lambda plan: sink).arrivals(tick)


class Flight:
    """The blocks of plans on their way: each goes out as soon as what it needs is in the store.

    Parameters
    ----------
    connection : Connection
    plans : sequence of Plan
        Each behind those that its sweep requires.
    store : str
        Where tasks find what their sweep requires.
    begin : callable
        Called with a plan before its first block goes out; gives its sinks, or None.
    settings : RunSettings
    """

    def __init__(
        self,
        connection: Connection,
        plans: Sequence[Plan],
        store: str,
        begin: Callable[[Plan], _Sinks],
        settings: RunSettings = RunSettings(),  # noqa: B008  (frozen)
    ) -> None:
        # A worker that was lost may yet come back, and one that waits in a queue may yet begin.
        client, wanted = connection.client, connection.backend.status().wanted
        self._threads = max(1, sum(client.nthreads().values()), wanted)
        self._connection, self._client = connection, client
        self._store, self._begin, self._settings = store, begin, settings
        self._queues = make_queues(plans, self._threads, settings.sub_blocks_per_thread)
        self._suspects: deque[Waiting] = deque()  # were with workers that died: tried alone, at the end
        self._flying: dict[str, tuple[Waiting, Future[_Timed]]] = {}
        self._landed: SimpleQueue[Future[_Timed]] = SimpleQueue()
        self._most = max(settings.in_flight, 2 * self._threads)
        for queue in self._queues:
            if resources := queue.plan.sweep.schedule.resources:  # those go out at once, and die with workers
                queue.most = max(1, 2 * slots(client, resources), 2 * wanted)

    def arrivals(self, tick: float = 0.1) -> Generator[Arrival | None]:
        """Compute all blocks.

        Parameters
        ----------
        tick : float
            Longest silence, seconds.

        Yields
        ------
        Arrival or None
            Every block once, in the order of arrival, except those that need one that failed; None after a
            tick without arrival. When the caller stops iterating, what is in flight is cancelled.

        Raises
        ------
        SchedulerLost
            The scheduler, and with it every result in flight, is gone.
        WorkersLost
            There has been no worker for half a minute.
        """
        watch = _Watch(self._connection, self._settings)
        try:
            while self._fill():
                try:
                    future = self._landed.get(timeout=tick)
                except Empty:
                    watch.look()
                    yield None
                    continue
                if arrival := self._land(future):
                    yield arrival
        finally:
            self._cancel(self._flying)

    @property
    def over(self) -> bool:
        """Whether no block is in flight, and none can go out."""
        return not (self._flying or self._suspects or any(q.ready or q.uncommitted for q in self._queues))

    @property
    def waits_for_commit(self) -> bool:
        """Whether threads run out of blocks, and a commit of what has come would give them more."""
        starving = len(self._flying) <= self._threads and not any(map(self._may_send, self._queues))
        return starving and any(queue.uncommitted for queue in self._queues)

    def commit(self) -> None:
        """Take note that all that has come is in the store."""
        for queue in self._queues:
            queue.commit()

    def _may_send(self, queue: PlanQueue) -> bool:
        return bool(queue.ready) and len(self._flying) < self._most and queue.flying < queue.most

    def _fill(self) -> bool:
        """Send what fits; false when there is nothing more to wait for."""
        for queue in self._queues:
            while self._may_send(queue):
                self._send(queue.ready.popleft())
        while self._suspects and not self._flying and not self.waits_for_commit:
            self._send(self._suspects.popleft())
        return not self.over

    def _send(self, waiting: Waiting) -> None:
        queue = waiting.queue
        if waiting.sub.split.failed:
            return
        if not queue.begun:
            queue.begun, queue.sink = True, self._begin(queue.plan)
        future = self._client.submit(
            timed,
            *self._task(waiting),
            key=waiting.key,
            priority=-waiting.order,
            retries=self._settings.retries,
            resources=dict(queue.plan.sweep.schedule.resources) or None,
        )
        self._flying[waiting.key] = waiting, future
        queue.flying += 1
        future.add_done_callback(self._landed.put)

    def _task(self, waiting: Waiting) -> Task:
        sweep, block = waiting.queue.plan.stored, waiting.sub.block  # the results must fit the stored arrays
        task, argument = sweep.task(block, self._store)
        if waiting.before is not None and sweep.schedule.resume:
            argument = sweep.schedule.resume(argument, waiting.before)
        if (sinks := waiting.queue.sink) and (sink := sinks(block)):
            task = partial(compute_with_sink, task, sweep.schedule.written_by_workers, sink)
        return task, argument

    def _land(self, future: Future[_Timed]) -> Arrival | None:
        """Take what came of a sub-block; give its block when that is complete, or has failed."""
        if str(future.key) not in self._flying:  # cancelled: another sub-block has failed
            return None
        waiting = self._remove(str(future.key))[0]
        split, plan, outcome = waiting.sub.split, waiting.queue.plan, _outcome(future)
        future.release()
        if isinstance(outcome, KilledWorker) and self._suspect(waiting, outcome):
            return None
        if isinstance(outcome, Exception):
            split.failed = True
            self._cancel(key for key, (other, _) in self._flying.items() if other.sub.split is split)
            return Arrival(plan, split.block, outcome, split.spans)
        if not split.add(waiting.sub.number, *outcome):
            return None
        result = split.result(plan.stored)
        for queue in self._queues:
            queue.arrive(plan, split.block, result)
        return Arrival(plan, split.block, result, split.spans)

    def _suspect(self, waiting: Waiting, killed: KilledWorker) -> bool:
        """Put aside a sub-block whose workers died, to be tried alone; false if it was, often enough."""
        waiting.deaths = 0 if waiting.deaths is None else waiting.deaths + killed.allowed_failures + 1
        if innocent := waiting.deaths < self._settings.deaths_alone:
            self._suspects.append(waiting)
        return innocent

    def _cancel(self, keys: Iterable[str]) -> None:
        self._client.cancel([self._remove(key)[1] for key in tuple(keys)])

    def _remove(self, key: str) -> tuple[Waiting, Future[_Timed]]:
        waiting, future = self._flying.pop(key)
        waiting.queue.flying -= 1
        return waiting, future


class _Watch:
    """Notices when blocks wait for workers that do not come back."""

    def __init__(self, connection: Connection, settings: RunSettings) -> None:
        self._client, self._backend, self._settings = connection.client, connection.backend, settings
        self._looked = self._seen = monotonic()

    def look(self) -> None:
        now = monotonic()
        if now - self._looked < self._settings.worker_check:
            return
        self._looked = now
        if self._client.nthreads() or self._backend.status().pending:
            self._seen = now
        elif now - self._seen > self._settings.worker_timeout:
            raise WorkersLost(
                f"the scheduler has had no worker for {now - self._seen:.0f} s "
                f"({self._backend.status().message}); what came before is in the store: "
                "start workers, look at them with `relusweep doctor --scheduler`, and run again"
            )


def _outcome(future: Future[_Timed]) -> _Timed | Exception:
    try:
        return future.result()
    except CancelledError:  # of what is cancelled here nobody asks: the client lost its scheduler
        raise SchedulerLost(
            "the scheduler is gone, and with it the blocks in flight; what came before is in the store: "
            "start a scheduler and run the same command again"
        ) from None
    except Exception as error:  # whatever the task raised belongs to its block
        return error
