"""Blocks go out to the workers, results come back: nothing here knows of stores or users."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import CancelledError
from itertools import islice
from queue import Empty, SimpleQueue
from time import monotonic

from distributed import Client, Future

from pipeline.errors import SchedulerLost, WorkersLost
from pipeline.kinds import Block
from pipeline.plan import Plan
from tasks.blocks import BlockResult

__all__ = ["Arrival", "compute"]

# Enough to keep any cluster busy, few enough that neither the scheduler nor this process fills with blocks.
_IN_FLIGHT = 512

# A block that raises is most likely to raise again; one more try is for a machine out of memory.
_RETRIES = 1

# A nanny brings a dead worker back in seconds; asking costs a message to the scheduler.
_PATIENCE = 30.0
_LOOK_EVERY = 5.0

Arrival = tuple[Block, BlockResult | Exception]


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
    (Block, BlockResult or exception), or None
        Every block once, in the order of arrival; None after a tick without arrival. When the caller stops
        iterating, what is in flight is cancelled.

    Raises
    ------
    SchedulerLost
        The scheduler, and with it every result in flight, is gone.
    WorkersLost
        There has been no worker for half a minute.
    """
    waiting = enumerate(plan.blocks)
    watch = _Watch(client)
    flying: dict[str, tuple[Block, Future[BlockResult]]] = {}
    landed: SimpleQueue[Future[BlockResult]] = SimpleQueue()
    try:
        while True:
            for order, block in islice(waiting, _IN_FLIGHT - len(flying)):
                task, argument = plan.stored.task(block)  # its further dimensions may reach farther
                # The same key with other arguments would return the first value: it names the content.
                future = client.submit(task, argument, key=block.key, priority=-order, retries=_RETRIES)
                flying[block.key] = block, future
                future.add_done_callback(landed.put)
            if not flying:
                return
            try:
                future = landed.get(timeout=tick)
            except Empty:
                watch.look()
                yield None
                continue
            block, _ = flying.pop(str(future.key))
            yield block, _outcome(future)
            future.release()
    finally:
        client.cancel([future for _, future in flying.values()])


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


def _outcome(future: Future[BlockResult]) -> BlockResult | Exception:
    try:
        result: BlockResult = future.result()
    except CancelledError:  # nobody here cancels before the last block: the client lost its scheduler
        raise SchedulerLost(
            "the scheduler is gone, and with it the blocks in flight; what came before is in the store: "
            "start a scheduler and run the same command again"
        ) from None
    except Exception as error:  # whatever the task raised belongs to its block
        return error
    return result
