"""How far the runs of a store are, told to a person while they go; reads nothing but their records."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from math import inf

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from relusweep.pipeline.common.wording import counted, duration, speed
from relusweep.pipeline.monitoring.runs import Run
from relusweep.pipeline.monitoring.waiting import look_at_runs
from relusweep.storage import StoreReadError

__all__ = ["headline", "pace", "troubles", "verifies", "watch_runs"]

_ALIVE = 30.0  # seconds after a change of its record
_HOPE = 150.0  # it may come back, as when a file server has restarted
_BAR = 40
_SHOWN_FAILURES = 3


def watch_runs(
    store: str,
    console: Console,
    *,
    every: float = 2.0,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Show the runs that go until none does, or Ctrl-C; lines of changes where there is no terminal.

    It looks every so many seconds; `sleep` and `clock` are those of `time`.

    Raises
    ------
    relusweep.storage.StoreReadError
        The place cannot be read at the first look.
    """
    show = _on_terminal if console.is_terminal else _in_lines
    try:
        show(_looks(store, lambda looks: sleep(looks * every), _Pulses(clock)), console)
    except KeyboardInterrupt:  # how one leaves
        return


def _looks(store: str, pause: Callable[[int], object], pulses: _Pulses) -> Iterator[list[Run]]:
    """Read the runs again and again, without those that were over at the first look."""
    runs = pulses.judge(look_at_runs(store))
    if any(run.state == "lost" for run in runs) and not any(run.goes for run in runs):
        pause(2)  # or is it our clock that goes wrong?
        runs = pulses.judge(look_at_runs(store))
    over = {run.id for run in runs if not run.goes}
    if runs and len(over) == len(runs):
        over.remove(runs[0].id)  # nothing goes: tell how the newest ended
    while True:
        yield [run for run in runs if run.goes or run.id not in over]
        if not any(run.goes or (run.state == "lost" and pulses.changed(run, _HOPE)) for run in runs):
            return
        pause(1)
        try:
            runs = pulses.judge(look_at_runs(store))
        except StoreReadError:  # for a moment, perhaps: what was seen last stays
            continue


class _Pulses:
    """Takes a run for alive whose record changes, whatever the clocks of two machines say."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: dict[str, tuple[object, float]] = {}  # of each: its sign, and when that was new

    def judge(self, runs: Sequence[Run]) -> list[Run]:
        """Correct the states of runs just read."""
        now = self._clock()
        for run in runs:
            seen = run.document.get("seen")
            if self._last.setdefault(run.id, (seen, -inf))[0] != seen:
                self._last[run.id] = seen, now
        return [
            replace(run, state="running") if run.state == "lost" and self.changed(run, _ALIVE) else run
            for run in runs
        ]

    def changed(self, run: Run, seconds: float) -> bool:
        """Tell whether the record of a run has changed in the last seconds."""
        return self._clock() - self._last[run.id][1] < seconds


def headline(run: Run) -> str:
    """Say which run it is, how it is, where its driver is and when it began."""
    known = run.document
    sweep, job = known.get("sweep"), known.get("job")
    does, where = f"verifies {sweep}" if verifies(run) else sweep, f"Slurm job {job}" if job else None
    words = (run.id, _state(run), does, known.get("host"), where, _when(run))
    return " · ".join(str(word) for word in words if word)


def verifies(run: Run) -> bool:
    """Tell whether it computes again what the store has, and writes no results."""
    return run.document.get("does") == "verify"


def _state(run: Run) -> str:
    """Say how a run is; of one that gives no sign, since when."""
    if run.state == "lost":
        return f"no sign since {_moment(run.document.get('seen'))}"
    if run.state == "running" and run.document.get("waits"):
        return "running, waits for the store"
    if run.state == "running" and not run.document.get("workers"):
        return "running, waits for workers"
    if run.state == "submitted":
        return f"submitted, {run.queue or 'whether it waits only Slurm knows'}"
    return run.state


def _when(run: Run) -> str:
    began, ended = run.document.get("started"), run.document.get("ended")
    if not (began and ended):
        return f"since {_moment(began)}" if began else ""
    took = datetime.fromisoformat(ended) - datetime.fromisoformat(began)
    return f"{_moment(began)}, {duration(took.total_seconds())}"


def _moment(text: str | None) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if text else "it began"


def pace(run: Run) -> str:
    """Say speed, time left, workers, what did not stay finite, and failures."""
    known, words = run.document, []
    left, failed, stage = known.get("seconds_left"), known.get("n_failed", 0), known.get("stage")
    if run.goes and left is not None:
        words.append(speed(known["rate"], known["groups"][stage]["unit"]))
        words.append(f"{duration(round(left))} left" + (f" of {stage}" if len(known["groups"]) > 1 else ""))
    words.append(", ".join(counted(known.get(f"{what}s", 0), what) for what in ("worker", "thread")))
    if lost := known.get("not_finite"):
        words.append(f"{lost:,} not finite")
    words.append(f"{failed} failed" if failed else "no failures")
    return " · ".join(words)


def troubles(run: Run) -> Iterator[str]:
    """Say what the run waits for or what ended it, and where its job wrote more if it never began."""
    known = run.document
    yield from (str(known[why]) for why in ("waits", "error") if known.get(why))
    if known.get("error") and known.get("log"):
        yield f"its log, where it has one: {known['log']}"


def _told(run: Run) -> Iterator[str]:
    """Say what went wrong."""
    yield from troubles(run)
    for failure in run.document.get("failed", [])[:_SHOWN_FAILURES]:
        yield f"failed: {failure['block']}: {failure['error']}"


def _on_terminal(looks: Iterator[Sequence[Run]], console: Console) -> None:
    with Live(console=console, auto_refresh=False) as live:
        for runs in looks:
            parts = [part for run in runs for part in _panel(run)]
            live.update(Group(*parts) if runs else Text("no run goes"), refresh=True)


def _panel(run: Run) -> Iterator[RenderableType]:
    yield Text(headline(run), style="bold")
    bars = Table.grid(padding=(0, 1))
    for name, group in run.document.get("groups", {}).items():
        bar = ProgressBar(total=max(1, group["total"]), completed=group["done"], width=_BAR)
        bars.add_row("  " + name, bar, f"{group['done']:,} of {group['total']:,} {group['unit']}")
    yield bars
    yield Text("  " + pace(run))
    for words in _told(run):
        yield Text("  " + words, style="red")


def _in_lines(looks: Iterator[Sequence[Run]], console: Console) -> None:
    said: dict[str, list[object]] = {}
    say = partial(console.print, soft_wrap=True, highlight=False, markup=False)
    for runs in looks:
        if not runs:
            say("no run goes")
        for run in runs:
            counts = _counts(run)
            now = [_state(run), counts, run.document.get("workers"), run.document.get("n_failed")]
            if said.get(run.id) != now:
                said[run.id] = now
                say(" · ".join([headline(run), *counts, pace(run)]))
                for words in _told(run):
                    say(f"  {words}")


def _counts(run: Run) -> list[str]:
    groups = run.document.get("groups", {}).items()
    return [f"{name}: {group['done']:,} of {group['total']:,} {group['unit']}" for name, group in groups]
