"""Whether some rows allow a vector, in floats and only if it is sure.

Rows ``r`` allow a vector ``y`` with ``r @ y < 0`` for all of them unless the origin lies in their convex hull
(Gordan). The point of the hull nearest to the origin tells, which P. Wolfe's algorithm finds: *Finding the
nearest point in a polytope*, Mathematical Programming 11 (1976).
"""

import numpy as np

from relusweep.tasks.compiled import compiled

__all__ = ["NO", "UNCLEAR", "YES", "allowed", "surrounded"]

NO, YES, UNCLEAR = 0, 1, 2

_EPS = 2.0**-52
_NEAR = 1e-8  # a hull nearer to the origin than this may hold it
_NONE = 1e-12  # a share of a row that is none
_CENTRAL = 0.2  # how far inside a vector has to be, of what would be best


@compiled(counted=False)
def allowed(rows, noise, y, held, shares, gram):  # type: ignore[no-untyped-def]
    """Look for a vector that all rows allow.

    Parameters
    ----------
    rows : ndarray of shape (m, n), float64
        Rows of length 1.
    noise : ndarray of shape (m,), float64
        Bound of the error of each row's entries.
    y : ndarray of shape (n,), float64
        Is left with the vector, if there is one.
    held, shares : ndarray of shape (n + 1,)
        Are left with the rows that the nearest point of the hull is made of, and their shares.
    gram : ndarray of shape (n + 1, n + 2), float64
        Scratch.

    Returns
    -------
    answer : int
        YES is sure. UNCLEAR means that the origin may lie in the hull of the rows held.
    n_held : int
    """
    m, n = rows.shape
    n_held, held[0], shares[0] = 1, 0, 1.0
    for _ in range(16 * n):
        y[:] = 0
        for j in range(n_held):
            for k in range(n):
                y[k] += shares[j] * rows[held[j], k]
        size = 0.0
        for k in range(n):
            size += y[k] * y[k]
        if size < _NEAR * _NEAR:
            return UNCLEAR, n_held
        worst, least = 0, np.inf
        for i in range(m):
            value = 0.0
            for k in range(n):
                value += rows[i, k] * y[k]
            if value < least:
                worst, least = i, value
        is_held = False
        for j in range(n_held):
            is_held |= held[j] == worst
        if least > 0 and (is_held or least >= _CENTRAL * size):
            return (YES if _turned(rows, noise, y) else UNCLEAR), n_held
        if is_held or n_held == n + 1:
            return UNCLEAR, n_held
        held[n_held], shares[n_held] = worst, 0.0
        n_held = _nearest(rows, held, shares, n_held + 1, gram)
        if n_held == 0:
            return UNCLEAR, 0
    return UNCLEAR, n_held


@compiled(counted=False)
def _turned(rows, noise, y):  # type: ignore[no-untyped-def]
    """Turn a vector around, to length 1, and say whether every row allows it for sure."""
    m, n = rows.shape
    length = 0.0
    for k in range(n):
        length += abs(y[k])
    for k in range(n):
        y[k] /= -length
    for i in range(m):
        value = 0.0
        for k in range(n):
            value += rows[i, k] * y[k]
        if not value < -(noise[i] + 4 * n * _EPS):
            return False
    return True


@compiled(counted=False)
def _nearest(rows, held, shares, n_held, gram):  # type: ignore[no-untyped-def]
    """Go to the point of the held rows' hull nearest to the origin; drop rows that have no share in it."""
    n = rows.shape[1]
    while True:
        for i in range(n_held):  # Cholesky, and the solution with ones on the right in the last column
            for j in range(i + 1):
                value = 1.0
                for k in range(n):
                    value += rows[held[i], k] * rows[held[j], k]
                for k in range(j):
                    value -= gram[i, k] * gram[j, k]
                if i > j:
                    gram[i, j] = value / gram[j, j]
                elif value < 1e-14:
                    return 0
                else:
                    gram[i, i] = np.sqrt(value)
        total = 0.0
        target = gram[:, -1]
        for i in range(n_held):
            value = 1.0
            for k in range(i):
                value -= gram[i, k] * target[k]
            target[i] = value / gram[i, i]
        for i in range(n_held - 1, -1, -1):
            value = target[i]
            for k in range(i + 1, n_held):
                value -= gram[k, i] * target[k]
            target[i] = value / gram[i, i]
            total += target[i]
        step, inside = 1.0, True
        for i in range(n_held):
            target[i] /= total
            if target[i] <= _NONE:
                inside = False
                step = min(step, shares[i] / (shares[i] - target[i]) if shares[i] > target[i] else 0.0)
        kept = 0
        for i in range(n_held):
            share = shares[i] + step * (target[i] - shares[i])
            if inside or share > _NONE:
                held[kept], shares[kept] = held[i], share
                kept += 1
        if inside or kept == 0:
            return kept
        n_held = kept


@compiled(counted=False)
def surrounded(rows, noise, work):  # type: ignore[no-untyped-def]
    """Whether the origin lies inside a simplex of n + 1 rows in n dimensions by more than rounding.

    Parameters
    ----------
    rows : ndarray of shape (n + 1, n), float64
    noise : ndarray of shape (n + 1,), float64
        Bound of the error of each row's entries.
    work : ndarray of shape (>= n + 1, >= 2 * n + 2), float64
        Scratch.

    Notes
    -----
    The shares of the rows are the last column of an inverse, which also bounds, to first order, what errors
    of the rows do to them.
    """
    n = rows.shape[0]
    worst = 0.0
    for j in range(n):
        worst = max(worst, noise[j])
        for k in range(n - 1):
            work[k, j] = rows[j, k]
        work[n - 1, j] = 1.0
        for k in range(n):
            work[j, n + k] = 1.0 if j == k else 0.0
    for j in range(n):
        pivot = j
        for i in range(j + 1, n):
            if abs(work[i, j]) > abs(work[pivot, j]):
                pivot = i
        if abs(work[pivot, j]) < _NONE:
            return False
        for k in range(2 * n):
            work[j, k], work[pivot, k] = work[pivot, k], work[j, k]
        scale = 1 / work[j, j]
        for k in range(2 * n):
            work[j, k] *= scale
        for i in range(n):
            factor = work[i, j]
            if i != j and factor != 0:
                for k in range(2 * n):
                    work[i, k] -= factor * work[j, k]
    norm, least = 0.0, np.inf
    for i in range(n):
        total = 0.0
        for k in range(n, 2 * n):
            total += abs(work[i, k])
        norm, least = max(norm, total), min(least, work[i, 2 * n - 1])
    return least > 4 * norm * (worst + 64 * _EPS)
