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

    Notes
    -----
    The pyramids over the facets, whose volumes are found alike in one dimension less: J. B. Lasserre, *An
    analytical expression and an algorithm for the volume of a convex polyhedron in R^n* (1983).
    """
    m, d = normals.shape
    if d == 1:
        low, high = -np.inf, np.inf
        for i in range(m):
            if normals[i, 0] > 0:
                high = min(high, offsets[i] / normals[i, 0])
            else:
                low = max(low, offsets[i] / normals[i, 0])
        return max(high - low, 0.0)
    total = 0.0
    for i in range(m):
        pivot = np.argmax(np.abs(normals[i]))
        less, their = np.empty((m - 1, d - 1)), np.empty(m - 1)
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
                empty |= offset < 0
                continue
            less[kept] /= length
            their[kept] = offset / length
            for k in range(kept):
                if np.abs(less[k] - less[kept]).max() < _SAME:
                    their[k] = min(their[k], their[kept])
                    break
            else:
                kept += 1
        if kept and not empty:
            total += offsets[i] / abs(normals[i, pivot]) * volume(less[:kept], their[:kept])
    return total / d
