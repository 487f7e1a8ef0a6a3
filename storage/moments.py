"""Moments as users write them: ISO 8601, and Python's types for dates and times."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

__all__ = ["end_of"]

_ISO = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d))?|(?P<month_>\d\d)(?P<day_>\d\d))?"
    r"([T ](?P<hour>\d\d)(:?(?P<minute>\d\d)(:?(?P<second>\d\d)([.,](?P<fraction>\d{1,9}))?)?)?"
    r" ?(?P<zone>Z|[+-]\d\d(:?\d\d)?)?)?",
    re.ASCII,
)
_ALLOWED = (
    "a date or time in ISO 8601, as 2026-11-20 (all of that day), 2026-11 (all of that month), "
    "2026-11-20T10:00 or 2026-11-20T10:00:30+01:00 (UTC without an offset); in Python a date, a datetime, a "
    "numpy.datetime64 or a pandas.Timestamp as well"
)


def end_of(moment: str | date | np.datetime64) -> datetime:
    """Give the last microsecond of what is named: a date names all of its day, and so on.

    Parameters
    ----------
    moment : str, date, datetime or numpy.datetime64
        UTC where it states no offset. A datetime, and so a pandas.Timestamp, names itself alone.

    Returns
    -------
    datetime
        Aware, in UTC.

    Raises
    ------
    ValueError
        It is none of these, or no such moment exists; the message says what is allowed.

    Examples
    --------
    >>> end_of("2026-11-20T10:00+01:00").isoformat()
    '2026-11-20T09:00:59.999999+00:00'
    >>> end_of(date(2026, 11, 20)) == end_of("2026-11-20")
    True
    """
    try:
        if isinstance(moment, datetime):  # as pandas.Timestamp is
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return aware.astimezone(UTC)
        if isinstance(moment, str | date) or type(moment).__name__ == "datetime64":
            return _end_of_text(str(moment).strip())  # NumPy writes as much as its unit says
    except (ValueError, OverflowError, TypeError):  # no such day, before year 1, pandas' NaT
        pass
    raise ValueError(f"{moment!r} is no moment; give {_ALLOWED}")


def _end_of_text(text: str) -> datetime:
    match = _ISO.fullmatch(text)
    if match is None or (match["hour"] and not (match["day"] or match["day_"])):
        raise ValueError
    names = ("month", "day", "hour", "minute", "second")
    parts = [match[name] or (match[f"{name}_"] if name in ("month", "day") else None) for name in names]
    given = [int(part) for part in parts if part]
    month, day, *clock = [*given, *(1, 1)[len(given) :]]
    hour, minute, second = [*clock, 0, 0, 0][:3]
    begin = datetime(int(match["year"]), month, day, hour, minute, second, tzinfo=_zone(match["zone"]))
    if match["fraction"]:
        return (begin + timedelta(microseconds=int(match["fraction"][:6].ljust(6, "0")))).astimezone(UTC)
    return (_NEXT[len(given)](begin) - timedelta(microseconds=1)).astimezone(UTC)


def _zone(text: str | None) -> timezone:
    if text in (None, "Z"):
        return UTC
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    return timezone((-1 if text[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


def _next_month(begin: datetime) -> datetime:
    return (begin + timedelta(days=31)).replace(day=1)


_NEXT: dict[int, Callable[[datetime], datetime]] = {
    0: lambda begin: begin.replace(year=begin.year + 1),
    1: _next_month,
    2: lambda begin: begin + timedelta(days=1),
    3: lambda begin: begin + timedelta(hours=1),
    4: lambda begin: begin + timedelta(minutes=1),
    5: lambda begin: begin + timedelta(seconds=1),
}
"""The beginning of the next year, month, …, by how many parts a text has behind its year."""
