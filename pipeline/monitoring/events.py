"""What happens in a run, told to whoever listens: progress bars, logs, tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from relusweep.pipeline.common.usage import Span
from relusweep.pipeline.planning.plan import Plan
from relusweep.pipeline.sweeps.base import Block

__all__ = [
    "BlockDone",
    "BlockFailed",
    "Committed",
    "Event",
    "Listener",
    "PlanStarted",
    "RunFinished",
    "StoreUnwritable",
    "WorkersSeen",
]


@dataclass(frozen=True)
class PlanStarted:
    """What follows is of this plan: one for each sweep that is required, then that of the sweep asked for.

    The store is locked; of the first plan that has blocks, workers come next.
    """

    plan: Plan


class WorkersSeen(NamedTuple):
    """Who works: told when the workers are there, and then every few seconds.

    Attributes
    ----------
    workers, threads : int
    dashboard, metrics : str or None
        Addresses of the scheduler's dashboard and of its metrics for Prometheus, where it serves them.
    """

    workers: int
    threads: int
    dashboard: str | None
    metrics: str | None


@dataclass(frozen=True)
class BlockDone:
    """A block has come and is written, though not yet committed.

    Attributes
    ----------
    block : Block
    successes : int or None
    spans : tuple of Span
        When it was computed, and by whom.
    """

    block: Block
    successes: int | None
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class BlockFailed:
    """A block raised on every try, or killed its workers."""

    block: Block
    error: str
    group: str = ""


@dataclass(frozen=True)
class Committed:
    """Everything that came before this event is now safe."""

    version: str
    blocks: int


@dataclass(frozen=True)
class StoreUnwritable:
    """The store cannot be written now; what came since the last commit is lost, and will be computed again.

    Attributes
    ----------
    error : str
        Why.
    pause : float
        Seconds until the run tries again; then the plans come anew.
    left : float
        Seconds after which it gives up.
    """

    error: str
    pause: float
    left: float


@dataclass(frozen=True)
class RunFinished:
    """The run is over.

    Attributes
    ----------
    facts : dict
        See `relusweep.pipeline.monitoring.run_metrics`.
    failed : tuple of BlockFailed
    interrupted : bool
        Whether it was stopped before the last block.
    cancelled : bool
        Whether that was asked for from outside, see `relusweep.pipeline.monitoring.runs.ask_to_stop`.
    """

    facts: dict[str, Any]
    failed: tuple[BlockFailed, ...]
    interrupted: bool
    cancelled: bool = False


Event = PlanStarted | WorkersSeen | BlockDone | BlockFailed | Committed | StoreUnwritable | RunFinished
Listener = Callable[[Event], None]
