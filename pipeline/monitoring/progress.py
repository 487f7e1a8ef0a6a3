"""How far a run is, told to a person: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from relusweep.pipeline.common.wording import duration, speed
from relusweep.pipeline.monitoring.events import (
    BlockDone,
    BlockFailed,
    Committed,
    Event,
    Listener,
    PlanStarted,
    StoreUnwritable,
)
from relusweep.pipeline.planning.plan import Plan

__all__ = ["Tally", "progress"]

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

    Parameters
    ----------
    plan : Plan

    Notes
    -----
    Speed is that of the later half of the time so far: kernels are compiled at the beginning, jobs come out
    of their queue one by one, and workers may be lost. The time begins with the computing of the first block
    that comes: until then workers are waited for.
    """

    def __init__(self, plan: Plan) -> None:
        self.cells = self.failures = 0
        self.successes: int | None = None
        self._plan = plan
        self._work = 0.0
        self._begin = _Mark(time.monotonic())
        self._marks: deque[_Mark] = deque()

    @property
    def done(self) -> int:
        """Cells of the sweep that have come, in this run or before."""
        return self._plan.done + self.cells

    @property
    def rate(self) -> float:
        """Cells that come in a second."""
        since = self._half()
        return (self.cells - since.cells) / max(time.monotonic() - since.moment, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """Time that the blocks left will take, by their work; None before the first has come."""
        if not self._work:
            return None
        since = self._half()
        seconds = time.monotonic() - since.moment
        return seconds * (self._plan.cost - self._work) / (self._work - since.work)

    def add(self, event: BlockDone | BlockFailed) -> None:
        """Count a block."""
        now = time.monotonic()
        if not self._work and isinstance(event, BlockDone) and event.spans:
            self._begin = _Mark(now - max(span.stop - span.start for span in event.spans))
        self._work += self._plan.sweep.schedule.cost(event.block)
        if isinstance(event, BlockFailed):
            self.failures += 1
        else:
            self.cells += event.block.cells
            if event.successes is not None:
                self.successes = (self.successes or 0) + event.successes
        last = self._marks[-1] if self._marks else self._begin
        if now - last.moment > (now - self._begin.moment) / _MARKS:  # or each of many blocks would be one
            self._marks.append(_Mark(now, self.cells, self._work))

    def _half(self) -> _Mark:
        """Give what had come at half of the time; where nothing has come since, the beginning."""
        half = (self._begin.moment + time.monotonic()) / 2
        while len(self._marks) > 1 and self._marks[1].moment <= half:
            self._marks.popleft()
        first = self._marks[0] if self._marks else self._begin
        return first if first.moment <= half and first.work < self._work else self._begin

    def __str__(self) -> str:
        """Say speed, time left, success rate and failures."""
        left, rate = self.seconds_left, self.rate
        if left is None:
            return "no block has come yet"
        words = [speed(rate, self._plan.sweep.unit), f"{duration(round(left))} left"]
        if self.successes is not None:
            words.append(f"{self.successes / self.cells:.1%} learned")
        words.append(f"{self.failures} failed" if self.failures else "no failures")
        return " · ".join(words)


@contextmanager
def progress(console: Console) -> Iterator[Listener]:
    """Show the progress of one run while the context lasts.

    Yields
    ------
    callable
        Give it every event of the run.
    """
    if console.is_terminal:
        bar = Progress(
            BarColumn(bar_width=None),
            TextColumn("{task.description}: {task.completed:,} of {task.total:,} {task.fields[words]}"),
            console=console,
            expand=True,
        )
        with bar:
            yield _Bar(bar)
    else:
        yield _Lines(console)


class _Bar:
    def __init__(self, bar: Progress) -> None:
        self._bar = bar

    def __call__(self, event: Event) -> None:
        if isinstance(event, PlanStarted):
            self._tally = Tally(event.plan)
            sweep = event.plan.sweep
            words = "starting the workers" if event.plan.blocks else "nothing to do"
            self._unit = sweep.unit
            self._task = self._bar.add_task(
                sweep.group,
                total=event.plan.total,
                completed=event.plan.done,
                words=f"{sweep.unit} · {words}",
            )
        elif isinstance(event, BlockDone | BlockFailed):
            self._tally.add(event)
            self._bar.update(self._task, completed=self._tally.done, words=f"{self._unit} · {self._tally}")
            if isinstance(event, BlockFailed):
                self._bar.console.print(_failure(event))
        elif isinstance(event, StoreUnwritable):
            self._bar.update(self._task, visible=False)  # the plans come anew
            self._bar.console.print(_unwritable(event))


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, event: Event) -> None:
        if isinstance(event, PlanStarted):
            self._plan, self._tally = event.plan, Tally(event.plan)
            sweep = event.plan.sweep
            to_do = f"{event.plan.cells:,} {sweep.unit} to {sweep.verb}"
            self._print(f"{sweep.group}: {to_do}, {event.plan.done:,} in the store")
        elif isinstance(event, BlockDone | BlockFailed):
            self._tally.add(event)
            if isinstance(event, BlockFailed):
                self._console.print(_failure(event), soft_wrap=True)
        elif isinstance(event, Committed):
            done = f"{self._tally.done:,} of {self._plan.total:,} {self._plan.sweep.unit}"
            self._print(f"{done} · {self._tally}")
        elif isinstance(event, StoreUnwritable):
            self._console.print(_unwritable(event), soft_wrap=True)

    def _print(self, words: str) -> None:
        self._console.print(words, soft_wrap=True, highlight=False)


def _failure(event: BlockFailed) -> str:
    return f"[red]failed:[/] {escape(str(event.block))}: {escape(event.error)}"


def _unwritable(event: StoreUnwritable) -> str:
    again = f"trying again in {event.pause:.0f} s, for {duration(round(event.left))} at most"
    return f"[red]waiting for the store:[/] {escape(event.error)}; {again}"
