"""Executes what is due: once, or for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from relusweep.pipeline.execution.interruption import interruption
from relusweep.pipeline.nightly.ledger import Ledger, ScheduledRun, State
from relusweep.pipeline.nightly.times import next_slot

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from relusweep.pipeline.monitoring.events import Listener

__all__ = ["EXIT_CODES", "NO_SCHEDULE", "execute_due", "exit_code", "serve"]

EXIT_CODES: dict[State, int] = {"interrupted": 130, "failed": 1, "drifted": 3, "waiting": 0, "well": 0}
"""By the outcome of a run, the gravest first."""

NO_SCHEDULE = "No schedule; add one with: relusweep nightly add"

# A schedule added meanwhile, a store that is free again and a run that was killed are seen so soon.
_LOOK_EVERY = timedelta(seconds=30)

Listening = Callable[[], "AbstractContextManager[Listener]"]
Tell = Callable[[ScheduledRun], None]


def execute_due(
    ledger: Ledger, listening: Listening, tell: Tell, only: str | None = None
) -> list[ScheduledRun]:
    """Execute all that is due and that nobody else executes, one after another.

    Parameters
    ----------
    ledger : Ledger
    listening : callable
        Gives, for each run, who is told its events.
    tell : callable
        Called before every run, whose state is ``running`` then, and after it.
    only : str, optional
        Of this schedule alone; raises UnknownSchedule where there is none of that name.
    """
    names = [ledger.schedule(only).name] if only is not None else [*ledger.schedules()]
    ended: list[ScheduledRun] = []
    with interruption() as asked_to_stop:
        for name in names:
            while not asked_to_stop.is_set():
                with ledger.claim(name, datetime.now(UTC)) as run:
                    if run is None:
                        break
                    tell(run)
                    from relusweep.pipeline.nightly.execute import execute  # slow, and often nothing is due

                    with listening() as listener:
                        execute(ledger, run, listener)
                tell(run)
                ended.append(run)
                if run.state in ("waiting", "interrupted"):
                    break
    return ended


def exit_code(runs: Iterable[ScheduledRun]) -> int:
    """Give the exit code of a tick, that of the gravest outcome."""
    states = {run.state for run in runs}
    return next((code for state, code in EXIT_CODES.items() if state in states), 0)


def serve(ledger: Ledger, listening: Listening, tell: Tell, tell_next: Callable[[str], None]) -> None:
    """Execute what is due until SIGTERM or Ctrl-C; what is executed then is resumed by the next tick.

    `tell_next` is called with a sentence about what is due next, whenever that changes.
    """
    told = ""
    with interruption() as asked_to_stop:
        while not asked_to_stop.is_set():
            execute_due(ledger, listening, tell)
            now = datetime.now(UTC)
            slots = {name: next_slot(s.at, s.zone, now) for name, s in ledger.schedules().items()}
            pause, message = _LOOK_EVERY, NO_SCHEDULE
            if slots:
                name, slot = min(slots.items(), key=lambda named: named[1])
                pause, message = min(pause, slot - now), f"Next is {name}, due {slot:%Y-%m-%d %H:%M} UTC"
            if message != told:
                tell_next(message)
                told = message
            asked_to_stop.wait(pause.total_seconds())
