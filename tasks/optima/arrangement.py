"""Which rows a unit can be on at: the faces of the space of its weights and bias."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.exact import null_space, rank

__all__ = ["Arrangement", "arrangement"]


class Arrangement(NamedTuple):
    """Faces of the hyperplanes on which the value of a unit at a row is zero.

    A unit is ``max(w x + b, 0)``; its weights and bias are a point ``u = (w, b)``, its value at a row before
    the maximum is ``u · (x, 1)``. Points of one face have the same signs at all rows.

    Attributes
    ----------
    points : ndarray of shape (n_rows, n_inputs + 1), int64
        Rows, each followed by 1.
    signs : ndarray of shape (n_faces, n_rows), int8
        -1, 0 or 1 of every face, in the order of these rows as text.
    rays : ndarray of shape (n_rays, n_inputs + 1), int64
        The faces that are half-lines, by the least whole numbers on each.
    images : ndarray of shape (n_rays, n_rows), int64
        What a unit on the ray gives at the rows.
    dims : ndarray of shape (n_faces,), int64
        Their dimensions.
    spanned : ndarray of shape (n_faces, n_rays), bool
        Rays in the closure of each face, which is their cone.
    around : ndarray of shape (n_faces, n_rays), bool
        Rays of all cells that the face bounds, or is.
    """

    points: NDArray[np.int64]
    signs: NDArray[np.int8]
    dims: NDArray[np.int64]
    rays: NDArray[np.int64]
    images: NDArray[np.int64]
    spanned: NDArray[np.bool_]
    around: NDArray[np.bool_]

    @property
    def n_faces(self) -> int:
        """Count them, the point 0 included."""
        return len(self.signs)

    @property
    def cells(self) -> NDArray[np.bool_]:
        """Which faces are open sets, where every derivative is known."""
        return np.asarray((self.signs != 0).all(axis=1))

    def cells_around(self, face: int) -> NDArray[np.bool_]:
        """Which faces are cells that a face bounds, or is."""
        here = self.signs[face]
        return np.asarray(self.cells & ((here == 0) | (self.signs == here)).all(axis=1))

    @property
    def on(self) -> NDArray[np.bool_]:
        """Which faces are of units that are on at some row."""
        return np.asarray((self.signs > 0).any(axis=1))

    @property
    def dichotomies(self) -> int:
        """In how many ways an affine function can split the rows, all on one side included."""
        return int(self.cells.sum())


def arrangement(inputs: ArrayLike) -> Arrangement:
    """Find all faces by the half-lines among them: every face is a sum of such.

    Parameters
    ----------
    inputs : array_like of shape (n_rows, n_inputs)
        Whole numbers; rows may come several times.

    Raises
    ------
    ValueError
        If inputs are no whole numbers, or the rows lie on one hyperplane, where units are not told apart.

    Examples
    --------
    >>> [arrangement([[-1, -1], [-1, 1], [1, -1], [1, 1]]).dichotomies, arrangement([[-1], [0], [1]]).n_faces]
    [14, 13]
    """
    given = np.asarray(inputs)
    rows = given.astype(np.int64)
    if rows.ndim != 2 or not rows.size or not np.array_equal(rows, given):
        raise ValueError(
            f"exact enumeration takes inputs of whole numbers, of shape (rows, inputs), got {inputs!r}; "
            "scale them to whole numbers"
        )
    return _arrangement(tuple(map(tuple, rows.tolist())))


@lru_cache
def _arrangement(rows: tuple[tuple[int, ...], ...]) -> Arrangement:
    points = np.array([[*row, 1] for row in rows], np.int64)
    if (found := rank(points)) < points.shape[1]:
        raise ValueError(
            f"the rows lie on one hyperplane (rank {found} of {points.shape[1]}); leave out inputs that "
            "others give, or add rows"
        )
    rays = _rays(np.unique(points, axis=0))
    ends = np.sign(rays @ points.T).astype(np.int8)
    signs = _compositions(ends)
    spanned = ((ends == 0) | (ends == signs[:, None])).all(axis=2)
    cells = (signs != 0).all(axis=1)
    bounds = ((signs[:, None] == 0) | (signs[:, None] == signs[cells])).all(axis=2)
    around = bounds.astype(np.int64) @ spanned[cells].astype(np.int64) > 0
    dims = np.array(
        [points.shape[1] - rank(points[own == 0]) if 0 in own else points.shape[1] for own in signs]
    )
    return Arrangement(points, signs, dims, rays, np.maximum(rays @ points.T, 0), spanned, around)


def _rays(points: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find the half-lines in which hyperplanes meet, both ways."""
    n = points.shape[1]
    found = set()
    for some in combinations(points.tolist(), n - 1):
        basis = null_space(some)
        if len(basis) == 1:
            scale = math.lcm(*(value.denominator for value in basis[0]))
            whole = [int(value * scale) for value in basis[0]]
            least = [value // math.gcd(*whole) for value in whole]
            found |= {tuple(least), tuple(-value for value in least)}
    return np.array(sorted(found), np.int64)


def _compositions(ends: NDArray[np.int8]) -> NDArray[np.int8]:
    """Close the signs of half-lines under taking a few steps along another one."""
    found = {(0,) * ends.shape[1]}
    new = found
    while new:
        at = np.array(sorted(new), np.int8)
        sums = np.where(at[:, None] != 0, at[:, None], ends).reshape(-1, ends.shape[1])
        new = set(map(tuple, np.unique(sums, axis=0).tolist())) - found
        found = found | new
    return np.array(sorted(found), np.int8)
