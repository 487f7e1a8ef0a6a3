"""What happens in a run, told to whoever listens: progress bars, logs, tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from relusweep.pipeline.common.usage import Span
from relusweep.pipeline.planning.plan import Plan
from relusweep.pipeline.sweeps.blocks import Block

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
    """A plan will be computed: one for each sweep that is required, then that of the sweep asked for.

    All are told before workers are asked for; their blocks come side by side. After a `StoreUnwritable` all
    are told anew.
    """

    plan: Plan


class WorkersSeen(NamedTuple):
    """Who works: told when the workers are there, and then every few seconds.

    With the addresses of the scheduler's dashboard and of its metrics for Prometheus, where it serves them:
    the dashboard needs Bokeh.
    """

    workers: int
    threads: int
    dashboard: str | None
    metrics: str | None


@dataclass(frozen=True)
class BlockDone:
    """A block has come and is written, though not yet committed; `spans` say when, and by whom.

    Of its cells some are `successes`, and some are of networks that did not stay finite.
    """

    group: str
    block: Block
    successes: int | None
    spans: tuple[Span, ...] = ()
    not_finite: int = 0


@dataclass(frozen=True)
class BlockFailed:
    """A block raised on every try, or killed its workers."""

    group: str
    block: Block
    error: str


@dataclass(frozen=True)
class Committed:
    """All that came before this event is now safe: so many blocks since the last commit, of `groups`."""

    version: str
    blocks: int
    groups: tuple[str, ...]


@dataclass(frozen=True)
class StoreUnwritable:
    """The store cannot be written now; what came since the last commit is lost, and is computed again.

    The run tries again in `pause` seconds, and then the plans come anew; in `left` seconds it gives up.
    """

    error: str
    pause: float
    left: float


@dataclass(frozen=True)
class RunFinished:
    """The run is over, with the facts of `relusweep.pipeline.monitoring.run_metrics`.

    It was `interrupted` where it was stopped before the last block; and `cancelled` where that was asked for
    from outside, see `relusweep.pipeline.monitoring.runs.ask_to_stop`. That networks in the store `diverged`
    is said in sentences; there are none where all stayed finite.
    """

    facts: dict[str, Any]
    failed: tuple[BlockFailed, ...]
    interrupted: bool
    cancelled: bool = False
    diverged: tuple[str, ...] = ()


Event = PlanStarted | WorkersSeen | BlockDone | BlockFailed | Committed | StoreUnwritable | RunFinished
Listener = Callable[[Event], None]
