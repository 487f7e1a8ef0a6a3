"""What lies in a cone, in rational arithmetic: by signs where these tell, else by a linear program."""

from __future__ import annotations

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
    from flint import fmpz_mat

    columns = np.column_stack([np.ones_like(wanted), parts.T, wanted])
    matrix, below, found = fmpz_mat(columns.tolist()).rref()
    values = np.array(matrix.tolist()[:found], object).astype(np.int64) * (1 if below > 0 else -1)
    pivots = [int(np.flatnonzero(row)[0]) for row in values]
    if pivots[-1] == columns.shape[1] - 1:
        return False
    # Below the constant's row each says: times of a part = last column - sum of (others' times coefficient).
    free = [place for place in range(1, columns.shape[1] - 1) if place not in pivots]
    fixed, slopes = values[1:, -1], values[1:, free]
    if (fixed > 0).all():
        return True
    if ((fixed <= 0) & (slopes >= 0).all(axis=1)).any():
        return False
    return (
        interior_point(np.vstack([slopes, -np.eye(len(free), dtype=int)]), [*fixed, *[0] * len(free)])
        is not None
    )


def mean_is_zero(vectors: NDArray[np.int64], directions: NDArray[np.int64]) -> bool:
    """Whether zero is a weighted mean of vectors.

    Parameters
    ----------
    vectors : ndarray of shape (n_vectors, n), int64
    directions : ndarray of shape (n_directions, n), int64
        Along one of which all vectors may go one way, which is looked at first.
    """
    vectors = np.unique(vectors, axis=0)
    if not vectors.any(axis=1).all():
        return True
    if ((vectors @ directions.T) > 0).all(axis=0).any():
        return False
    n = len(vectors)
    sums = np.vstack([vectors.T, np.ones(n, np.int64)])
    zero = np.zeros(n, int)
    return maximise(zero, -np.eye(n, dtype=int), zero, sums, [0] * vectors.shape[1] + [1]) is not None
