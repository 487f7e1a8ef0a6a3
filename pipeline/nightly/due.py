"""Executes what is due: once, or for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from relusweep.pipeline.execution.interruption import interruption
from relusweep.pipeline.nightly.ledger import Ledger, ScheduledRun, State
from relusweep.pipeline.nightly.times import next_slot

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from relusweep.pipeline.monitoring.events import Listener

__all__ = ["EXIT_CODES", "Due", "Listening", "Tell", "execute_due", "exit_code", "serve"]

EXIT_CODES: dict[State, int] = {"interrupted": 130, "failed": 1, "drifted": 3, "waiting": 0, "well": 0}
"""By the outcome of a run, the gravest first."""

# A schedule added meanwhile, a store that is free again and a run that was killed are seen so soon.
_LOOK_EVERY = timedelta(seconds=30)

Listening = Callable[[], "AbstractContextManager[Listener]"]
Tell = Callable[[ScheduledRun], None]


class Due(NamedTuple):
    """When a schedule is due next."""

    at: datetime
    name: str


def execute_due(
    ledger: Ledger,
    listening: Listening,
    tell: Tell,
    only: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
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
        Of this schedule alone.
    clock : callable
        Gives the time.

    Raises
    ------
    UnknownSchedule
        There is no schedule `only`.
    """
    names = [ledger.schedule(only).name] if only is not None else [*ledger.schedules()]
    ended: list[ScheduledRun] = []
    with interruption() as asked_to_stop:
        for name in names:
            while not asked_to_stop.is_set():
                with ledger.claim(name, clock()) as run:
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


def serve(ledger: Ledger, listening: Listening, tell: Tell, tell_next: Callable[[Due | None], None]) -> None:
    """Execute what is due until SIGTERM or Ctrl-C; what is executed then is resumed by the next tick.

    Parameters
    ----------
    ledger, listening, tell
        As in `execute_due`.
    tell_next : callable
        Called whenever that changes with what is due next, or None where there is no schedule.
    """
    told: list[Due | None] = []
    with interruption() as asked_to_stop:
        while not asked_to_stop.is_set():
            execute_due(ledger, listening, tell)
            now = datetime.now(UTC)
            due = min(
                (
                    Due(next_slot(schedule.at, schedule.zone, now), name)
                    for name, schedule in ledger.schedules().items()
                ),
                default=None,
            )
            if told != [due]:
                tell_next(due)
                told = [due]
            pause = _LOOK_EVERY if due is None else min(_LOOK_EVERY, due.at - now)
            asked_to_stop.wait(pause.total_seconds())
