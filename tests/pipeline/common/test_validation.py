"""What a user is told of a value that is not allowed: in words, with what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

import relusweep as rs
from relusweep.errors import InvalidSweep

NAMES = r"\(allowed: letters, digits, _ and -, a letter first\)$"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("learning_rate", float("nan"), r"= nan: must be a number \(allowed: numbers above 0, at most 1e30"),
        ("leak", "nan", r"= nan: must be a number \(allowed: numbers from 0 to 1, as 0,0.1\)$"),
        ("learning_rate", 1e31, r"= 1e\+31: must be less than or equal to 1e\+30 \(allowed"),
        ("name", "a b", "^name = a b: has another form " + NAMES),
        ("name", "", "^name = none, or empty: must be a text " + NAMES),
        ("batch", -1, r"\(allowed: numbers of rows, as 10,100, or all, which is stored as 0\)$"),
        ("trials", {"most": float("inf"), "until": "first_success"}, "most = inf: must be a whole number"),
        ("trials", {"most": float("nan"), "until": "first_success"}, "most = nan: must be a whole number"),
    ],
)
def test_a_value_that_is_not_allowed(field: str, value: Any, said: str) -> None:
    with pytest.raises(InvalidSweep, match=said):
        rs.sweep("npn2", **{field: value})
