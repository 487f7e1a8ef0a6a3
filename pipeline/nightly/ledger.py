"""The ledger: which night of which schedule is whose, in a SQLite file that all ticks of a machine share.

A night is a row, claimed in one transaction; its lease, renewed while it runs, says that its process lives.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from relusweep.pipeline.common.errors import InvalidSchedule, LedgerError, UnknownSchedule
from relusweep.pipeline.nightly.rows import Claim, Night, State
from relusweep.pipeline.nightly.schedule import Schedule
from relusweep.pipeline.nightly.times import local_time, slots

__all__ = ["LEASE", "Ledger", "default_ledger"]

LEASE = timedelta(seconds=60)
"""A night whose lease was not renewed for so long is taken for dead; a live one renews it four times."""

_OPEN = ("running", "waiting", "interrupted")

_TABLES = """
CREATE TABLE IF NOT EXISTS schedule (name TEXT PRIMARY KEY, settings TEXT NOT NULL, added TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS run (
    schedule TEXT NOT NULL REFERENCES schedule (name) ON DELETE CASCADE,
    due TEXT NOT NULL,             -- like all moments here: UTC, ISO, so that text sorts as time does
    label TEXT NOT NULL,           -- the local date, with a number where a day has several
    state TEXT NOT NULL,
    owner TEXT NOT NULL,
    lease TEXT NOT NULL,
    started TEXT NOT NULL,
    finished TEXT,
    skipped INTEGER NOT NULL,      -- slots before this one that nobody ran
    deaths INTEGER NOT NULL DEFAULT 0,
    progress TEXT NOT NULL DEFAULT '{}',
    code INTEGER,
    words TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (schedule, due)
);
"""


def default_ledger() -> Path:
    """Give the place of the ledger: ``$XDG_STATE_HOME/relusweep/nights.sqlite``."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser().absolute() / "relusweep" / "nights.sqlite"


class Ledger:
    """Schedules and their nights.

    Parameters
    ----------
    path : Path
        A file on a file system of this machine, made where missing, readable by its owner alone: a webhook
        may be a secret. Never in a store; on network file systems SQLite's locks do not hold.

    Raises
    ------
    LedgerError
        By every method: the file cannot be read or written, or is no ledger.
    """

    def __init__(self, path: Path, lease: timedelta = LEASE) -> None:
        self.path, self.lease = path.expanduser().absolute(), lease
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise LedgerError(f"no ledger at {self.path}: {error.strerror}; give another --ledger") from error
        with self._transaction() as ledger:
            for table in _TABLES.split(";\n"):
                ledger.execute(table)

    def add(self, schedule: Schedule, now: datetime) -> bool:
        """Add a schedule, whose first night is the first after now; false where the very same is there.

        Raises
        ------
        InvalidSchedule
            Another one has its name.
        """
        with self._transaction() as ledger:
            there = _schedules(ledger).get(schedule.name)
            if there is None:
                row = (schedule.name, json.dumps(schedule.kept()), _text(now))
                ledger.execute("INSERT INTO schedule VALUES (?, ?, ?)", row)
        if there not in (None, schedule):
            raise InvalidSchedule(
                f"there is another {schedule.name!r} in {self.path}; choose another name, or remove that one "
                f"with: relusweep nightly remove {schedule.name}"
            )
        return there is None

    def remove(self, name: str, now: datetime) -> int:
        """Remove a schedule and the log of its nights; give how many these were.

        Raises
        ------
        UnknownSchedule
        InvalidSchedule
            A night of it is running.
        """
        with self._transaction() as ledger:
            self._found(_schedules(ledger), name)
            nights = _nights(ledger, name)
            if any(night.state == "running" and night.lease > now for night in nights):
                raise InvalidSchedule(f"a night of {name!r} is running; stop it, or remove {name!r} later")
            ledger.execute("DELETE FROM schedule WHERE name = ?", (name,))
        return len(nights)

    def schedules(self) -> list[Schedule]:
        """List the schedules by name."""
        with self._transaction() as ledger:
            return list(_schedules(ledger).values())

    def schedule(self, name: str) -> Schedule:
        """Find a schedule.

        Raises
        ------
        UnknownSchedule
        """
        with self._transaction() as ledger:
            return self._found(_schedules(ledger), name)

    def nights(self, name: str) -> list[Night]:
        """List the nights of a schedule, the newest first."""
        with self._transaction() as ledger:
            return _nights(ledger, name)

    def claim(self, name: str, now: datetime) -> Claim | None:
        """Take the night that is to run now, if there is one and nobody has it.

        That is the one begun and not ended, when its process has died or let go of it; else the newest slot
        that has come. While one runs, no other of the schedule is given.

        Raises
        ------
        UnknownSchedule
        """
        with self._transaction() as ledger:
            schedule = self._found(_schedules(ledger), name)
            nights = _nights(ledger, name)
            since = nights[0].due if nights else _added(ledger, name)
            due = list(slots(schedule.at, schedule.zone, since, now))
            if nights and nights[0].state in _OPEN:
                if nights[0].state == "running" and nights[0].lease > now:
                    return None
                self._take_over(ledger, nights[0], now)
            elif due:
                self._begin(ledger, schedule, due, now)
            else:
                return None
            night = _nights(ledger, name)[0]
        return Claim(schedule, night, overdue=bool(due) and night.due < due[-1])

    def _take_over(self, ledger: sqlite3.Connection, night: Night, now: datetime) -> None:
        died = night.state == "running"
        ledger.execute(
            "UPDATE run SET state = 'running', owner = ?, lease = ?, deaths = deaths + ? "
            "WHERE schedule = ? AND due = ?",
            (uuid4().hex, _text(now + self.lease), died, night.schedule, _text(night.due)),
        )

    def _begin(
        self, ledger: sqlite3.Connection, schedule: Schedule, due: list[datetime], now: datetime
    ) -> None:
        date = local_time(due[-1], schedule.zone).date().isoformat()
        same = "SELECT count(*) FROM run WHERE schedule = ? AND substr(label, 1, 10) = ?"
        (earlier,) = ledger.execute(same, (schedule.name, date)).fetchone()
        label = f"{date}-{earlier + 1}" if earlier else date
        ledger.execute(
            "INSERT INTO run (schedule, due, label, state, owner, lease, started, skipped) "
            "VALUES (?, ?, ?, 'running', ?, ?, ?, ?)",
            (
                schedule.name,
                _text(due[-1]),
                label,
                uuid4().hex,
                _text(now + self.lease),
                _text(now),
                len(due) - 1,
            ),
        )

    def renew(self, claim: Claim, now: datetime) -> bool:
        """Say that a night's process lives; false when another has taken the night over."""
        return self._update(claim, lease=_text(now + self.lease))

    def remember(self, claim: Claim, **facts: Any) -> None:
        """Keep what a later claim of the night must know, JSON-able."""
        claim.night.progress.update(facts)
        self._update(claim, progress=json.dumps(claim.night.progress))

    def let_go(self, claim: Claim, state: Literal["waiting", "interrupted"], words: str) -> None:
        """Leave a night to the next tick."""
        self._update(claim, state=state, words=words)

    def finish(self, claim: Claim, state: State, code: int, words: str, now: datetime) -> bool:
        """Close a night; false when another has taken it over."""
        return self._update(claim, state=state, code=code, words=words, finished=_text(now))

    def _update(self, claim: Claim, **columns: Any) -> bool:
        """Change the row of a night, if it is still ours."""
        names = ", ".join(f"{column} = ?" for column in columns)
        ours = (claim.night.schedule, _text(claim.night.due), claim.night.owner)
        with self._transaction() as ledger:
            changed = ledger.execute(
                f"UPDATE run SET {names} WHERE schedule = ? AND due = ? AND owner = ?",
                (*columns.values(), *ours),
            )
            return changed.rowcount == 1

    def _found(self, schedules: dict[str, Schedule], name: str) -> Schedule:
        if name not in schedules:
            there = ", ".join(schedules) or "none yet: see relusweep nightly add --help"
            raise UnknownSchedule(f"no nightly {name!r} in {self.path}; there are {there}")
        return schedules[name]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Read and write with nobody in between."""
        try:
            with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as ledger:
                ledger.execute("PRAGMA foreign_keys = ON")
                ledger.execute("BEGIN IMMEDIATE")
                yield ledger
                ledger.execute("COMMIT")
        except sqlite3.Error as error:
            raise LedgerError(f"the ledger {self.path} cannot be used: {error}") from error


def _schedules(ledger: sqlite3.Connection) -> dict[str, Schedule]:
    rows = ledger.execute("SELECT name, settings FROM schedule ORDER BY name")
    return {name: Schedule.model_validate_json(settings) for name, settings in rows}


def _added(ledger: sqlite3.Connection, name: str) -> datetime:
    (added,) = ledger.execute("SELECT added FROM schedule WHERE name = ?", (name,)).fetchone()
    return datetime.fromisoformat(added)


def _nights(ledger: sqlite3.Connection, name: str) -> list[Night]:
    columns = ", ".join(Night._fields)
    rows = ledger.execute(f"SELECT {columns} FROM run WHERE schedule = ? ORDER BY due DESC", (name,))
    return [_night(Night(*row)) for row in rows]


def _night(row: Night) -> Night:
    moments = {
        name: None if (text := getattr(row, name)) is None else datetime.fromisoformat(text)
        for name in ("due", "lease", "started", "finished")
    }
    return row._replace(progress=json.loads(str(row.progress)), **moments)  # type: ignore[arg-type]


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
