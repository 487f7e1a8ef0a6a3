"""How far a run is, told to a person: a bar for each stage on a terminal, plain lines elsewhere."""

from __future__ import annotations

import html
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
        hints = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
        hints.print(f"run {run_id}, seen by: relusweep status --watch --store {shlex.quote(store)}")
        if event.dashboard:
            hints.print(f"dashboard {event.dashboard}, metrics {event.metrics}")

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
        bar = Progress(
            BarColumn(bar_width=None),
            TextColumn("{task.description}: {task.completed:,} of {task.total:,} {task.fields[words]}"),
            console=console,
            expand=True,
        )
        with bar:
            yield _Bars(bar)
    elif console.is_jupyter:
        yield _Notebook(console)
    else:
        yield _Lines(console)


class _Bars:
    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._stages: dict[str, tuple[TaskID, str, Tally]] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, PlanStarted):
            self._begin(event.plan)
        elif isinstance(event, BlockDone | BlockFailed):
            task, unit, tally = self._stages[event.group]
            tally.add(event)
            self._bar.update(task, completed=tally.done, words=f"{unit} · {tally}")
            if isinstance(event, BlockFailed):
                self._bar.console.print(_failure(event))
        elif isinstance(event, StoreUnwritable):
            for task, _, _ in self._stages.values():
                self._bar.update(task, visible=False)  # the plans come anew
            self._bar.console.print(_unwritable(event))

    def _begin(self, plan: Plan) -> None:
        sweep, tally = plan.sweep, Tally(plan)
        words = f"{sweep.unit} · {tally if plan.blocks else 'nothing to do'}"
        task = self._bar.add_task(sweep.group, total=plan.total, completed=plan.done, words=words)
        self._stages[sweep.group] = task, sweep.unit, tally


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._stages: dict[str, tuple[Plan, Tally]] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, PlanStarted):
            plan, sweep = event.plan, event.plan.sweep
            self._stages[sweep.group] = plan, Tally(plan)
            to_do = f"{plan.cells:,} {sweep.unit} to {sweep.verb}"
            self._print(f"{sweep.group}: {to_do}, {plan.done:,} in the store")
        elif isinstance(event, BlockDone | BlockFailed):
            self._stages[event.group][1].add(event)
            if isinstance(event, BlockFailed):
                self._console.print(_failure(event), soft_wrap=True)
        elif isinstance(event, Committed):
            for group in event.groups:
                plan, tally = self._stages[group]
                self._print(f"{group}: {tally.done:,} of {plan.total:,} {plan.sweep.unit} · {tally}")
        elif isinstance(event, StoreUnwritable):
            self._console.print(_unwritable(event), soft_wrap=True)

    def _print(self, words: str) -> None:
        self._console.print(words, soft_wrap=True, highlight=False)


class _Notebook(_Lines):
    """A bar for each stage, which the page draws; all else in lines."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._bars: dict[str, Any] = {}
        self._drawn = 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, PlanStarted):
            self._stages[event.plan.sweep.group] = event.plan, Tally(event.plan)
            self._draw(event.plan.sweep.group)
        elif isinstance(event, Committed):
            for group in event.groups:
                self._draw(group)
        else:
            super().__call__(event)
            if isinstance(event, BlockDone) and time.monotonic() - self._drawn > _REDRAWN:
                self._draw(event.group)

    def _draw(self, group: str) -> None:
        from IPython.display import HTML, display  # there is one where a notebook is

        self._drawn = time.monotonic()
        plan, tally = self._stages[group]
        said = tally if plan.blocks else "nothing to do"
        words = f"{tally.done:,} of {plan.total:,} {plan.sweep.unit} · {said}"
        bar = f'<progress value="{tally.done}" max="{plan.total}"></progress>'
        drawn = HTML(f"{bar} {html.escape(group)}: {html.escape(words)}")
        if group in self._bars:
            self._bars[group].update(drawn)
        else:
            self._bars[group] = display(drawn, display_id=True)


def _failure(event: BlockFailed) -> str:
    return f"[red]failed:[/] {escape(str(event.block))}: {escape(event.error)}"


def _unwritable(event: StoreUnwritable) -> str:
    again = f"trying again in {event.pause:.0f} s, for {duration(round(event.left))} at most"
    return f"[red]waiting for the store:[/] {escape(event.error)}; {again}"
