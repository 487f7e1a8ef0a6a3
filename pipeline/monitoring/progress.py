"""How far a run is, told to a person: a bar for each stage on a terminal, plain lines elsewhere."""

from __future__ import annotations

import html
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from relusweep.pipeline.common.wording import duration
from relusweep.pipeline.monitoring.events import (
    BlockDone,
    BlockFailed,
    Committed,
    Event,
    Listener,
    PlanStarted,
    RunFinished,
    StoreUnwritable,
    WorkersSeen,
)
from relusweep.pipeline.monitoring.tally import Tally
from relusweep.pipeline.planning.plan import Plan

__all__ = ["announcement", "progress"]

_REDRAWN = 0.25  # seconds between two drawings of a page


def announcement(run_id: str, store: str) -> Listener:
    """Say once, on standard error beside the results, how to watch a run."""
    told = False

    def listener(event: Event) -> None:
        nonlocal told
        if told or not isinstance(event, WorkersSeen):
            return
        told = True
        hints = Console(stderr=True, markup=False)
        _say(hints, f"run {run_id}, seen by: relusweep status --watch --store {shlex.quote(store)}")
        pages = {"dashboard": event.dashboard, "metrics": event.metrics}
        if served := [f"{name} {address}" for name, address in pages.items() if address]:
            _say(hints, ", ".join(served))

    return listener


@contextmanager
def progress(console: Console) -> Iterator[Listener]:
    """Show the progress of one run while the context lasts.

    Yields
    ------
    callable
        Give it every event of the run.
    """
    if console.is_terminal:
        columns = BarColumn(bar_width=None), TextColumn("{task.description}: {task.fields[words]}")
        with Progress(*columns, console=console, expand=True) as bar:
            yield _Bars(bar)
    else:
        yield _Notebook(console) if console.is_jupyter else _Lines(console)


class _Lines:
    """Counts, and prints a line for each stage: at its beginning, with every commit, and of what diverged."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stages: dict[str, tuple[Plan, Tally]] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, PlanStarted):
            self._stages[event.plan.sweep.group] = event.plan, Tally(event.plan)
            self._begin(event.plan)
        elif isinstance(event, BlockDone | BlockFailed):
            self._stages[event.group][1].add(event)
            if isinstance(event, BlockFailed):
                _say(self._console, _failure(event))
        elif isinstance(event, Committed):
            for group in event.groups:
                self._draw(group)
        elif isinstance(event, StoreUnwritable):
            _say(self._console, _unwritable(event))
        elif isinstance(event, RunFinished):
            for words in event.diverged:
                _say(self._console, words)

    def _begin(self, plan: Plan) -> None:
        to_do = f"{plan.cells:,} {plan.sweep.unit} to {plan.sweep.verb}"
        of_round = f"round {plan.round.number}, " if plan.round and plan.round.number else ""
        _say(self._console, f"{plan.sweep.group}: {of_round}{to_do}, {plan.done:,} in the store")

    def _draw(self, group: str) -> None:
        _say(self._console, f"{group}: {self._words(group)}")

    def _words(self, group: str) -> str:
        plan, tally = self._stages[group]
        said = tally if plan.blocks else "nothing to do"
        until = f" in round {plan.round.number}" if plan.round and plan.round.number else ""
        return _printable(
            self._console, f"{tally.done:,} of {plan.total:,} {plan.sweep.unit}{until} · {said}"
        )


class _Bars(_Lines):
    """A bar for each stage on a terminal, drawn anew with every block; what goes wrong in lines above."""

    def __init__(self, bar: Progress) -> None:
        super().__init__(bar.console)
        self._bar, self._tasks = bar, dict[str, TaskID]()

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        if isinstance(event, BlockDone | BlockFailed):
            self._draw(event.group)

    def _begin(self, plan: Plan) -> None:
        self._draw(plan.sweep.group)

    def _draw(self, group: str) -> None:
        plan, tally = self._stages[group]
        if group not in self._tasks:
            self._tasks[group] = self._bar.add_task(group, total=plan.total, words="")
        counts: dict[str, Any] = {"completed": tally.done, "total": plan.total}  # another round has more
        self._bar.update(self._tasks[group], **counts, words=self._words(group))


class _Notebook(_Lines):
    """A bar for each stage, which the page draws; what goes wrong in lines."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._bars: dict[str, Any] = {}
        self._drawn = 0.0

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        if isinstance(event, BlockDone) and time.monotonic() - self._drawn > _REDRAWN:
            self._draw(event.group)

    def _begin(self, plan: Plan) -> None:
        self._draw(plan.sweep.group)

    def _draw(self, group: str) -> None:
        from IPython.display import HTML, display  # there is one where a notebook is

        self._drawn = time.monotonic()
        plan, tally = self._stages[group]
        bar = f'<progress value="{tally.done}" max="{plan.total}"></progress>'
        drawn = HTML(f"{bar} {html.escape(group)}: {html.escape(self._words(group))}")
        if group in self._bars:
            self._bars[group].update(drawn)
        else:
            self._bars[group] = display(drawn, display_id=True)


def _say(console: Console, words: str) -> None:
    """Print a line, if somebody takes it: a run goes on with its output closed or its disk full."""
    with suppress(OSError, SystemExit):  # which Rich raises where a pipe is closed
        console.print(_printable(console, words), soft_wrap=True, highlight=False)


def _printable(console: Console, words: str) -> str:
    return words.encode(console.encoding, "replace").decode(console.encoding)


def _failure(event: BlockFailed) -> str:
    return f"[red]failed:[/] {escape(str(event.block))}: {escape(event.error)}"


def _unwritable(event: StoreUnwritable) -> str:
    again = f"trying again in {event.pause:.0f} s, for {duration(round(event.left))} at most"
    return f"[red]waiting for the store:[/] {escape(event.error)}; {again}"
