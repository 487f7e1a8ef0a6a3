"""The columns of a table, by name, with the places of their rows in the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Columns",
    "beside",
    "columns_of_arrays",
    "first_text",
    "is_missing",
    "is_number",
    "is_text",
    "listing",
]

_MOST_NAMES = 20


class Columns(NamedTuple):
    """A table in memory.

    Attributes
    ----------
    path : str
        Where it was read, for messages.
    values : mapping of str to ndarray of shape (n_rows,)
        float64, NaN where missing; or text, None where missing.
    of_array : mapping of str to tuple of str
        Names of arrays of several columns, and those of the columns.
    first_line : int, optional
        The line of the file in which the first row stands; None where the file has no lines.
    """

    path: str
    values: Mapping[str, NDArray[Any]]
    of_array: Mapping[str, tuple[str, ...]] = {}
    first_line: int | None = None

    @property
    def n_rows(self) -> int:
        """Rows of the file."""
        return len(next(iter(self.values.values()), ()))

    def place(self, row: int) -> str:
        """Say where a row stands: its line, or its number counted from 0."""
        return f"row {row}" if self.first_line is None else f"line {self.first_line + row}"

    def named(self, names: Iterable[str], what: str) -> tuple[str, ...]:
        """Give the columns that some names mean: one each, or all of an array.

        Raises
        ------
        ValueError
            A name is of none.
        """
        found: list[str] = []
        for name in names:
            if name not in self.values and name not in self.of_array:
                held = [*self.values, *self.of_array]
                raise ValueError(
                    f"{self.path} has no column {name!r} ({what}){_near(name, held)}; it has "
                    f"{listing(self.values)}"
                )
            found.extend(self.of_array.get(name, (name,)))
        return tuple(dict.fromkeys(found))


def _near(name: str, names: list[str]) -> str:
    """Propose the name that may be meant."""
    plain = {other.strip().lower(): other for other in names}
    found = get_close_matches(name.strip().lower(), plain, n=1)
    return f"; did you mean {plain[found[0]]!r}?" if found else ""


def listing(names: Iterable[str]) -> str:
    """Write names, of many the first."""
    every = list(names)
    more = f" and {len(every) - _MOST_NAMES} more" if len(every) > _MOST_NAMES else ""
    return ", ".join(every[:_MOST_NAMES]) + more


def is_text(values: NDArray[Any]) -> bool:
    """Whether a column holds text."""
    return values.dtype == object


def is_missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark the rows of a column that hold nothing."""
    return np.array([text is None for text in values], np.bool_) if is_text(values) else np.isnan(values)


def first_text(columns: Columns, name: str) -> tuple[str, str]:
    """Find the first value that is no number."""
    values = columns.values[name]
    rows = np.flatnonzero(~is_missing(values))
    strange = next((row for row in rows if not is_number(values[row])), rows[0] if len(rows) else 0)
    return values[strange], columns.place(int(strange))


def is_number(text: str) -> bool:
    """Whether a text is a finite number."""
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def columns_of_arrays(path: str, arrays: Mapping[str, NDArray[Any]], labels: Mapping[str, Any]) -> Columns:
    """Make columns of arrays: of one dimension each one column, of two several.

    Parameters
    ----------
    path : str
    arrays : mapping of str to ndarray of shape (n_rows,) or (n_rows, n_columns)
        Numbers or text.
    labels : mapping of str to sequence of str
        Names of the columns of arrays of two dimensions; where there are none, the name of the array and the
        number of the column, from 0.

    Raises
    ------
    ValueError
        Arrays have other dimensions or types, differ in length, or two columns have one name.
    """
    values: list[tuple[str, NDArray[Any]]] = []
    of_array: dict[str, tuple[str, ...]] = {}
    for name, array in arrays.items():
        if array.ndim not in (1, 2):
            raise ValueError(
                f"{path}: {name} has shape {array.shape}; allowed are (n_rows,) and (n_rows, n_columns)"
            )
        if array.ndim == 1:
            values.append((name, _column(path, name, array)))
            continue
        names = tuple(labels.get(name, (f"{name}{i}" for i in range(array.shape[1]))))
        of_array[name] = names
        values += [(one, _column(path, one, part)) for one, part in zip(names, array.T, strict=True)]
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ValueError(f"{path}: columns differ in length ({told}); all must have one value for each row")
    return Columns(path, _distinct(path, values), of_array)


def beside(parts: list[Columns]) -> Columns:
    """Put tables beside one another, row by row.

    Raises
    ------
    ValueError
        They differ in length, or two columns have one name.
    """
    path = " + ".join(part.path for part in parts)
    if len({part.n_rows for part in parts}) > 1:
        told = ", ".join(f"{part.path} has {part.n_rows}" for part in parts)
        raise ValueError(f"files beside one another must have the same rows, and {told}")
    values = [item for part in parts for item in part.values.items()]
    of_array = {name: names for part in parts for name, names in part.of_array.items()}
    return Columns(path, _distinct(path, values), of_array, parts[0].first_line)


def _column(path: str, name: str, array: NDArray[Any]) -> NDArray[Any]:
    kind = array.dtype.kind
    if kind in "biuf":
        return array.astype(np.float64)
    if kind == "S":
        array = array.astype(np.str_)
    if kind not in "SUOT":
        raise ValueError(f"{path}: {name} is of type {array.dtype}; allowed are numbers and text")
    return np.array([None if text in (None, "") else str(text) for text in array.tolist()], object)


def _distinct(path: str, values: list[tuple[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    if twice := [name for name, count in Counter(name for name, _ in values).items() if count > 1]:
        raise ValueError(f"{path} has {listing(twice)} more than once; give each column a name of its own")
    return dict(values)
