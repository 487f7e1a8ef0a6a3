"""When nights are due: cron times on the clock of a place, as moments in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

from relusweep.pipeline.common.errors import InvalidSchedule
from relusweep.pipeline.common.validation import nearest

__all__ = ["check_times", "local_text", "local_time", "next_slot", "slots"]

_FIELDS = "minute, hour, day of the month, month, day of the week, as '0 2 * * *'"


def check_times(at: str, zone: str, now: datetime) -> None:
    """Refuse a cron expression or a time zone that says nothing, or no moment.

    Raises
    ------
    InvalidSchedule
    """
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        words = nearest(zone, available_timezones()) or "."
        raise InvalidSchedule(f"no time zone {zone!r}{words} Give one as Europe/Berlin or UTC") from error
    if len(at.split()) != 5:  # cronsim also takes seconds, which crontab and CronJob do not
        raise InvalidSchedule(f"--at {at!r} has {len(at.split())} fields; give five: {_FIELDS}")
    try:
        next_slot(at, zone, now)
    except CronSimError as error:
        raise InvalidSchedule(f"--at {at!r}: {error}; give {_FIELDS}") from error


def slots(at: str, zone: str, after: datetime, until: datetime) -> Iterator[datetime]:
    """Give the moments that a schedule names, each once, ascending, in UTC.

    A time of day in the hour that a clock change leaves out is moved to its end; one in the hour that comes
    twice is meant the first time. What is named by ``*`` or ``*/n`` in minutes or hours goes by elapsed time,
    and so comes in both of those hours, and not in the other: as Debian's cron does it.

    Parameters
    ----------
    at, zone : str
        Cron expression of five fields, and whose clock it names: an IANA time zone.
    after, until : datetime
        Aware; moments later than the first and not later than the second.
    """
    # cronsim forgets which of the two equal hours it starts in, and may begin with the one that is over.
    last = after
    for moment in CronSim(at, after.astimezone(ZoneInfo(zone))):
        slot = moment.astimezone(UTC)
        if slot > until:
            return
        if slot > last:
            last = slot
            yield slot


def next_slot(at: str, zone: str, after: datetime) -> datetime:
    """Give the next moment.

    Raises
    ------
    InvalidSchedule
        There is none in fifty years.
    """
    found = next(slots(at, zone, after, datetime.max.replace(tzinfo=UTC)), None)
    if found is None:
        raise InvalidSchedule(f"--at {at!r} is never: there is no such day; give {_FIELDS}")
    return found


def local_time(moment: datetime, zone: str) -> datetime:
    """Give a moment on the clock of a place."""
    return moment.astimezone(ZoneInfo(zone))


def local_text(moment: datetime, zone: str) -> str:
    """Write a moment to the minute, on the clock of a place."""
    return f"{local_time(moment, zone):%Y-%m-%d %H:%M %Z}"
