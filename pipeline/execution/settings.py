"""The numbers by which a run goes: times after which it gives up, and how much it has in flight."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RunSettings"]


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What fits every cluster; tests shorten the times.

    Attributes
    ----------
    heartbeat : float
        Seconds between two states of the run's record.
    store_timeout : float
        Seconds without a commit after which a store that cannot be written ends the run: long enough for a
        server to restart or somebody to free space, short beside a night.
    worker_timeout, worker_check : float
        Seconds without any worker after which the run ends, and seconds between two looks: a nanny brings a
        dead worker back in seconds, and a look costs a message to the scheduler.
    in_flight : int
        Most blocks at the workers: few enough that neither the scheduler nor this process fills with them. A
        large cluster gets two a thread.
    sub_blocks_per_thread : float
        See `relusweep.pipeline.planning.split.partition`.
    retries : int
        More tries of a block that raises. It is most likely to raise again; one is for a machine out of
        memory.
    deaths_alone : int
        Workers that must have died with a block as the only one in flight before it is to blame: a scheduler
        counts a dead worker against all tasks that it held.
    """

    heartbeat: float = 2.0
    store_timeout: float = 600.0
    worker_timeout: float = 30.0
    worker_check: float = 5.0
    in_flight: int = 512
    sub_blocks_per_thread: float = 16.0
    retries: int = 1
    deaths_alone: int = 3
