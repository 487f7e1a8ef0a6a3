"""How many cells of a plan have come, how fast, and when the others will."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from relusweep.pipeline.common.wording import duration, speed
from relusweep.pipeline.monitoring.events import BlockDone, BlockFailed
from relusweep.pipeline.planning.plan import Plan

__all__ = ["Tally"]

_MARKS = 100  # of what had come when, in a run


class _Mark(NamedTuple):
    """What had come at a moment."""

    moment: float
    cells: int = 0
    work: float = 0.0


class Tally:
    """Counts the events of one plan.

    Attributes
    ----------
    cells, failures : int
        Cells that have come, and blocks that have failed.
    successes : int or None
        Cells that succeeded, where they can.
    not_finite : int
        Cells of networks that did not stay finite.
    blocks_left : int
        Blocks that have neither come nor failed.

    Notes
    -----
    Speed is that of the later half of the time so far: kernels are compiled at the beginning, jobs come out
    of their queue one by one, and workers may be lost. The time begins with the computing of the first block
    that comes: until then workers are waited for.
    """

    def __init__(self, plan: Plan, clock: Callable[[], float] = time.monotonic) -> None:
        self.cells = self.failures = self.not_finite = 0
        self.successes: int | None = None
        self.blocks_left = len(plan.blocks)
        self._plan, self._clock = plan, clock
        self._work = 0.0
        self._begin = _Mark(clock())
        self._marks: deque[_Mark] = deque()

    @property
    def done(self) -> int:
        """Cells of the sweep that have come, in this run or before."""
        return self._plan.done + self.cells

    @property
    def rate(self) -> float:
        """Cells that come in a second."""
        since = self._half()
        return (self.cells - since.cells) / max(self._clock() - since.moment, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """Time that the blocks left will take, by their work; None before the first has come."""
        if not self._work:
            return None
        since = self._half()
        seconds = self._clock() - since.moment
        return seconds * (self._plan.cost - self._work) / (self._work - since.work)

    def add(self, event: BlockDone | BlockFailed) -> None:
        """Count a block."""
        now = self._clock()
        if not self._work and isinstance(event, BlockDone) and event.spans:
            self._begin = _Mark(now - max(span.stop - span.start for span in event.spans))
        self._work += self._plan.sweep.schedule.cost(event.block)
        self.blocks_left -= 1
        if isinstance(event, BlockFailed):
            self.failures += 1
        else:
            self.cells += event.block.cells
            self.not_finite += event.not_finite
            if event.successes is not None:
                self.successes = (self.successes or 0) + event.successes
        last = self._marks[-1] if self._marks else self._begin
        if now - last.moment > (now - self._begin.moment) / _MARKS:  # or each of many blocks would be one
            self._marks.append(_Mark(now, self.cells, self._work))

    def _half(self) -> _Mark:
        """Give what had come at half of the time; where nothing has come since, the beginning."""
        half = (self._begin.moment + self._clock()) / 2
        while len(self._marks) > 1 and self._marks[1].moment <= half:
            self._marks.popleft()
        first = self._marks[0] if self._marks else self._begin
        return first if first.moment <= half and first.work < self._work else self._begin

    def __str__(self) -> str:
        """Say speed, time left, success rate, what did not stay finite, and failures."""
        left, rate = self.seconds_left, self.rate
        if left is None:
            return "no block has come yet"
        words = [speed(rate, self._plan.sweep.unit), f"{duration(round(left))} left"]
        if self.successes is not None:
            words.append(f"{self.successes / self.cells:.1%} learned")
        if self.not_finite:
            words.append(f"{self.not_finite:,} not finite")
        words.append(f"{self.failures} failed" if self.failures else "no failures")
        return " · ".join(words)
