"""Blocks go out to the workers, results come back: nothing here knows of stores or users."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import CancelledError
from itertools import starmap
from queue import Empty, SimpleQueue
from time import monotonic
from typing import NamedTuple

from distributed import Client, Future, KilledWorker

from relusweep.cluster import Place
from relusweep.pipeline.common.errors import SchedulerLost, WorkersLost
from relusweep.pipeline.common.usage import Span, timed
from relusweep.pipeline.execution.worker_writes import Keep, Large, compute_large
from relusweep.pipeline.planning.plan import Plan
from relusweep.pipeline.planning.resources import slots
from relusweep.pipeline.planning.split import SubBlock, partition
from relusweep.pipeline.sweeps.base import Block, Task
from relusweep.tasks.blocks import BlockResult

__all__ = ["Arrival", "compute"]

# Few enough that neither the scheduler nor this process fills with blocks; a large cluster gets two a thread.
_IN_FLIGHT = 512

# A block that raises is most likely to raise again; one more try is for a machine out of memory.
_RETRIES = 1

# A scheduler counts a dead worker against all tasks that it held: a block is to blame only when so many
# workers died while it was the only one in flight.
_DEATHS_ALONE = 3

# A nanny brings a dead worker back in seconds; asking costs a message to the scheduler.
_PATIENCE = 30.0
_LOOK_EVERY = 5.0

_Timed = tuple[BlockResult, Span]


class Arrival(NamedTuple):
    """What has become of a block.

    Attributes
    ----------
    block : Block
    outcome : BlockResult or exception
        A result has arrays over all dimensions of the block, and then those of the variable alone.
    spans : tuple of Span
        When it was computed, and by whom: one for every part of it that came.
    """

    block: Block
    outcome: BlockResult | Exception
    spans: tuple[Span, ...]


def compute(
    client: Client, plan: Plan, store: str, keep: Callable[[Block], Keep] | None = None, *, tick: float = 0.1
) -> Generator[Arrival | None]:
    """Compute the blocks of a plan.

    Parameters
    ----------
    client : distributed.Client
    plan : Plan
    store : str
        Where tasks find what the sweep requires.
    keep : callable, optional
        Gives, for each block, what its worker does with the arrays that are too large to travel.
    tick : float
        Longest silence, seconds.

    Yields
    ------
    Arrival or None
        Every block once, in the order of arrival, except those that follow a block that failed; None after a
        tick without arrival. When the caller stops iterating, what is in flight is cancelled.

    Raises
    ------
    SchedulerLost
        The scheduler, and with it every result in flight, is gone.
    WorkersLost
        There has been no worker for half a minute.
    """
    watch = _Watch(client)
    flight = _Flight(client, plan, store, keep)
    try:
        while flight.fill():
            try:
                future = flight.landed.get(timeout=tick)
            except Empty:
                watch.look()
                yield None
                continue
            if arrival := flight.land(future):
                yield arrival
    finally:
        flight.cancel()


class _Waiting(NamedTuple):
    order: int
    part: SubBlock
    before: BlockResult | None = None  # what came of the block that it follows
    deaths: int | None = None  # of workers, while it was alone; None before it is a suspect

    @property
    def key(self) -> str:
        # The same key with other arguments would return the first value: it names the content. After a
        # failure it is another one: the scheduler may not have forgotten the first yet.
        key = self.part.block.key
        return key if self.deaths is None else f"{key}-alone-{self.deaths}"


class _Flight:
    """The parts of a plan's blocks: those that wait, those at the workers, those that have landed."""

    def __init__(self, client: Client, plan: Plan, store: str, keep: Callable[[Block], Keep] | None) -> None:
        self.landed: SimpleQueue[Future[_Timed]] = SimpleQueue()
        # A worker that was lost may yet come back, and one that waits in a queue may yet begin.
        wanted = client.place.status().wanted if hasattr(client, "place") else 0
        threads = max(1, sum(client.nthreads().values()), wanted)
        self._client, self._sweep = client, plan.stored  # whose arrays the results must fit
        self._schedule = plan.stored.schedule
        self._store, self._keep = store, keep
        self._waiting: deque[_Waiting] = deque()
        self._held: dict[str, _Waiting] = {}  # by the key of the block before
        self._suspects: deque[_Waiting] = deque()  # were with workers that died: tried alone, at the end
        planned = {block.key for block in plan.blocks}
        for waiting in starmap(_Waiting, enumerate(partition(plan, threads))):
            before = self._schedule.predecessor(waiting.part.block)
            if before is not None and before.key in planned:
                self._held[before.key] = waiting
            else:
                self._waiting.append(waiting)
        self._flying: dict[str, tuple[_Waiting, Future[_Timed]]] = {}
        self._most = max(_IN_FLIGHT, 2 * threads)
        if resources := self._schedule.resources:  # those go to their workers at once, and die with them
            self._most = max(1, 2 * slots(client, resources), 2 * wanted)

    def fill(self) -> bool:
        """Send what fits; false when everything has landed."""
        while self._waiting and len(self._flying) < self._most:
            waiting = self._waiting.popleft()
            if not waiting.part.whole.failed:
                self._submit(waiting)
        while self._suspects and not self._flying:
            suspect = self._suspects.popleft()
            if not suspect.part.whole.failed:
                self._submit(suspect)
        return bool(self._flying)

    def _submit(self, waiting: _Waiting) -> None:
        future = self._client.submit(
            timed,
            *self._task(waiting.part.block, waiting.before),
            key=waiting.key,
            priority=-waiting.order,
            retries=_RETRIES,
            resources=dict(self._schedule.resources) or None,
        )
        self._flying[waiting.key] = waiting, future
        future.add_done_callback(self.landed.put)

    def _task(self, block: Block, before: BlockResult | None) -> Task:
        task, argument = self._sweep.task(block, self._store)
        if before is not None and self._schedule.resume:
            argument = self._schedule.resume(argument, before)
        if self._keep is None:
            return task, argument
        return compute_large, Large(task, argument, self._schedule.written_by_workers, self._keep(block))

    def land(self, future: Future[_Timed]) -> Arrival | None:
        """Take what came of a part; give its block when that is complete, or has failed."""
        waiting, _ = self._flying.pop(str(future.key), (None, future))
        if waiting is None:  # cancelled: another part of its block has failed
            return None
        part, outcome = waiting.part, _outcome(future)
        whole = part.whole
        future.release()
        if isinstance(outcome, KilledWorker) and self._suspect(waiting, outcome):
            return None
        if isinstance(outcome, Exception):
            whole.failed = True
            self._cancel(key for key, (other, _) in self._flying.items() if other.part.whole is whole)
            return Arrival(whole.block, outcome, whole.spans)
        if not whole.add(part.number, *outcome):
            return None
        result = whole.result(self._sweep)
        if following := self._held.pop(whole.block.key, None):
            self._waiting.appendleft(following._replace(before=result))
        return Arrival(whole.block, result, whole.spans)

    def _suspect(self, waiting: _Waiting, killed: KilledWorker) -> bool:
        """Put aside a part whose workers died, to be tried alone; false when it has been, often enough."""
        deaths = 0 if waiting.deaths is None else waiting.deaths + killed.allowed_failures + 1
        if deaths < _DEATHS_ALONE:
            self._suspects.append(waiting._replace(deaths=deaths))
        return deaths < _DEATHS_ALONE

    def cancel(self) -> None:
        """Call back what is at the workers."""
        self._cancel(self._flying)

    def _cancel(self, keys: Iterable[str]) -> None:
        self._client.cancel([self._flying.pop(key)[1] for key in tuple(keys)])


class _Watch:
    """Notices when blocks wait for workers that do not come back."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._looked = self._seen = monotonic()

    def look(self) -> None:
        now = monotonic()
        if now - self._looked < _LOOK_EVERY:
            return
        self._looked = now
        place: Place | None = getattr(self._client, "place", None)
        if self._client.nthreads() or (place and place.status().pending):
            self._seen = now
        elif now - self._seen > _PATIENCE:
            words = f" ({place.status().words})" if place else ""
            raise WorkersLost(
                f"the scheduler has had no worker for {now - self._seen:.0f} s{words}; what came before is "
                "in the store: start workers, look at them with `relusweep doctor --scheduler`, and run again"
            )


def _outcome(future: Future[_Timed]) -> _Timed | Exception:
    try:
        result: _Timed = future.result()
    except CancelledError:  # of what is cancelled here nobody asks: the client lost its scheduler
        raise SchedulerLost(
            "the scheduler is gone, and with it the blocks in flight; what came before is in the store: "
            "start a scheduler and run the same command again"
        ) from None
    except Exception as error:  # whatever the task raised belongs to its block
        return error
    return result
