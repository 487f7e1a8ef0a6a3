"""Nights by the clock of a place: each once, whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from relusweep.pipeline.common.errors import InvalidSchedule
from relusweep.pipeline.nightly.times import check_times, local_time, next_slot, slots

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
LORD_HOWE, SAO_PAULO = "Australia/Lord_Howe", "America/Sao_Paulo"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def all_slots(at: str, zone: str, start: str, days: int) -> list[str]:
    begin = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone))
    return [f"{slot:%d %H:%M}" for slot in slots(at, zone, begin, begin + timedelta(days=days))]


def test_a_night_is_on_the_clock_of_its_place() -> None:
    assert next_slot("0 2 * * *", BERLIN, utc("2026-11-22T12:00")) == utc("2026-11-23T01:00")
    assert next_slot("0 2 * * *", NEW_YORK, utc("2026-07-01T12:00")) == utc("2026-07-02T06:00")
    assert f"{local_time(utc('2026-11-22T23:30'), BERLIN):%d %H:%M}" == "23 00:30"


@pytest.mark.parametrize(
    ("zone", "start", "expected"),
    [
        # 29 March: 02:00 is 03:00, which is 01:00 UTC; 8 March: 02:00 is 03:00, which is 07:00 UTC.
        (BERLIN, "2026-03-28", ["28 01:30", "29 01:00", "30 00:30"]),
        (NEW_YORK, "2026-03-07", ["07 07:30", "08 07:00", "09 06:30"]),
        # 25 October: 03:00 is 02:00 again; 1 November: 02:00 is 01:00 again, and 02:30 comes once.
        (BERLIN, "2026-10-24", ["24 00:30", "25 00:30", "26 01:30"]),
        (NEW_YORK, "2026-10-31", ["31 06:30", "01 07:30", "02 07:30"]),
    ],
)
def test_half_past_two_comes_once_when_the_clock_changes(zone: str, start: str, expected: list[str]) -> None:
    assert all_slots("30 2 * * *", zone, start, 3) == expected


@pytest.mark.parametrize(
    ("at", "zone", "start", "expected"),
    [
        ("30 2 * * *", BERLIN, "2027-03-27", ["27 01:30", "28 01:00", "29 00:30"]),
        # Half an hour: on 4 October 02:00 is 02:30, which is 15:30 UTC; on 5 April 02:00 is 01:30 again.
        ("15 2 * * *", LORD_HOWE, "2026-10-03", ["02 15:45", "03 15:30", "04 15:15"]),
        ("45 1 * * *", LORD_HOWE, "2026-04-04", ["03 14:45", "04 14:45", "05 15:15"]),
        # At midnight: 4 November 2018 began at 01:00, which is 03:00 UTC; 17 February had a second 23:00.
        ("30 0 * * *", SAO_PAULO, "2018-11-03", ["03 03:30", "04 03:00", "05 02:30"]),
        ("0 0 * * *", SAO_PAULO, "2018-11-03", ["04 03:00", "05 02:00", "06 02:00"]),
        ("30 23 * * *", SAO_PAULO, "2018-02-16", ["17 01:30", "18 01:30", "19 02:30"]),
    ],
)
def test_a_night_comes_once_where_clocks_change_otherwise(
    at: str, zone: str, start: str, expected: list[str]
) -> None:
    assert all_slots(at, zone, start, 3) == expected


def test_the_hour_that_comes_twice_in_new_york() -> None:
    assert all_slots("30 1 * * *", NEW_YORK, "2026-10-31", 3) == ["31 05:30", "01 05:30", "02 06:30"]


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, LORD_HOWE, SAO_PAULO])
@pytest.mark.parametrize("at", ["30 2 * * *", "0,30 0,1,2,3,23 * * *", "*/20 * * * *"])
def test_asked_at_any_minute_no_slot_is_missed_or_comes_again(zone: str, at: str) -> None:
    """As a tick asks: what has come since the last one, every seven minutes of the days of a clock change."""
    changes = ("2026-03-07", "2026-03-28", "2026-04-04", "2026-10-03", "2026-10-24", "2026-10-31")
    for day in (*changes, "2018-02-17", "2018-11-03"):
        start = f"{day}T12:00"
        now, end = utc(start), utc(start) + timedelta(days=1)
        expected = list(slots(at, zone, now, end))
        last, came = now, []
        while now < end:
            now = min(now + timedelta(minutes=7), end)
            for slot in slots(at, zone, last, now):
                came.append(slot)
                last = slot
        assert came == expected
        assert len(set(came)) == len(came)


def test_what_was_in_the_first_of_two_equal_hours_is_over_in_the_second() -> None:
    second = utc("2026-10-25T01:10")  # 02:10 in Berlin, again
    assert list(slots("30 2 * * *", BERLIN, second, second + timedelta(hours=2))) == []
    assert next_slot("30 2 * * *", BERLIN, second) == utc("2026-10-26T01:30")


def test_hourly_nights_go_by_elapsed_time() -> None:
    assert all_slots("30 * * * *", BERLIN, "2026-10-25", 1)[:4] == [
        "24 22:30",
        "24 23:30",
        "25 00:30",
        "25 01:30",
    ]


@pytest.mark.parametrize(
    ("at", "zone", "words"),
    [
        ("0 2 * *", "UTC", "4 fields; give five"),
        ("0 0 2 * * *", "UTC", "6 fields; give five"),
        ("0 25 * * *", "UTC", "Bad hour"),
        ("0 2 30 2 *", "UTC", "Bad day-of-month"),
        ("0 2 * * *", "Europe/Berln", "did you mean 'Europe/Berlin'"),
        ("0 2 * * *", "../../etc/passwd", "no time zone"),
        ("0 2 * * *", "", "no time zone"),
    ],
)
def test_what_is_no_time_is_refused(at: str, zone: str, words: str) -> None:
    with pytest.raises(InvalidSchedule, match=words):
        check_times(at, zone, utc("2026-11-22T12:00"))
