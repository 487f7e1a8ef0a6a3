"""How far the runs of a store are, told to a person while they go; reads nothing but their records."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipeline.runs import Run, read_runs
from pipeline.words import duration, speed
from storage import StoreReadError

__all__ = ["place", "state_in_words", "watch_runs"]

_EVERY = 2.0
_BAR = 40
_SHOWN_FAILURES = 3


def watch_runs(store: str, console: Console, *, every: float = _EVERY) -> None:
    """Show the runs that go until none does, or Ctrl-C; lines of changes where there is no terminal.

    Parameters
    ----------
    store : str
        Path or ``s3://bucket/prefix``.
    console : rich.console.Console
    every : float
        Seconds between looks.

    Raises
    ------
    storage.StoreReadError
        The place cannot be read at the first look.
    """
    show = _on_terminal if console.is_terminal else _in_lines
    try:
        show(_looks(store, every), console)
    except KeyboardInterrupt:  # how one leaves
        return


def _looks(store: str, every: float) -> Iterator[list[Run]]:
    """Read the runs again and again: those that go at the first look, and those that begin meanwhile."""
    pulses = _Pulses()
    runs = read_runs(store)
    over = {run.id for run in runs if not run.goes}
    if over and len(over) == len(runs):
        over.remove(runs[0].id)  # nothing goes: tell how the newest ended
    while True:
        shown = [pulses.judge(run) for run in runs if run.id not in over]
        yield shown
        if not any(run.goes for run in shown):
            return
        time.sleep(every)
        try:
            runs = read_runs(store)
        except StoreReadError:  # for a moment: what was seen last stays, and its age tells
            continue


class _Pulses:
    """Takes a run for alive whose record changes, whatever the clocks of two machines say."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}
        self._changed: dict[str, float] = {}

    def judge(self, run: Run) -> Run:
        now, seen = time.monotonic(), str(run.document.get("seen"))
        if self._seen.get(run.id, seen) != seen:
            self._changed[run.id] = now
        self._seen[run.id] = seen
        alive = now - self._changed.get(run.id, -1e9) < _ALIVE
        return replace(run, state="running") if alive and run.state == "lost" else run


_ALIVE = 30.0


def state_in_words(run: Run) -> str:
    """Say how a run is; of one that gives no sign, since when."""
    if run.state == "lost":
        return f"no sign since {_moment(str(run.document.get('seen')))}"
    if run.state == "running" and not run.document.get("workers"):
        return "running, waits for workers"
    return run.state


def place(run: Run) -> str:
    """Say where the driver of a run is."""
    host, job = run.document.get("host"), run.document.get("job")
    return " ".join(filter(None, (host, f"Slurm job {job}" if job else "")))


def _moment(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return text


def _headline(run: Run) -> str:
    began = str(run.document.get("started") or run.document.get("submitted") or "")
    since = f"since {_moment(began)}" if began else ""
    return " · ".join(
        filter(None, (run.id, state_in_words(run), run.document.get("sweep"), place(run), since))
    )


def _pace(run: Run) -> str:
    """Say speed, time left, workers and failures."""
    document, words = run.document, []
    units = [group["unit"] for group in document.get("groups", {}).values()]
    if run.goes and document.get("rate") and units:
        words.append(speed(document["rate"], units[-1]))
    left = document.get("seconds_left")
    if run.goes and left is not None:
        words.append(f"{duration(round(left))} left")
    words.append(f"{document.get('workers', 0)} workers, {document.get('threads', 0)} threads")
    failed = document.get("n_failed", 0)
    words.append(f"{failed} blocks failed" if failed else "no failures")
    return " · ".join(words)


def _told(run: Run) -> Iterator[str]:
    """Say what went wrong."""
    if run.document.get("error"):
        yield str(run.document["error"])
    for failure in run.document.get("failed", [])[:_SHOWN_FAILURES]:
        yield f"failed: {failure['block']}: {failure['error']}"


def _on_terminal(looks: Iterator[Sequence[Run]], console: Console) -> None:
    with Live(console=console, auto_refresh=False) as live:
        for runs in looks:
            live.update(_picture(runs), refresh=True)


def _picture(runs: Sequence[Run]) -> RenderableType:
    if not runs:
        return Text("no run goes")
    return Group(*(part for run in runs for part in _panel(run)))


def _panel(run: Run) -> Iterator[RenderableType]:
    yield Text(_headline(run), style="bold")
    bars = Table.grid(padding=(0, 1))
    for name, group in run.document.get("groups", {}).items():
        bar = ProgressBar(total=max(1, group["total"]), completed=group["done"], width=_BAR)
        bars.add_row("  " + name, bar, f"{group['done']:,} of {group['total']:,} {group['unit']}")
    yield bars
    yield Text("  " + _pace(run))
    for words in _told(run):
        yield Text("  " + words, style="red")


def _in_lines(looks: Iterator[Sequence[Run]], console: Console) -> None:
    said: dict[str, tuple[object, ...]] = {}

    def say(words: str) -> None:
        console.print(words, soft_wrap=True, highlight=False, markup=False)

    for runs in looks:
        if not runs:
            say("no run goes")
        for run in runs:
            _say_changes(run, said, say)


def _say_changes(run: Run, said: dict[str, tuple[object, ...]], say: Callable[[str], None]) -> None:
    groups = run.document.get("groups", {})
    done = [
        f"{name}: {group['done']:,} of {group['total']:,} {group['unit']}" for name, group in groups.items()
    ]
    failed = run.document.get("n_failed")
    now = (state_in_words(run), *done, failed, run.document.get("workers"))
    if said.get(run.id) == now:
        return
    said[run.id] = now
    say(" · ".join([_headline(run), *done, _pace(run)]))
    for words in _told(run):
        say(f"  {words}")
