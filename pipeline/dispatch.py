"""Blocks go out to the workers, results come back: nothing here knows of stores or users."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import CancelledError
from queue import Empty, SimpleQueue
from time import monotonic
from typing import NamedTuple

from distributed import Client, Future

from pipeline.errors import SchedulerLost, WorkersLost
from pipeline.kinds import Block
from pipeline.parts import Part, shared
from pipeline.plan import Plan
from pipeline.usage import Span, timed
from tasks.blocks import BlockResult

__all__ = ["Arrival", "compute"]

# Few enough that neither the scheduler nor this process fills with blocks; a large cluster gets two a thread.
_IN_FLIGHT = 512

# A block that raises is most likely to raise again; one more try is for a machine out of memory.
_RETRIES = 1

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


def compute(client: Client, plan: Plan, *, tick: float = 0.1) -> Generator[Arrival | None]:
    """Compute the blocks of a plan.

    Parameters
    ----------
    client : distributed.Client
    plan : Plan
    tick : float
        Longest silence, seconds.

    Yields
    ------
    Arrival or None
        Every block once, in the order of arrival; None after a tick without arrival. When the caller stops
        iterating, what is in flight is cancelled.

    Raises
    ------
    SchedulerLost
        The scheduler, and with it every result in flight, is gone.
    WorkersLost
        There has been no worker for half a minute.
    """
    watch = _Watch(client)
    flight = _Flight(client, plan)
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


class _Flight:
    """The parts of a plan's blocks: those that wait, those at the workers, those that have landed."""

    def __init__(self, client: Client, plan: Plan) -> None:
        self.landed: SimpleQueue[Future[_Timed]] = SimpleQueue()
        threads = max(1, sum(client.nthreads().values()))  # a worker that was lost may yet come back
        self._client, self._sweep = client, plan.stored  # whose arrays the results must fit
        self._waiting = deque(enumerate(shared(plan, threads)))
        self._flying: dict[str, tuple[Part, Future[_Timed]]] = {}
        self._most = max(_IN_FLIGHT, 2 * threads)

    def fill(self) -> bool:
        """Send what fits; false when everything has landed."""
        while self._waiting and len(self._flying) < self._most:
            order, part = self._waiting.popleft()
            if not part.whole.failed:
                self._submit(part, -order)
        return bool(self._flying)

    def _submit(self, part: Part, priority: int) -> None:
        # The same key with other arguments would return the first value: it names the content.
        key = part.block.key
        future = self._client.submit(
            timed, *self._sweep.task(part.block), key=key, priority=priority, retries=_RETRIES
        )
        self._flying[key] = part, future
        future.add_done_callback(self.landed.put)

    def land(self, future: Future[_Timed]) -> Arrival | None:
        """Take what came of a part; give its block when that is complete, or has failed."""
        part, _ = self._flying.pop(str(future.key), (None, future))
        if part is None:  # cancelled: another part of its block has failed
            return None
        whole, outcome = part.whole, _outcome(future)
        future.release()
        if isinstance(outcome, Exception):
            whole.failed = True
            self._cancel(key for key, (other, _) in self._flying.items() if other.whole is whole)
            return Arrival(whole.block, outcome, whole.spans)
        if not whole.add(part.number, *outcome):
            return None
        return Arrival(whole.block, whole.result(self._sweep.variables), whole.spans)

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
        if self._client.nthreads():
            self._seen = now
        elif now - self._seen > _PATIENCE:
            raise WorkersLost(
                f"the scheduler has had no worker for {now - self._seen:.0f} s; what came before is in the "
                "store: start workers, look at them with `relusweep doctor --scheduler`, and run again"
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
