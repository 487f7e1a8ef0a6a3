"""The ledger: one night is one process's, and none is lost."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from relusweep.pipeline.common.errors import InvalidSchedule, LedgerError, UnknownSchedule
from relusweep.pipeline.nightly.ledger import LEASE, Ledger, default_ledger
from relusweep.pipeline.nightly.rows import Claim
from relusweep.pipeline.nightly.schedule import Schedule

EVENING = datetime(2026, 11, 20, 20, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)

CLAIMER = """
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from relusweep.pipeline.nightly.ledger import Ledger

ledger = Ledger(Path(sys.argv[1]))
print("ready", flush=True)
for name in sys.stdin:
    claim = ledger.claim(name.strip(), datetime.fromisoformat(sys.argv[2]))
    print("nothing" if claim is None else claim.night.owner, flush=True)
"""


def schedule(**changes: object) -> Schedule:
    fields = {"name": "mine", "sweep": "npn2", "store": "/s", "at": "0 2 * * *", "folder": "/f", **changes}
    return Schedule.model_validate(fields)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "deep" / "nights.sqlite")
    assert ledger.add(schedule(), EVENING)
    return ledger


def claimed(ledger: Ledger, now: datetime) -> Claim:
    claim = ledger.claim("mine", now)
    assert claim is not None
    return claim


def test_a_night_is_claimed_once_and_when_it_is_due(ledger: Ledger) -> None:
    assert ledger.claim("mine", EVENING + 5 * timedelta(hours=1)) is None
    claim = claimed(ledger, EVENING + DAY)
    assert claim.night.due == datetime(2026, 11, 21, 2, tzinfo=UTC)
    assert (claim.night.label, claim.night.skipped, claim.night.state) == ("2026-11-21", 0, "running")
    assert ledger.claim("mine", EVENING + DAY) is None
    ledger.finish(claim, "well", 0, "all is well", EVENING + DAY)
    assert ledger.claim("mine", EVENING + DAY) is None
    (night,) = ledger.nights("mine")
    assert (night.state, night.code, night.words) == ("well", 0, "all is well")


def test_missed_nights_are_one(ledger: Ledger) -> None:
    claim = claimed(ledger, EVENING + 10 * DAY)
    assert claim.night.due == datetime(2026, 11, 30, 2, tzinfo=UTC)
    assert claim.night.skipped == 9
    ledger.finish(claim, "well", 0, "", EVENING + 10 * DAY)
    assert ledger.claim("mine", EVENING + 10 * DAY) is None
    assert claimed(ledger, EVENING + 11 * DAY).night.skipped == 0


def test_no_new_night_while_the_last_one_runs(ledger: Ledger) -> None:
    claim, now = claimed(ledger, EVENING + DAY), EVENING + DAY
    while now < EVENING + 3 * DAY:
        now += LEASE / 2
        assert ledger.renew(claim, now)
    assert ledger.claim("mine", now) is None
    ledger.finish(claim, "well", 0, "", now)
    assert claimed(ledger, now).night.skipped == 1


def test_a_night_whose_lease_has_run_out_is_taken_over(ledger: Ledger) -> None:
    dead, now = claimed(ledger, EVENING + DAY), EVENING + DAY
    ledger.remember(dead, trials=20)
    assert ledger.claim("mine", now + LEASE - MINUTE / 60) is None
    heir = claimed(ledger, now + LEASE)
    assert heir.night.due == dead.night.due
    assert (heir.night.deaths, heir.night.progress) == (1, {"trials": 20})
    # The dead one was only asleep: it finds that the night is no longer its own.
    assert not ledger.renew(dead, now + LEASE)
    assert not ledger.finish(dead, "failed", 1, "", now + LEASE)
    ledger.remember(dead, trials=0)
    assert ledger.finish(heir, "well", 0, "", now + LEASE)
    (night,) = ledger.nights("mine")
    assert (night.state, night.progress) == ("well", {"trials": 20})


def test_a_dead_night_goes_before_the_next(ledger: Ledger) -> None:
    claimed(ledger, EVENING + DAY)
    heir = claimed(ledger, EVENING + 2 * DAY)
    assert (heir.night.label, heir.overdue) == ("2026-11-21", True)
    ledger.finish(heir, "well", 0, "", EVENING + 2 * DAY)
    assert claimed(ledger, EVENING + 2 * DAY).night.label == "2026-11-22"


@pytest.mark.parametrize("state", ["waiting", "interrupted"])
def test_a_night_let_go_is_there_at_once(ledger: Ledger, state: str) -> None:
    claim = claimed(ledger, EVENING + DAY)
    ledger.let_go(claim, state, "later")  # type: ignore[arg-type]  # the two that are allowed
    again = claimed(ledger, EVENING + DAY)
    assert (again.night.due, again.night.deaths, again.overdue) == (claim.night.due, 0, False)


def test_several_nights_of_a_day_have_names_of_their_own(tmp_path: Path) -> None:
    ledger, now = Ledger(tmp_path / "nights.sqlite"), EVENING
    ledger.add(schedule(at="0 */6 * * *"), EVENING)
    labels = []
    for _ in range(6):
        now += timedelta(hours=6)
        claim = claimed(ledger, now)
        labels.append(claim.night.label)
        ledger.finish(claim, "well", 0, "", now)
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
        while claim := ledger.claim("mine", now):
            assert claim.night.skipped == 0
            assert now - claim.night.due < 40 * MINUTE
            ledger.finish(claim, "well", 0, "", now)
    labels = [night.label for night in ledger.nights("mine")]
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
            (night,) = ledger.nights(name)
            assert sorted(said) == sorted(["nothing"] * 7 + [night.owner])
        for claimer in claimers:
            claimer.communicate()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_same_schedule_again_changes_nothing_and_another_is_refused(ledger: Ledger) -> None:
    assert not ledger.add(schedule(), EVENING + DAY)
    assert ledger.claim("mine", EVENING + DAY) is not None  # the time of the first addition counts
    with pytest.raises(InvalidSchedule, match="there is another 'mine'"):
        ledger.add(schedule(mode="refresh"), EVENING)


def test_what_is_removed_is_gone_unless_it_runs(ledger: Ledger) -> None:
    claim = claimed(ledger, EVENING + DAY)
    with pytest.raises(InvalidSchedule, match="is running"):
        ledger.remove("mine", EVENING + DAY)
    ledger.finish(claim, "well", 0, "", EVENING + DAY)
    assert ledger.remove("mine", EVENING + DAY) == 1
    assert ledger.schedules() == []
    assert ledger.nights("mine") == []
    for call in (
        ledger.schedule,
        lambda name: ledger.claim(name, EVENING),
        lambda name: ledger.remove(name, EVENING),
    ):
        with pytest.raises(UnknownSchedule, match="no nightly 'mine'"):
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
    (row,) = sqlite3.connect(ledger.path).execute("SELECT due, lease, started FROM run").fetchall()
    assert row[0] == "2026-11-21T07:00:00.000+00:00"
    assert all(moment.endswith("+00:00") for moment in row)


def test_what_is_no_ledger_is_told(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no database, and long enough to be seen as none" * 20)
    with pytest.raises(LedgerError, match="cannot be used: file is not a database"):
        Ledger(tmp_path / "text")
    with pytest.raises(LedgerError, match="give another --ledger"):
        Ledger(Path("/proc/nights.sqlite"))


def test_where_the_ledger_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_ledger() == tmp_path / "relusweep" / "nights.sqlite"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert default_ledger() == Path.home() / ".local/state/relusweep/nights.sqlite"
