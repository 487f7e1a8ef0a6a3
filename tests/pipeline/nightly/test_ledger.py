"""The ledger: one run is one process's, and none is lost."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from relusweep.pipeline.common.errors import InvalidSchedule, LedgerError, UnknownSchedule
from relusweep.pipeline.nightly.ledger import Ledger, ScheduledRun, State, default_ledger
from relusweep.pipeline.nightly.schedule import Schedule

EVENING = datetime(2026, 11, 20, 20, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)

CLAIMER = """
import sys
from datetime import datetime
from pathlib import Path
from relusweep.pipeline.nightly.ledger import Ledger

ledger = Ledger(Path(sys.argv[1]))
print("ready", flush=True)
for line in sys.stdin:
    with ledger.claim(line.strip(), datetime.fromisoformat(sys.argv[2])) as run:
        print("nothing" if run is None else run.label, flush=True)
        if run is not None:
            sys.stdin.readline()
            run.state = "well"
            ledger.save(run)
"""


def schedule(**changes: object) -> Schedule:
    fields = {"name": "mine", "sweep": "npn2", "store": "/s", "at": "0 2 * * *", "folder": "/f", **changes}
    return Schedule.model_validate(fields)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "deep" / "nights.sqlite")
    assert ledger.add(schedule(), EVENING)
    return ledger


def claimed(ledger: Ledger, now: datetime) -> ScheduledRun:
    """Claim a run, and let its lock go, as a process does that is killed."""
    with ledger.claim("mine", now) as run:
        assert run is not None
    return run


def finish(ledger: Ledger, run: ScheduledRun) -> None:
    run.state, run.message = "well", "all is well"
    ledger.save(run)


def is_claimable(ledger: Ledger, now: datetime) -> bool:
    with ledger.claim("mine", now) as run:
        return run is not None


def test_a_run_is_claimed_once_and_when_it_is_due(ledger: Ledger) -> None:
    assert not is_claimable(ledger, EVENING + 5 * timedelta(hours=1))
    with ledger.claim("mine", EVENING + DAY) as run:
        assert run is not None
        assert run.due == datetime(2026, 11, 21, 2, tzinfo=UTC)
        assert (run.label, run.skipped, run.state) == ("2026-11-21", 0, "running")
        assert not is_claimable(ledger, EVENING + DAY)
        finish(ledger, run)
    assert not is_claimable(ledger, EVENING + DAY)
    (logged,) = ledger.runs("mine")
    assert (logged.state, logged.message) == ("well", "all is well")


def test_missed_runs_are_one(ledger: Ledger) -> None:
    run = claimed(ledger, EVENING + 10 * DAY)
    assert run.due == datetime(2026, 11, 30, 2, tzinfo=UTC)
    assert run.skipped == 9
    finish(ledger, run)
    assert not is_claimable(ledger, EVENING + 10 * DAY)
    assert claimed(ledger, EVENING + 11 * DAY).skipped == 0


def test_no_new_run_while_the_last_one_goes(ledger: Ledger) -> None:
    with ledger.claim("mine", EVENING + DAY) as run:
        assert run is not None
        assert not is_claimable(ledger, EVENING + 3 * DAY)
        finish(ledger, run)
    assert claimed(ledger, EVENING + 3 * DAY).skipped == 1


def test_what_was_killed_is_resumed_at_once(ledger: Ledger) -> None:
    with ledger.claim("mine", EVENING + DAY) as dead:
        assert dead is not None
        ledger.save(dead, trials=20)
    heir = claimed(ledger, EVENING + DAY)
    assert heir.due == dead.due
    assert (heir.deaths, heir.progress, heir.overdue) == (1, {"trials": 20}, False)
    finish(ledger, heir)
    (logged,) = ledger.runs("mine")
    assert (logged.state, logged.deaths, logged.progress) == ("well", 1, {"trials": 20})


def test_what_was_killed_goes_before_the_next(ledger: Ledger) -> None:
    claimed(ledger, EVENING + DAY)
    heir = claimed(ledger, EVENING + 2 * DAY)
    assert (heir.label, heir.overdue) == ("2026-11-21", True)
    finish(ledger, heir)
    assert claimed(ledger, EVENING + 2 * DAY).label == "2026-11-22"


@pytest.mark.parametrize("state", ["waiting", "interrupted"])
def test_a_run_that_was_left_is_there_at_once(ledger: Ledger, state: State) -> None:
    with ledger.claim("mine", EVENING + DAY) as run:
        assert run is not None
        run.state = state
        ledger.save(run)
    again = claimed(ledger, EVENING + DAY)
    assert (again.due, again.deaths, again.overdue) == (run.due, 0, False)


def test_several_runs_of_a_day_have_names_of_their_own(tmp_path: Path) -> None:
    ledger, now = Ledger(tmp_path / "nights.sqlite"), EVENING
    ledger.add(schedule(at="0 */6 * * *"), EVENING)
    labels = []
    for _ in range(6):
        now += timedelta(hours=6)
        run = claimed(ledger, now)
        labels.append(run.label)
        finish(ledger, run)
    assert labels == ["2026-11-21", *(f"2026-11-21-{n}" for n in (2, 3, 4)), "2026-11-22", "2026-11-22-2"]


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Berlin", datetime(2026, 3, 26, 12, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 22, 12, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 6, 12, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 10, 30, 12, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("at", ["30 2 * * *", "30 1 * * *"])
def test_both_clock_changes_run_once(tmp_path: Path, zone: str, start: datetime, at: str) -> None:
    ledger, now = Ledger(tmp_path / "nights.sqlite"), start
    ledger.add(schedule(at=at, zone=zone), start)
    while now < start + 4 * DAY:
        now += 40 * MINUTE
        while is_claimable(ledger, now):
            (run, *_) = ledger.runs("mine")
            assert run.skipped == 0
            assert now - run.due < 40 * MINUTE
            finish(ledger, run)
    labels = [run.label for run in ledger.runs("mine")]
    assert len(labels) == 4
    assert all(len(label) == 10 for label in labels)  # a date, and no second night of it


def test_eight_at_once_give_one(ledger: Ledger) -> None:
    names = [f"at_once_{number}" for number in range(10)]
    for name in names:
        ledger.add(schedule(name=name), EVENING)
    command = [sys.executable, "-c", CLAIMER, str(ledger.path), (EVENING + DAY).isoformat()]
    with ExitStack() as stack:
        claimers = [
            stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
            )
            for _ in range(8)
        ]
        said = [_line(claimer) for claimer in claimers]
        assert said == ["ready"] * 8
        for name in names:  # all wait at their input now
            for claimer in claimers:
                assert claimer.stdin is not None
                claimer.stdin.write(f"{name}\n")
            said = [_line(claimer) for claimer in claimers]
            assert sorted(said) == ["2026-11-21", *["nothing"] * 7]
            (holder,) = (claimer for claimer, line in zip(claimers, said, strict=True) if line != "nothing")
            assert holder.stdin is not None
            holder.stdin.write("end\n")
        for claimer in claimers:
            claimer.communicate()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_same_schedule_again_changes_nothing_and_another_is_refused(ledger: Ledger) -> None:
    assert not ledger.add(schedule(), EVENING + DAY)
    assert is_claimable(ledger, EVENING + DAY)  # the time of the first addition counts
    with pytest.raises(InvalidSchedule, match="there is another 'mine'"):
        ledger.add(schedule(mode="refresh"), EVENING)


def test_what_is_removed_is_gone_unless_it_runs(ledger: Ledger) -> None:
    with ledger.claim("mine", EVENING + DAY), pytest.raises(InvalidSchedule, match="is running"):
        ledger.remove("mine")
    assert ledger.remove("mine") == 1
    assert ledger.schedules() == {}
    assert ledger.runs("mine") == []
    assert not is_claimable(ledger, EVENING + DAY)
    for call in (ledger.schedule, ledger.remove):
        with pytest.raises(UnknownSchedule, match="no schedule 'mine'"):
            call("mine")


def test_the_ledger_is_its_owners_alone(ledger: Ledger) -> None:
    secret = schedule(name="other", webhook="https://hooks.example/T0P")
    ledger.add(secret, EVENING)
    assert ledger.path.stat().st_mode & 0o777 == 0o600
    kept = ledger.schedule("other")
    assert kept == secret
    assert isinstance(kept.webhook, SecretStr)
    assert kept.webhook_host == "hooks.example"
    assert "T0P" not in repr(kept) + str(kept) + kept.model_dump_json()


def test_moments_are_kept_in_utc(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "nights.sqlite")
    ledger.add(schedule(zone="America/New_York"), EVENING)
    claimed(ledger, EVENING + DAY)
    (row,) = sqlite3.connect(ledger.path).execute("SELECT due, started FROM run").fetchall()
    assert row[0] == "2026-11-21T07:00:00.000+00:00"
    assert all(moment.endswith("+00:00") for moment in row)


FORMER = """
CREATE TABLE schedule (name TEXT PRIMARY KEY, settings TEXT NOT NULL, added TEXT NOT NULL);
CREATE TABLE run (
    schedule TEXT NOT NULL REFERENCES schedule (name) ON DELETE CASCADE, due TEXT NOT NULL,
    label TEXT NOT NULL, state TEXT NOT NULL, owner TEXT NOT NULL, lease TEXT NOT NULL,
    started TEXT NOT NULL, finished TEXT, skipped INTEGER NOT NULL,
    deaths INTEGER NOT NULL DEFAULT 0, progress TEXT NOT NULL DEFAULT '{}',
    code INTEGER, words TEXT NOT NULL DEFAULT '', PRIMARY KEY (schedule, due)
);
INSERT INTO run VALUES ('mine', '2026-11-21T02:00:00.000+00:00', '2026-11-21', 'well', 'me', '', '2026-11-21',
    NULL, 2, 0, '{"tag": "nightly.mine.2026-11-21"}', 0, 'ok');
"""


def test_a_ledger_of_before_runs_had_a_lock_goes_on(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "nights.sqlite")) as database, database:
        database.executescript(FORMER)
        row = ("mine", json.dumps(schedule().kept()), EVENING.isoformat())
        database.execute("INSERT INTO schedule VALUES (?, ?, ?)", row)
    for _ in range(2):
        ledger = Ledger(tmp_path / "nights.sqlite")
        (run,) = ledger.runs("mine")
        assert (run.schedule, run.state, run.skipped, run.message) == (schedule(), "well", 2, "ok")
        assert run.progress == {"tag": "nightly.mine.2026-11-21"}
    assert claimed(ledger, EVENING + 2 * DAY).label == "2026-11-22"


def test_what_is_no_ledger_is_told(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no database, and long enough to be seen as none" * 20)
    with pytest.raises(LedgerError, match="cannot be used: file is not a database"):
        Ledger(tmp_path / "text")
    with pytest.raises(LedgerError, match="give another --ledger"):
        Ledger(Path("/proc/nights.sqlite")).add(schedule(), EVENING)
    with pytest.raises(LedgerError, match="give another --ledger"):
        Ledger(Path("/etc/passwd/nights.sqlite")).add(schedule(), EVENING)


def test_looking_makes_no_ledger(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "deep" / "nights.sqlite")
    assert (ledger.schedules(), ledger.runs("mine")) == ({}, [])
    with pytest.raises(UnknownSchedule, match="none yet: see relusweep nightly add"):
        ledger.remove("mine")
    assert not list(tmp_path.iterdir())
    Ledger(ledger.path).add(schedule(), EVENING)
    assert list(ledger.schedules()) == ["mine"]


def test_where_the_ledger_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_ledger() == tmp_path / "relusweep" / "nights.sqlite"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert default_ledger() == Path.home() / ".local/state/relusweep/nights.sqlite"
