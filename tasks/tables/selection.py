"""The rows and columns of a table that networks learn from; what cannot be learned is refused or left out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.tables.asked import Asked, Known, OfColumn
from relusweep.tasks.tables.columns import Columns, first_text, is_missing, is_text, listing
from relusweep.tasks.tables.reading import read_table, stamp
from relusweep.tasks.tables.targets import targets_of

__all__ = ["Selected", "known", "selected"]

Floats = NDArray[np.float64]


class Selected(NamedTuple):
    """What is asked of a table.

    Attributes
    ----------
    inputs : ndarray of shape (n_rows, n_inputs), dtype float64
    targets : ndarray of shape (n_rows, n_targets), dtype float64
        Of classes their numbers, from 0.
    weights : ndarray of shape (n_rows,), dtype float64, or None
    in_test : ndarray of shape (n_rows,), dtype bool, or None
        Rows that no network is trained on; None where they are drawn, or where there are none.
    n_test : int
        How many there are, also of those that are drawn.
    names : tuple of str
        Of the inputs.
    target_names : tuple of str
    classes : tuple of tuple of str
        Labels of each target.
    places : ndarray of shape (n_rows,)
        Rows of the file.
    digest : str
        Of what the file holds in these columns.
    left_out : tuple of str
        What was left out, in words.
    """

    inputs: Floats
    targets: Floats
    weights: Floats | None
    in_test: NDArray[np.bool_] | None
    n_test: int
    names: tuple[str, ...]
    target_names: tuple[str, ...]
    classes: tuple[tuple[str, ...], ...]
    places: NDArray[np.intp]
    digest: str
    left_out: tuple[str, ...]


def known(path: str, asked: Asked) -> Known:
    """Read a table, and say what a specification keeps of it.

    Parameters
    ----------
    path : str
        Absolute.
    asked : Asked

    Raises
    ------
    ValueError
        The table cannot be read, or does not hold what is asked.
    """
    of = selected(path, asked)
    return Known(
        path=path,
        digest=of.digest,
        asked=asked.digest,
        rows=len(of.targets) - of.n_test,
        test_rows=of.n_test,
        inputs=of.names,
        targets=of.target_names,
        classes=of.classes,
        left_out=of.left_out,
    )


def selected(path: str, asked: Asked) -> Selected:
    """Select what is asked of a table; a process reads and checks it once, as long as its file stays.

    Raises
    ------
    ValueError
        As `known`.
    """
    return _selected(path, stamp(path), asked)


@lru_cache(maxsize=4)
def _selected(path: str, _changed: object, asked: Asked) -> Selected:
    columns = read_table(path, asked.target[0])
    _enough(columns, columns.n_rows, 0, asked._replace(test=None))
    targets = columns.named(asked.target, "target")
    beside = _beside(asked)
    columns.named(beside.values(), " or ".join(beside))
    left_out: list[str] = []
    inputs = _inputs(columns, asked, targets, beside, left_out)
    used = (*inputs, *targets, *dict.fromkeys(beside.values()))
    digest = _digest(columns, used)
    rows = _rows(columns, asked, used, left_out)
    _finite(columns, [*inputs, *targets, *([asked.weights] if asked.weights else [])], rows)
    numbers, classes, rows = targets_of(columns, asked, targets, rows, left_out)
    names = _varying(columns, asked, inputs, rows, left_out)
    in_test = _in_test(columns, asked.test, rows)
    n_test = int(in_test.sum()) if in_test is not None else n_drawn(numbers, asked)
    _enough(columns, len(rows) - n_test, n_test, asked)
    return Selected(
        np.column_stack([columns.values[name][rows] for name in names]),
        numbers,
        _weights(columns, asked.weights, rows),
        in_test,
        n_test,
        names,
        targets,
        classes,
        rows,
        digest,
        tuple(left_out),
    )


def n_drawn(targets: Floats, asked: Asked) -> int:
    """Count the test rows that are drawn: of classes of one target some of each class."""
    share = asked.test
    if not isinstance(share, float):
        return 0
    if asked.task == "classes" and targets.shape[1] == 1:
        return int(drawn_of_classes(targets[:, 0], share).sum())
    return round(share * len(targets))


def drawn_of_classes(numbers: Floats, share: float) -> NDArray[np.int64]:
    """Count the test rows of each class: at least one row of it stays for training."""
    counts = np.bincount(numbers.astype(np.int64))
    return np.asarray(np.minimum(np.rint(share * counts), counts - 1), np.int64)


def _beside(asked: Asked) -> dict[str, str]:
    """Give the columns beside inputs and targets, by what they are for."""
    found = {"weights": asked.weights} if asked.weights else {}
    return found | ({"test": asked.test.column} if isinstance(asked.test, OfColumn) else {})


def _inputs(
    columns: Columns,
    asked: Asked,
    targets: tuple[str, ...],
    beside: Mapping[str, str],
    left_out: list[str],
) -> tuple[str, ...]:
    others = [name for name in columns.values if name not in (*targets, *beside.values())]
    names = columns.named(asked.inputs, "inputs") if asked.inputs else tuple(others)
    if both := [name for name in names if name in targets]:
        raise ValueError(f"{columns.path}: {both[0]} is both an input and a target; leave it out of one")
    texts = [name for name in names if is_text(columns.values[name])]
    if texts and "text" not in asked.drop:
        name = texts[0]
        text, place = first_text(columns, name)
        raise ValueError(
            f"{columns.path}: the column {name} holds the text {text!r} in {place}; name the inputs without "
            "it, write numbers there, or set drop=text"
        )
    left_out += [f"the column {name}, which holds text" for name in texts]
    names = tuple(name for name in names if name not in texts)
    if not names:
        raise ValueError(
            f"{columns.path}: no column is left for the inputs; it has {listing(columns.values)}"
        )
    return names


def _digest(columns: Columns, names: tuple[str, ...]) -> str:
    """Hash what columns hold, as it was read: the same of any file that holds the same."""
    found = hashlib.blake2b(digest_size=16)
    for name in names:
        values = columns.values[name]
        found.update(repr((name, len(values))).encode())
        if is_text(values):
            found.update(repr(values.tolist()).encode())
        else:
            found.update(np.where(np.isnan(values), np.nan, values + 0.0).astype("<f8").tobytes())
    return found.hexdigest()


def _rows(columns: Columns, asked: Asked, names: tuple[str, ...], left_out: list[str]) -> NDArray[np.intp]:
    """Find the rows that hold something in all columns."""
    lacking = np.zeros(columns.n_rows, np.bool_)
    for name in names:
        missing = is_missing(columns.values[name])
        if missing.any() and "missing" not in asked.drop:
            where = columns.place(int(missing.argmax()))
            raise ValueError(
                f"{columns.path}: the column {name} lacks {missing.sum()} of {len(missing)} values, first in "
                f"{where}; fill them, or set drop=missing to leave such rows out"
            )
        lacking |= missing
    if lacking.any():
        left_out.append(f"{lacking.sum()} of {len(lacking)} rows, which lack a value")
    return np.asarray(np.flatnonzero(~lacking))


def _finite(columns: Columns, names: list[str], rows: NDArray[np.intp]) -> None:
    for name in names:
        values = columns.values[name]
        if not is_text(values) and (infinite := np.isinf(values[rows])).any():
            where = columns.place(int(rows[infinite.argmax()]))
            raise ValueError(
                f"{columns.path}: the column {name} holds an infinite number in {where}; all must be finite"
            )


def _varying(
    columns: Columns, asked: Asked, names: tuple[str, ...], rows: NDArray[np.intp], left_out: list[str]
) -> tuple[str, ...]:
    """Refuse or leave out inputs that are the same in all rows."""
    same = [name for name in names if len(rows) and np.ptp(columns.values[name][rows]) == 0]
    if same and "constant" not in asked.drop:
        value = columns.values[same[0]][rows[0]]
        raise ValueError(
            f"{columns.path}: the column {same[0]} holds {value:g} in all rows; name the inputs without it, "
            "or set drop=constant"
        )
    left_out += [f"the column {name}, which is the same in all rows" for name in same]
    if len(same) == len(names):
        raise ValueError(f"{columns.path}: all inputs are the same in all rows: {listing(names)}")
    return tuple(name for name in names if name not in same)


def _in_test(columns: Columns, test: Any, rows: NDArray[np.intp]) -> NDArray[np.bool_] | None:
    """Mark the test rows that a column or their numbers name."""
    if isinstance(test, OfColumn):
        values = columns.values[test.column][rows]
        labels = values if is_text(values) else np.array([*map(_label_of, values.tolist())], object)
        found = np.asarray(labels == test.label, np.bool_)
        if not found.any():
            raise ValueError(
                f"{columns.path}: test: the column {test.column} holds no {test.label!r}; it holds "
                f"{listing(sorted(set(labels)))}"
            )
        return found
    if isinstance(test, tuple):
        if max(test) >= columns.n_rows:
            raise ValueError(
                f"test: {columns.path} has no row {max(test)}; its rows are 0 to {columns.n_rows - 1}"
            )
        return np.isin(rows, test)
    return None


def _label_of(value: float) -> str:
    return f"{value:.0f}" if value == np.rint(value) else repr(value)


def _weights(columns: Columns, name: str | None, rows: NDArray[np.intp]) -> Floats | None:
    if name is None:
        return None
    if is_text(columns.values[name]):
        text, place = first_text(columns, name)
        raise ValueError(f"{columns.path}: weights: {name} holds the text {text!r} in {place}; write numbers")
    weights = np.asarray(columns.values[name][rows], np.float64)
    if (below := weights < 0).any():
        at = int(below.argmax())
        raise ValueError(
            f"{columns.path}: weights: {name} holds {weights[at]:g} in {columns.place(int(rows[at]))}; "
            "allowed are numbers from 0"
        )
    return weights


def _enough(columns: Columns, n_rows: int, n_test: int, asked: Asked) -> None:
    if n_rows < 2:
        raise ValueError(
            f"{columns.path}: {n_rows} of {columns.n_rows} rows are left for training; at least 2 are "
            "needed: give more rows, or fewer of them to the test"
        )
    if asked.test is not None and not n_test:
        raise ValueError(
            f"{columns.path}: test leaves no test rows of {n_rows}; ask for more, or leave test out"
        )
