"""What lies in a cone, in rational arithmetic: by signs where these tell, else by a linear program."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.exact import interior_point, maximise

__all__ = ["is_positive_sum", "mean_is_zero"]


def is_positive_sum(parts: NDArray[np.int64], wanted: NDArray[np.int64]) -> bool:
    """Whether a vector is a sum of others, each taken a positive number of times, and of any constant.

    Parameters
    ----------
    parts : ndarray of shape (n_parts, n), int64
    wanted : ndarray of shape (n,), int64
    """
    solved = _solved(np.column_stack([np.ones_like(wanted), parts.T, wanted]))
    if solved is None:
        return False
    times, slopes = solved[0][1:], solved[1][1:]  # the constant comes first, and may be anything
    if (times > 0).all():
        return True
    if ((times <= 0) & (slopes >= 0).all(axis=1)).any():
        return False
    free = slopes.shape[1]
    bounds = np.vstack([slopes, -np.eye(free, dtype=int)])
    return interior_point(bounds, [*times, *[0] * free]) is not None


def mean_is_zero(vectors: NDArray[np.int64]) -> bool:
    """Whether zero is a weighted mean of vectors.

    Parameters
    ----------
    vectors : ndarray of shape (n_vectors, n), int64
    """
    zero = [*[0] * vectors.shape[1], 1]
    solved = _solved(np.column_stack([np.vstack([vectors.T, np.ones(len(vectors), np.int64)]), zero]))
    if solved is None:
        return False
    times, slopes = solved
    if (times >= 0).all():
        return True
    if ((times < 0) & (slopes >= 0).all(axis=1)).any():
        return False
    free = slopes.shape[1]
    bounds = np.vstack([slopes, -np.eye(free, dtype=int)])
    return maximise([0] * free, bounds, [*times, *[0] * free]) is not None


def _solved(columns: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Solve for how many times columns are taken to give the last one; None where they cannot.

    Returns
    -------
    times : ndarray of shape (n_solved,), int64
        Of those columns that are solved for, where no other is taken, times a positive number.
    slopes : ndarray of shape (n_solved, n_free), int64
        By how much they fall with each of the others.
    """
    from flint import fmpz_mat

    matrix, below, found = fmpz_mat(columns.tolist()).rref()
    rows = np.array(matrix.tolist()[:found], object).astype(np.int64) * (1 if below > 0 else -1)
    pivots = (rows != 0).argmax(axis=1)
    if pivots[-1] == columns.shape[1] - 1:
        return None
    free = np.setdiff1d(np.arange(columns.shape[1] - 1), pivots)
    return rows[:, -1], rows[:, free]
