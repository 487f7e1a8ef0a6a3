"""How users write names of columns and test rows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from relusweep.tasks.axes import listed
from relusweep.tasks.tables.asked import OfColumn

__all__ = ["is_none", "read_names", "read_test"]

_ARRAYS = "arrays are written to a file once, by relusweep.table(path, arrays, …), which gives the problem"
_MAPPING = "{column: part, label: test}"


def read_names(value: object) -> object:
    """Read names of columns: one, several between commas, or a list."""
    if is_none(value):
        return ()
    if others := [name for name in listed(value) if not isinstance(name, str)]:
        raise ValueError(f"must be names of columns, got {type(others[0]).__name__}; {_ARRAYS}")
    return tuple(listed(value))


def is_none(value: object) -> bool:
    """Whether nothing is written."""
    return value is None or (isinstance(value, str) and value == "none")


def read_test(value: object) -> object:
    """Read a share, a mapping of a column, or numbers of rows."""
    if isinstance(value, int | str) and str(value) in ("0", "1"):
        raise ValueError(f"{value} may be a share or a row; write none, a share as 0.2, or rows as 0,1,2")
    if isinstance(value, list) and len(value) == 1:  # in the place of a list that was there
        value = value[0]
    if is_none(value):
        return None
    if isinstance(value, str) and not any(mark in value for mark in (",", "..")):
        value = _number(value)
    if isinstance(value, Mapping) and (not set(value) <= {"column", "label"} or "column" not in value):
        raise ValueError(f"a mapping of {', '.join(map(str, value))}; write {_MAPPING}")
    if isinstance(value, Mapping | OfColumn):
        return value
    if isinstance(value, float):
        if not 0 < value < 1:
            raise ValueError(f"{value:g} is no share of the rows: above 0, below 1")
        return float(value)
    rows = sorted(map(_row, listed(value)))
    if not rows:
        raise ValueError("an empty list; name rows from 0, in the order of the file, or write none")
    if twice := [a for a, b in pairwise(rows) if a == b]:
        raise ValueError(f"row {twice[0]} is named twice; name each once")
    return tuple(rows)


def _number(text: str) -> object:
    try:
        return int(text) if text.strip().isdigit() else float(text)
    except ValueError:
        mapping = f"{{column: {text}, label: test}}"
        raise ValueError(f"{text!r} is no number; a column is named in a mapping, as {mapping}") from None


def _row(item: object) -> int:
    if isinstance(item, str) and item.isdigit():
        return int(item)
    if isinstance(item, bool) or not isinstance(item, int) or item < 0:
        raise ValueError(f"{item!r} is no row: whole numbers from 0, in the order of the file")
    return item
