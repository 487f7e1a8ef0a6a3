"""Swaps: how often the class changes along the best line through the cube."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.boolean._symmetries import symmetries
from relusweep.tasks.boolean.orderings import strict_orderings
from relusweep.tasks.boolean.truth_tables import function_id, inputs, n_inputs

__all__ = ["Swaps", "changes", "swaps"]

_LARGEST_WEIGHT = 2**32  # far from where a sum of weights would wrap


@dataclass(frozen=True)
class Swaps:
    """The swaps of functions, and lines that attain them.

    Attributes
    ----------
    count : ndarray of shape (...), int64
        The least number of class changes.
    weights : ndarray of shape (..., n), int64
        A certificate: along ``w·x``, which differs on all inputs, the class changes ``count`` times.
    """

    count: NDArray[np.int64]
    weights: NDArray[np.int64]


def swaps(tables: ArrayLike) -> Swaps:
    """Least number of class changes along ``w·x``.

    It is the least over all ``w`` that put no two inputs of different class on one point.

    Parameters
    ----------
    tables : array_like of shape (..., 2**n)
        Truth tables of functions of 1 to 5 inputs, −1 or +1.

    Returns
    -------
    Swaps

    Raises
    ------
    ValueError
        If the tables are none, or have more than 32 rows.

    Notes
    -----
    Exact: a tie between inputs of one class can be broken without adding a change, so the strict orders
    decide, and every one of them is tried: `strict_orderings` under each symmetry of the cube. The count
    returned is recounted from the certificate.

    Examples
    --------
    >>> xor = swaps([-1, 1, 1, -1])
    >>> int(xor.count), xor.weights.tolist()
    (2, [1, 2])
    """
    from relusweep.tasks.boolean._search import search

    n = n_inputs(tables)
    table_of_changes = _table_of_changes(n)
    words = function_id(tables)
    walk = symmetries(n, up_to_sign=True)
    best = np.empty((words.size, 2), dtype=np.int64)
    search(words.ravel(), walk.kept, walk.moved, walk.shift, table_of_changes, best)
    symmetry, ordering = best.T
    weights = (walk.matrices[symmetry] @ strict_orderings(n)[ordering][:, :, None]).reshape(*words.shape, n)
    return Swaps(changes(tables, weights), weights)


def changes(tables: ArrayLike, weights: ArrayLike) -> NDArray[np.int64]:
    """Count the class changes along ``w·x``.

    Parameters
    ----------
    tables : array_like of shape (..., 2**n)
        Truth tables, −1 or +1.
    weights : array_like of int, shape (..., n)
        One line for each function. Integers, so that ties are seen exactly.

    Returns
    -------
    ndarray of shape (...), int64

    Raises
    ------
    ValueError
        If the weights are not integers up to 2**32, are not ``n`` a function, or put two inputs of different
        class on one point.

    Examples
    --------
    >>> int(changes([-1, 1, 1, -1], [1, 2]))
    2
    """
    _, classes = along_line(tables, weights)
    return np.asarray((classes[..., 1:] != classes[..., :-1]).sum(axis=-1))


def along_line(tables: ArrayLike, weights: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Points ``w·x`` of the inputs in ascending order, and the class of each; checks as `changes` does."""
    n = n_inputs(tables)
    values = np.asarray(tables, dtype=np.int8)
    lines = np.asarray(weights)
    expected = (*values.shape[:-1], n)
    if lines.shape != expected:
        raise ValueError(f"weights have shape {expected}, one line for each function, got {lines.shape}")
    if lines.dtype.kind not in "iu" or (lines > _LARGEST_WEIGHT).any() or (lines < -_LARGEST_WEIGHT).any():
        raise ValueError(f"weights are integers up to 2**32 in size, got {weights!r}; scale them")
    points = lines.astype(np.int64) @ inputs(n).T.astype(np.int64)
    order = np.argsort(points, axis=-1)
    points, classes = np.take_along_axis(points, order, axis=-1), np.take_along_axis(values, order, axis=-1)
    mixed = (np.diff(points, axis=-1) == 0) & (np.diff(classes, axis=-1) != 0)
    if mixed.any():
        line = lines[mixed.any(axis=-1)][0]
        raise ValueError(f"the weights {line.tolist()} put two inputs of different class on one point")
    return points, classes


@lru_cache
def _table_of_changes(n: int) -> NDArray[np.uint32]:
    """Class changes along every ordering, as words to be XORed over the four bytes of a truth table.

    Bit j of a word says whether the class changes between places j and j + 1 of the ordering. That is linear
    over bits: the class of the row at place j enters into changes j − 1 and j.

    Returns
    -------
    ndarray of shape (4, 256, n_orderings), uint32
    """
    points = inputs(n) @ strict_orderings(n).T
    places = points.argsort(axis=0).argsort(axis=0).astype(np.uint32)
    here = np.uint32(1) << places
    of_row = (here | here >> np.uint32(1)) & np.uint32(2 ** (2**n - 1) - 1)
    of_bit = np.zeros((32, places.shape[1]), dtype=np.uint32)
    of_bit[: 2**n] = of_row[::-1]
    table = np.zeros((4, 1, places.shape[1]), dtype=np.uint32)
    for bit in range(8):
        table = np.concatenate([table, table ^ of_bit[bit::8, None]], axis=1)
    return table
