"""Volumes of polytopes given by their facets, compiled."""

import numpy as np

from relusweep.tasks.compiled import compiled

__all__ = ["volume"]

_SAME = 1e-9  # rows of length 1 that differ by less are one


@compiled()
def volume(normals, offsets):  # type: ignore[no-untyped-def]
    """Give the volume of ``normals @ x <= offsets``, in which the origin lies.

    Parameters
    ----------
    normals : ndarray of shape (m, d), float64
    offsets : ndarray of shape (m,), float64
        Both are overwritten.

    Notes
    -----
    The pyramids over the facets, whose volumes are found alike in one dimension less: J. B. Lasserre, *An
    analytical expression and an algorithm for the volume of a convex polyhedron in R^n* (1983).
    """
    d = normals.shape[1]
    if d == 1:
        low, high = -np.inf, np.inf
        for i in range(len(offsets)):
            end = offsets[i] / normals[i, 0]
            if normals[i, 0] > 0:
                high = min(high, end)
            else:
                low = max(low, end)
        return max(high - low, 0.0)
    m = _distinct(normals, offsets)
    total = 0.0
    less, their = np.empty((m, d - 1)), np.empty(m)
    for i in range(m):
        pivot = 0
        for c in range(1, d):
            if abs(normals[i, c]) > abs(normals[i, pivot]):
                pivot = c
        kept, empty = 0, False
        for j in range(m):
            if j == i:
                continue
            factor = normals[j, pivot] / normals[i, pivot]
            length, k = 0.0, 0
            for c in range(d):
                if c != pivot:
                    less[kept, k] = normals[j, c] - factor * normals[i, c]
                    length += less[kept, k] ** 2
                    k += 1
            length, offset = np.sqrt(length), offsets[j] - factor * offsets[i]
            if length < _SAME:
                empty |= offset < -_SAME  # flat ones are none, but cancel only if all of their sides count
                continue
            for c in range(d - 1):
                less[kept, c] /= length
            their[kept] = offset / length
            kept += 1
        if kept and not empty:
            total += offsets[i] / abs(normals[i, pivot]) * volume(less[:kept], their[:kept])
    return total / d


@compiled()
def _distinct(normals, offsets):  # type: ignore[no-untyped-def]
    """Move different rows to the front, of equal ones the tightest, and count them."""
    n = 0
    for i in range(len(normals)):
        same = n
        for k in range(n):
            apart = 0.0
            for c in range(normals.shape[1]):
                apart = max(apart, abs(normals[k, c] - normals[i, c]))
            if apart < _SAME:
                same = k
        if same == n:
            for c in range(normals.shape[1]):
                normals[n, c] = normals[i, c]
            offsets[n] = offsets[i]
            n += 1
        else:
            offsets[same] = min(offsets[same], offsets[i])
    return n
