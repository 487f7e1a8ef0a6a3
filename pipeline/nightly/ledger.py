"""The ledger: schedules and their runs, in one SQLite file on a disk of this machine.

Whoever executes a schedule holds its lock, which the kernel releases however the process ends: a run that is
still marked as running while the lock is free was killed.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Json

from relusweep.pipeline.common.errors import InvalidSchedule, LedgerError, UnknownSchedule
from relusweep.pipeline.common.paths import expanded
from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.nightly.schedule import Schedule
from relusweep.pipeline.nightly.times import local_time, slots

__all__ = ["Ledger", "ScheduledRun", "State", "default_ledger", "old_tags"]

State = Literal["running", "waiting", "interrupted", "well", "drifted", "failed"]

_UNFINISHED = ("running", "waiting", "interrupted")

# Times are in UTC, as ISO text, which sorts as time does.
_TABLES = """
CREATE TABLE IF NOT EXISTS schedule (name TEXT PRIMARY KEY, settings TEXT NOT NULL, added TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS run (
    schedule TEXT NOT NULL REFERENCES schedule (name) ON DELETE CASCADE,
    due TEXT NOT NULL,
    label TEXT NOT NULL,
    state TEXT NOT NULL,
    started TEXT NOT NULL,
    skipped INTEGER NOT NULL,
    deaths INTEGER NOT NULL DEFAULT 0,
    progress TEXT NOT NULL DEFAULT '{}',
    message TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (schedule, due)
);
"""
# Ledgers were written with these columns before runs had a lock.
_FORMER_COLUMNS = ("owner", "lease", "finished", "code")


class ScheduledRun(BaseModel):
    """A run of a schedule: a row of the ledger.

    Attributes
    ----------
    schedule : Schedule
    due, started : datetime
        In UTC.
    label : str
        Its local date, with a number behind it where a day has several runs.
    state : {'running', 'waiting', 'interrupted', 'well', 'drifted', 'failed'}
    skipped : int
        How many runs before it were missed.
    deaths : int
        How often its process was killed.
    progress : dict
        What is done, for the process that resumes it; JSON-able.
    message : str
        What became of it.
    overdue : bool
        Whether the next run is due already.
    """

    schedule: Json[Schedule]
    due: datetime
    started: datetime
    label: str
    state: State
    skipped: int
    deaths: int
    progress: Json[dict[str, Any]]
    message: str
    overdue: bool = False

    @property
    def remarks(self) -> list[str]:
        """Say what went before it."""
        missed = [f"{counted(self.skipped, 'night')} missed and skipped before it"] if self.skipped else []
        died = [f"its process was killed {counted(self.deaths, 'time')}"] if self.deaths else []
        return missed + died


def old_tags(runs: Sequence[ScheduledRun]) -> list[str]:
    """Name the tags that a schedule does not keep; its runs come with the newest first."""
    tags = [run.progress["tag"] for run in runs if "tag" in run.progress]
    keep = runs[0].schedule.keep_nights if runs else None
    return [] if keep is None else tags[keep:]


def default_ledger() -> Path:
    """Give the place of the ledger: ``$XDG_STATE_HOME/relusweep/nights.sqlite``."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return expanded(state, "XDG_STATE_HOME").absolute() / "relusweep" / "nights.sqlite"


class Ledger:
    """Schedules and their runs.

    Parameters
    ----------
    path : Path
        A file on a local disk, made with the first schedule, readable by its owner alone: a webhook may be a
        secret. Locks do not hold on network file systems.

    Raises
    ------
    LedgerError
        By every method: the file cannot be read or written, or is no ledger.
    """

    def __init__(self, path: Path) -> None:
        self.path = expanded(path).absolute()
        if self._exists():
            self._prepare()

    def _prepare(self) -> None:
        """Make the tables, in the form of today."""
        os.close(self._open(self.path))
        with self._database() as database:
            database.execute("BEGIN IMMEDIATE")
            for table in _TABLES.split(";\n"):
                database.execute(table)
            if database.execute("SELECT 1 FROM pragma_table_info('run') WHERE name = 'words'").fetchone():
                database.execute("ALTER TABLE run RENAME COLUMN words TO message")
                for column in _FORMER_COLUMNS:
                    database.execute(f"ALTER TABLE run DROP COLUMN {column}")
            database.execute("COMMIT")

    def add(self, schedule: Schedule, now: datetime) -> bool:
        """Add a schedule, whose first run is the first after now; false where the very same is there.

        Raises
        ------
        InvalidSchedule
            Another one has its name.
        """
        self._prepare()
        row = (schedule.name, json.dumps(schedule.kept()), _text(now))
        added = self._query("INSERT OR IGNORE INTO schedule VALUES (?, ?, ?) RETURNING name", *row)
        if not added and self.schedule(schedule.name) != schedule:
            raise InvalidSchedule(
                f"there is another {schedule.name!r} in {self.path}; choose another name, or remove that one "
                f"with: relusweep nightly remove {schedule.name}"
            )
        return bool(added)

    def remove(self, name: str) -> int:
        """Remove a schedule and the log of its runs; give how many these were.

        Raises
        ------
        UnknownSchedule, InvalidSchedule
            There is none of that name; it is being executed.
        """
        self.schedule(name)
        with self._locked(name) as ours:
            if not ours:
                raise InvalidSchedule(f"a night of {name!r} is running; stop it, or remove {name!r} later")
            runs = self.runs(name)
            self._query("DELETE FROM schedule WHERE name = ?", name)
        return len(runs)

    def schedules(self) -> dict[str, Schedule]:
        """Give the schedules by name, sorted."""
        rows = self._query("SELECT name, settings FROM schedule ORDER BY name")
        return {name: Schedule.model_validate_json(settings) for name, settings in rows}

    def schedule(self, name: str) -> Schedule:
        """Find a schedule; raises UnknownSchedule where there is none of that name."""
        schedules = self.schedules()
        if name not in schedules:
            there = ", ".join(schedules) or "none yet: see relusweep nightly add --help"
            raise UnknownSchedule(f"no schedule {name!r} in {self.path}; there are {there}")
        return schedules[name]

    def runs(self, name: str) -> list[ScheduledRun]:
        """List the runs of a schedule, the newest first."""
        rows = self._query(
            "SELECT settings AS schedule, due, started, label, state, skipped, deaths, progress, message "
            "FROM run JOIN schedule ON name = run.schedule WHERE name = ? ORDER BY due DESC",
            name,
        )
        return [ScheduledRun.model_validate(dict(row)) for row in rows]

    @contextmanager
    def claim(self, name: str, now: datetime) -> Iterator[ScheduledRun | None]:
        """Hold the lock of a schedule while the context lasts.

        Yields
        ------
        ScheduledRun or None
            The last one where it has not ended, else a new one for the newest slot that has come. None where
            nothing is due, another process has the lock, or the schedule is gone.
        """
        with self._locked(name) as ours:
            yield self._due(name, now) if ours else None

    def _due(self, name: str, now: datetime) -> ScheduledRun | None:
        found = self._query("SELECT settings, added FROM schedule WHERE name = ?", name)
        if not found:
            return None
        schedule, added = Schedule.model_validate_json(found[0][0]), datetime.fromisoformat(found[0][1])
        runs = self.runs(name)
        due = list(slots(schedule.at, schedule.zone, runs[0].due if runs else added, now))
        if runs and runs[0].state in _UNFINISHED:
            run = runs[0].model_copy(update={"overdue": bool(due)})
            run.deaths += run.state == "running"
            run.state = "running"
            self.save(run)
            return run
        if not due:
            return None
        date = local_time(due[-1], schedule.zone).date().isoformat()
        earlier = sum(run.label[:10] == date for run in runs)
        label = f"{date}-{earlier + 1}" if earlier else date
        self._query(
            "INSERT INTO run (schedule, due, label, state, started, skipped) VALUES (?, ?, ?, ?, ?, ?)",
            *(name, _text(due[-1]), label, "running", _text(now), len(due) - 1),
        )
        return self.runs(name)[0]

    def save(self, run: ScheduledRun, **facts: Any) -> None:
        """Write what has changed of a run, whose lock is held; facts are added to its `progress`."""
        run.progress.update(facts)
        self._query(
            "UPDATE run SET state = ?, deaths = ?, message = ?, progress = ? WHERE schedule = ? AND due = ?",
            *(run.state, run.deaths, run.message, json.dumps(run.progress)),
            *(run.schedule.name, _text(run.due)),
        )

    @contextmanager
    def _locked(self, name: str) -> Iterator[bool]:
        """Hold the lock of a schedule; false where another process has it."""
        lock = self._open(self.path.with_name(f"{self.path.name}.{name}.lock"))
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(lock)

    def _open(self, file: Path) -> int:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            return os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LedgerError(f"no ledger at {self.path}: {error.strerror}; give another --ledger") from error

    def _exists(self) -> bool:
        try:
            return self.path.exists()
        except OSError as error:
            raise LedgerError(f"no ledger at {self.path}: {error.strerror}; give another --ledger") from error

    def _query(self, statement: str, *values: object) -> list[sqlite3.Row]:
        if not self._exists():  # nobody has added a schedule, and looking makes no file
            return []
        with self._database() as database:
            return database.execute(statement, values).fetchall()

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as database:
                database.row_factory = sqlite3.Row
                database.execute("PRAGMA foreign_keys = ON")
                yield database
        except sqlite3.Error as error:
            raise LedgerError(f"the ledger {self.path} cannot be used: {error}") from error


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
