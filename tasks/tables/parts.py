"""Training and test rows of a table, standardised by the training rows, with weights."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.streams import Stream
from relusweep.tasks.tables.asked import Asked
from relusweep.tasks.tables.reading import stamp
from relusweep.tasks.tables.selection import Selected, drawn_of_classes, selected

__all__ = ["How", "Part", "Parts", "parts_of"]

Floats = NDArray[np.float64]

_LEAST_SPREAD = 1e-150  # of which float64 holds the square with all its digits


class How(NamedTuple):
    """How rows are made of what is asked of a table.

    Attributes
    ----------
    standardise, balanced : bool
        Whether columns get mean 0 and deviation 1; whether classes weigh the same.
    split, seed : int
        Number of the split, where it is drawn, and seed of the sweep.
    """

    standardise: bool
    balanced: bool
    split: int
    seed: int


class Part(NamedTuple):
    """Rows, in the order of the file.

    Attributes
    ----------
    inputs : ndarray of shape (n_rows, n_inputs), dtype float32
    targets : ndarray of shape (n_rows, n_targets), dtype float32
        Of classes their numbers, from 0.
    places : ndarray of shape (n_rows,)
        Rows of the file.
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]
    places: NDArray[np.intp]

    @property
    def variance(self) -> float:
        """Mean squared distance of the targets from their mean, over rows and targets."""
        values = np.asarray(self.targets, np.float64)
        return float(_mean(((values - _mean(values)) ** 2).mean(axis=1)))


class Parts(NamedTuple):
    """What networks are trained on, and looked at with.

    Attributes
    ----------
    training : Part
    test : Part, optional
    weights : ndarray of shape (n_rows,), dtype float32, optional
        Of training rows: their mean is 1.
    mean, deviation : ndarray of shape (n_columns,), dtype float64
        Of inputs, and then targets, in the training rows; 0 and 1 of what is not standardised.
    digest : str
        Of what the file holds.
    """

    training: Part
    test: Part | None
    weights: NDArray[np.float32] | None
    mean: Floats
    deviation: Floats
    digest: str


def parts_of(path: str, asked: Asked, how: How) -> Parts:
    """Split a table; a process does so once, as long as its file stays.

    Parameters
    ----------
    path : str
        Absolute.
    asked : Asked
    how : How

    Raises
    ------
    ValueError
        As `relusweep.tasks.tables.selection.known`; or the training rows lack a class, or are all the same in
        a column that is standardised, or numbers are not finite in float32.
    """
    return _parts(path, stamp(path), asked, how)


@lru_cache(maxsize=16)
def _parts(path: str, _changed: object, asked: Asked, how: How) -> Parts:
    of = selected(path, asked)
    in_test = of.in_test if of.in_test is not None else _drawn(of, asked, how)
    learned = ~in_test
    columns = np.column_stack([of.inputs, of.targets])
    scaled = len(of.names) + (len(of.target_names) if asked.task == "regression" else 0)
    mean, deviation = np.zeros(columns.shape[1]), np.ones(columns.shape[1])
    if how.standardise:
        with np.errstate(all="ignore"):  # reported below
            mean[:scaled] = _mean(columns[learned, :scaled])
            deviation[:scaled] = _deviation(columns[learned, :scaled])
        _check_spread(path, of, columns[learned, :scaled], deviation)
    _check_classes(path, of, learned)
    with np.errstate(over="ignore"):  # reported below
        numbers = ((columns - mean) / deviation).astype(np.float32)
    _check_finite(path, of, numbers)
    training, test = (_part(of, numbers, rows) for rows in (learned, in_test))
    weights = _weights(path, of, learned, balanced=how.balanced)
    return Parts(training, test if in_test.any() else None, weights, mean, deviation, of.digest)


def _part(of: Selected, numbers: NDArray[np.float32], rows: NDArray[np.bool_]) -> Part:
    some, count = numbers[rows], len(of.names)
    return Part(some[:, :count], some[:, count:], of.places[rows])


def _drawn(of: Selected, asked: Asked, how: How) -> NDArray[np.bool_]:
    """Draw the test rows: those with the smallest random numbers, of classes of one target in each class."""
    in_test = np.zeros(len(of.targets), np.bool_)
    if not isinstance(asked.test, float):
        return in_test
    keys = Stream(("table split", how.seed, how.split)).keys(range(len(of.targets)))
    order = np.argsort(keys, kind="stable")
    if asked.task == "regression" or of.targets.shape[1] > 1:
        in_test[order[: of.n_test]] = True
        return in_test
    numbers = of.targets[order, 0]
    for number, count in enumerate(drawn_of_classes(of.targets[:, 0], asked.test)):
        in_test[order[numbers == number][:count]] = True
    return in_test


def _sum(values: Floats) -> Floats:
    """Sum rows by halves, in a fixed order: the same bits on every machine."""
    while len(values) > 1:
        half = len(values) // 2
        folded = values[:half] + values[half : 2 * half]
        values = np.concatenate([folded, values[2 * half :]])
    return np.asarray(values[0])


def _mean(values: Floats) -> Floats:
    return np.asarray(_sum(values) / len(values), np.float64)


def _deviation(values: Floats) -> Floats:
    return np.asarray(np.sqrt(_mean((values - _mean(values)) ** 2)), np.float64)


def _check_spread(path: str, of: Selected, columns: Floats, deviation: Floats) -> None:
    names = [*of.names, *of.target_names]
    for name, values, spread in zip(names, columns.T, deviation, strict=False):
        if (values == values[0]).all():  # its deviation may be a rounding error
            raise ValueError(
                f"{path}: the column {name} is the same in all training rows, so it cannot be standardised; "
                "name the inputs without it, set standardise=false, or split otherwise"
            )
        if not _LEAST_SPREAD < spread < np.inf:
            raise ValueError(
                f"{path}: the column {name} holds numbers up to {abs(values).max():g}, whose deviation "
                f"float64 does not hold ({spread:g}); write it in another unit"
            )


def _check_classes(path: str, of: Selected, learned: NDArray[np.bool_]) -> None:
    for name, labels, numbers in zip(of.target_names, of.classes, of.targets.T, strict=False):
        missing = np.setdiff1d(np.arange(len(labels)), numbers[learned])
        if len(missing):
            raise ValueError(
                f"{path}: the training rows lack the class {labels[int(missing[0])]} of {name}; split them "
                "otherwise"
            )


def _check_finite(path: str, of: Selected, numbers: NDArray[np.float32]) -> None:
    for name, values in zip([*of.names, *of.target_names], numbers.T, strict=True):
        if not np.isfinite(values).all():
            raise ValueError(
                f"{path}: the column {name} holds numbers that are not finite in float32; set "
                "standardise=true, or write smaller ones"
            )


def _weights(
    path: str, of: Selected, learned: NDArray[np.bool_], *, balanced: bool
) -> NDArray[np.float32] | None:
    if of.weights is None and not balanced:
        return None
    weights = np.ones(int(learned.sum())) if of.weights is None else of.weights[learned]
    if balanced:
        numbers = of.targets[learned, 0].astype(np.int64)
        weights = weights / np.bincount(numbers)[numbers]
    total = float(_sum(weights))
    if total == 0:
        raise ValueError(f"{path}: the weights of all training rows are 0; give some rows more")
    return np.asarray(weights * (len(weights) / total), np.float32)
