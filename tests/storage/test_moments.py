"""Moments are ISO 8601 or a type of Python's, and never guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from relusweep.storage.moments import end_of


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        ("2026-11-20", "2026-11-20T23:59:59.999999"),
        ("2024-02", "2024-02-29T23:59:59.999999"),
        ("2026-12", "2026-12-31T23:59:59.999999"),
        ("2026", "2026-12-31T23:59:59.999999"),
        ("2026-11-20T10+05:30", "2026-11-20T05:29:59.999999"),
        ("2026-11-20 10:00 -0130", "2026-11-20T11:30:59.999999"),
        ("20261120T100030Z", "2026-11-20T10:00:30.999999"),
        ("2026-11-20T10:00:30,25", "2026-11-20T10:00:30.250000"),
        (date(2026, 11, 20), "2026-11-20T23:59:59.999999"),
        (datetime(2026, 11, 20), "2026-11-20T00:00:00"),
        (np.datetime64("2026-11"), "2026-11-30T23:59:59.999999"),
        (np.datetime64("2026-11-20T10:00:30.123456789"), "2026-11-20T10:00:30.123456"),
        (pd.Timestamp("2026-11-20", tz="Asia/Tokyo"), "2026-11-19T15:00:00"),
    ],
)
def test_what_is_named_has_an_end(moment: Any, end: str) -> None:
    assert end_of(moment) == datetime.fromisoformat(end).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "moment",
    [
        *(
            "12.11.2026",
            "29.11.2026",
            "11/12/2026",
            "now",
            "today",
            "10:00",
            "202611",
            "2026-11-31",
            "2026-W47-5",
        ),
        *("2026-11T10:00", "2026-11-20T25", "2026-11-20T10:00+99:00", "", "nan", "٢٠٢٦-11-20"),
        *(1_795_000_000, 1.5, True, None, np.datetime64("NaT"), pd.NaT, pd.Period("2026-11"), np.int64(5)),
    ],
)
def test_nothing_else_is_a_moment(moment: Any) -> None:
    with pytest.raises(ValueError, match=r"is no moment; give a date or time in ISO 8601, as 2026-11-20 "):
        end_of(moment)
