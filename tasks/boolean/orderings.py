"""The orders in which a linear map can line up the corners of the cube ``{-1, +1}^n``."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

__all__ = ["strict_orderings"]

_MOST_INPUTS = 5


@lru_cache
def strict_orderings(n: int) -> NDArray[np.int64]:
    """Weights for every strict order of the corners of the cube by ``w·x``, up to the symmetries of the cube.

    Parameters
    ----------
    n : int
        Number of inputs, 1 to 5.

    Returns
    -------
    ndarray of shape (n_orderings, n), int64, read-only
        Rows ``0 < w_1 < … < w_n`` of integers, no two of the same order, whose ``w·x`` differ on all corners.
        1, 1, 2, 14 and 516 of them for n = 1..5 (OEIS A009997).

    Raises
    ------
    ValueError
        If ``n`` is out of range.

    Notes
    -----
    Two corners change places where ``w`` crosses the hyperplane normal to half their difference, a vector of
    −1, 0 and +1. Symmetry brings every ``w`` into the cone ``0 ≤ w_1 ≤ … ≤ w_n``. The hyperplanes cut that
    cone one after another, each piece known by its extreme rays (the double description method of T. S.
    Motzkin et al., 1953), in integers, so that no piece is lost to rounding. The sum of its rays lies inside
    a piece.

    Examples
    --------
    >>> strict_orderings(3).tolist()
    [[2, 3, 4], [1, 2, 4]]
    """
    if not 1 <= n <= _MOST_INPUTS:
        raise ValueError(
            f"the orderings of the cube are enumerated for 1 to {_MOST_INPUTS} inputs, got n = {n}"
        )
    walls = np.eye(n, dtype=np.int64) - np.eye(n, k=-1, dtype=np.int64)
    cuts = [v for v in product((-1, 0, 1), repeat=n) if v > (0,) * n]
    normals = np.concatenate([walls, np.array(cuts)])
    pieces = [np.tri(n, dtype=np.int64).T]
    for k in range(n, len(normals)):
        pieces = [part for rays in pieces for part in _cut(rays, normals[: k + 1])]
    weights = np.array([_primitive(rays.sum(axis=0)) for rays in pieces])
    weights.flags.writeable = False
    return weights


def _cut(rays: NDArray[np.int64], normals: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut a cone by the last of the hyperplanes; the ones before it are those that bound cones so far."""
    side = rays @ normals[-1]
    above, below = rays[side > 0], rays[side < 0]
    if len(above) == 0 or len(below) == 0:
        return [rays]
    crossings = [
        _primitive(height * down - depth * up)
        for up, height in zip(above, side[side > 0], strict=True)
        for down, depth in zip(below, side[side < 0], strict=True)
    ]
    extreme = [ray for ray in crossings if _is_extreme(ray, normals)]
    shared = np.unique([*rays[side == 0], *extreme], axis=0)
    return [np.concatenate([above, shared]), np.concatenate([below, shared])]


def _is_extreme(ray: NDArray[np.int64], normals: NDArray[np.int64]) -> bool:
    """Whether the hyperplanes through the ray meet in nothing else: then it is an edge of its cones."""
    through = normals[normals @ ray == 0]
    return bool(np.linalg.matrix_rank(through) == len(ray) - 1)


def _primitive(ray: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(ray // np.gcd.reduce(ray))
