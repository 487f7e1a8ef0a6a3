"""Runs what is due: once, or for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from threading import Event as Flag
from typing import TYPE_CHECKING, NamedTuple

from relusweep.pipeline.execution.interruption import interruption
from relusweep.pipeline.nightly.heartbeat import heartbeat
from relusweep.pipeline.nightly.ledger import Ledger
from relusweep.pipeline.nightly.rows import Claim
from relusweep.pipeline.nightly.times import next_slot

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from relusweep.pipeline.monitoring.events import Listener
    from relusweep.pipeline.nightly.night import Ended

__all__ = ["Listening", "Tell", "next_due", "serve", "tick", "worst"]

# A schedule added meanwhile, a store that is free again and a lease that has run out are seen so soon.
_LOOK_EVERY = timedelta(seconds=30)

Listening = Callable[[], "AbstractContextManager[Listener]"]
Tell = Callable[[Claim, "Ended | None"], None]
"""Called before every night, with None, and after it."""


def tick(
    ledger: Ledger,
    listening: Listening,
    tell: Tell,
    only: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[Ended]:
    """Run all that is due and nobody else runs, one after another.

    Parameters
    ----------
    ledger : Ledger
    listening : callable
        Gives, for each night, who is told the events of its runs.
    tell : callable
    only : str, optional
        Of this schedule alone.
    clock : callable
        Gives the time.
    """
    ended: list[Ended] = []
    names = [only] if only is not None else [schedule.name for schedule in ledger.schedules()]
    with interruption() as asked_to_stop:
        for name in names:
            while not asked_to_stop.is_set() and (claim := ledger.claim(name, clock())):
                with heartbeat(ledger, claim):
                    ended.append(_hold(ledger, claim, listening, tell))
                if ended[-1].state in ("waiting", "interrupted"):
                    break
    return ended


def _hold(ledger: Ledger, claim: Claim, listening: Listening, tell: Tell) -> Ended:
    tell(claim, None)
    from relusweep.pipeline.nightly.night import hold_night  # and all that computes: often nothing is due

    with listening() as listener:
        ended = hold_night(ledger, claim, listener)
    tell(claim, ended)
    return ended


def worst(ended: Iterable[Ended]) -> int:
    """Give the exit code of a tick: interrupted before failed before drifted before well."""
    codes = {night.code for night in ended}
    return next((code for code in (130, 1, 3) if code in codes), 0)


class Due(NamedTuple):
    """When a schedule is due next."""

    at: datetime
    name: str


def next_due(ledger: Ledger, now: datetime) -> Due | None:
    """Find the schedule that is due next; None where there is none."""
    found = (
        Due(next_slot(schedule.at, schedule.zone, now), schedule.name) for schedule in ledger.schedules()
    )
    return min(found, default=None)


def serve(ledger: Ledger, listening: Listening, tell: Tell, tell_next: Callable[[Due | None], None]) -> None:
    """Tick until SIGTERM or Ctrl-C; a night in progress keeps what it has, and is gone on with later.

    Parameters
    ----------
    ledger, listening, tell
        As in `tick`.
    tell_next : callable
        Called with what is due next whenever that changes.
    """
    told: Due | str | None = "nothing yet"
    with interruption() as asked_to_stop:
        while not asked_to_stop.is_set():
            tick(ledger, listening, tell)
            now = datetime.now(UTC)
            due = next_due(ledger, now)
            if due != told:
                tell_next(due)
                told = due
            _sleep(asked_to_stop, _LOOK_EVERY if due is None else min(_LOOK_EVERY, due.at - now))


def _sleep(asked_to_stop: Flag, span: timedelta) -> None:
    asked_to_stop.wait(max(0.0, span.total_seconds()))
