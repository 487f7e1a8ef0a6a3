"""Targets of a table: numbers, or classes and their labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.tables.asked import Asked
from relusweep.tasks.tables.columns import Columns, first_text, is_text, listing

__all__ = ["targets_of"]

Floats = NDArray[np.float64]


def targets_of(
    columns: Columns, asked: Asked, names: tuple[str, ...], rows: NDArray[np.intp], left_out: list[str]
) -> tuple[Floats, tuple[tuple[str, ...], ...], NDArray[np.intp]]:
    """Give numbers of the targets, labels of their classes, and the rows that are left."""
    if asked.task == "regression":
        for name in names:
            _is_of_numbers(columns, name)
        values = np.column_stack([columns.values[name][rows] for name in names])
        if len(rows) and (same := (values == values[0]).all(axis=0)).any():
            raise ValueError(
                f"{columns.path}: the target {names[int(same.argmax())]} is the same in all rows: there is "
                "nothing to learn; give another target, or a table with rows where it differs"
            )
        return values, (), rows
    for name in names:
        _is_of_classes(columns, name, rows)
    rows = _without_rare(columns, asked, names, rows, left_out)
    found = [_classes(columns, name, rows) for name in names]
    several = len(names) > 1
    for name, (_, labels) in zip(names, found, strict=True):
        if len(labels) < 2:
            raise ValueError(f"{columns.path}: the target {name} has {_one_class(labels)}; give two")
        if several and len(labels) > 2:
            raise ValueError(
                f"{columns.path}: the target {name} has {len(labels)} classes ({listing(labels)}); several "
                "targets have two classes each, one target has any number"
            )
    return (
        np.column_stack([numbers for numbers, _ in found]),
        tuple(labels for _, labels in found),
        rows,
    )


def _one_class(labels: tuple[str, ...]) -> str:
    return f"one class, {labels[0]}" if labels else "no class"


def _is_of_numbers(columns: Columns, name: str) -> None:
    if is_text(columns.values[name]):
        text, place = first_text(columns, name)
        raise ValueError(
            f"{columns.path}: the target {name} holds the text {text!r} in {place}; write numbers there, or "
            "set task=classes"
        )


def _is_of_classes(columns: Columns, name: str, rows: NDArray[np.intp]) -> None:
    values = columns.values[name][rows]
    if not is_text(values) and (broken := values != np.rint(values)).any():
        at = int(broken.argmax())
        raise ValueError(
            f"{columns.path}: the target {name} holds {values[at]} in {columns.place(int(rows[at]))}; "
            "classes are text or whole numbers: set task=regression, or write classes"
        )


def _without_rare(
    columns: Columns, asked: Asked, names: tuple[str, ...], rows: NDArray[np.intp], left_out: list[str]
) -> NDArray[np.intp]:
    """Refuse or leave out classes that occur once."""
    for name in names:
        values = columns.values[name][rows]
        labels, first, counts = np.unique(
            values.astype(str) if is_text(values) else values, return_index=True, return_counts=True
        )
        once = counts == 1
        if not once.any():
            continue
        if "rare" not in asked.drop:
            at = first[once].min()
            raise ValueError(
                f"{columns.path}: the class {_label(values[at])} of {name} occurs once, in "
                f"{columns.place(int(rows[at]))}; classes have two rows or more: take it away, set "
                "drop=rare, or set task=regression"
            )
        left_out.append(
            f"the classes {listing(map(_label, labels[once]))} of {name}, of which each occurs once"
        )
        rows = np.delete(rows, first[once])
    return rows


def _classes(columns: Columns, name: str, rows: NDArray[np.intp]) -> tuple[Floats, tuple[str, ...]]:
    """Give each class of a column a number, ascending."""
    values = columns.values[name][rows]
    labels, numbers = np.unique(values.astype(str) if is_text(values) else values, return_inverse=True)
    return numbers.astype(np.float64), tuple(map(_label, labels))


def _label(value: Any) -> str:
    return str(value) if isinstance(value, str) else f"{value:.0f}"
