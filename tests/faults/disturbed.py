"""What a run told, what disturbs it, and how its resumption is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import xarray as xr

from benchmarks.sites.machines import results
from relusweep.cluster import ClusterConfig, Local
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, Event, RunFinished
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep


@dataclass
class Story:
    """What a run told."""

    finished: RunFinished | None = None
    events: list[Event] = field(default_factory=list)

    def keys(self) -> list[str]:
        """Of the blocks that came, in that order."""
        return [event.block.key for event in self.events if isinstance(event, BlockDone)]

    def of(self, kind: type) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


def told(
    sweep: TrainingSweep,
    store: Path | str,
    cluster: ClusterConfig,
    *then: Callable[[Event], None],
    **options: object,
) -> Story:
    """Run to the end, and give what was told; `then` are listeners that disturb it."""
    story = Story()
    story.finished = run(sweep, str(store), cluster, listeners=[story.events.append, *then], **options)
    return story


def once(act: Callable[[], object], *, when: type = BlockDone, nth: int = 1) -> Callable[[Event], None]:
    """Listen for the nth event of a kind, and act then."""
    seen = 0

    def listen(event: Event) -> None:
        nonlocal seen
        if isinstance(event, when):
            seen += 1
            if seen == nth:
                act()

    return listen


def resumed_is_undisturbed(
    sweep: TrainingSweep, store: Path | str, undisturbed: xr.Dataset, *, lacking: bool
) -> None:
    """Resume on healthy workers: every bit is that of a run that nothing disturbed."""
    before = int(results(store, sweep)["done"].sum())
    assert (before < sweep.n_cells) == lacking
    again = told(sweep, store, Local(workers=2))
    came = sum(event.block.cells for event in again.of(BlockDone))
    assert came == sweep.n_cells - before, "what was in the store ran again"
    xr.testing.assert_identical(results(store, sweep), undisturbed)
