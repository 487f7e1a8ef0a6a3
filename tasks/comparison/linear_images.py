"""How nearly the affine maps of one network are a linear image of another's, and whether by a rotation."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.comparison.products import Products

__all__ = ["LinearImages", "linear_images"]


class LinearImages(NamedTuple):
    """Maps from every network to every other.

    Attributes
    ----------
    matrices : ndarray of shape (n_networks, n_networks, n_columns, n_columns), float64
        ``M`` with ``C¹ M ≈ C²``, from the first network to the second.
    error : ndarray of shape (n_networks, n_networks), float64
        ``|C¹ M − C²|_F`` as a share of ``|C² − its column means|_F``: at most about 1, 0 where it fits.
    departure : ndarray of shape (n_networks, n_networks), float64
        Distance of M from the nearest multiple of an orthogonal matrix, as a share of its norm: 0 for a
        rotation or reflection with a change of scale, and ``sqrt(1 − 1/n_columns)`` for a matrix of rank 1.
    """

    matrices: NDArray[np.float64]
    error: NDArray[np.float64]
    departure: NDArray[np.float64]


def linear_images(rows: ArrayLike) -> LinearImages:
    """Fit the linear map of least squares from the rows of each network to those of each other.

    Parameters
    ----------
    rows : array_like of shape (n_networks, n_samples, n_columns)
        Gradient and intercept of every network at the same points.

    Returns
    -------
    LinearImages

    Notes
    -----
    The singular values s of M say how far it is from a rotation: with the polar factor Q the nearest multiple
    is ``mean(s) Q``, at the distance ``sqrt(Σ s² − (Σ s)²/n)`` from M (Higham, *Functions of Matrices*, 2008,
    theorem 8.4).

    Examples
    --------
    >>> points = np.random.default_rng(0).normal(size=(50, 3))
    >>> found = linear_images([points, 2 * points[:, [1, 2, 0]]])
    >>> found.error.round(9).tolist(), found.departure.round(6).tolist()
    ([[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]])
    """
    values = np.asarray(rows, np.float64)
    n, _, n_columns = values.shape
    products = Products(tuple(combinations_with_replacement(range(n), 2)), [None] * n, n_columns)
    products.update(values)
    matrices = np.empty((n, n, n_columns, n_columns))
    for source in range(n):
        maps = products.maps(source, range(n))
        matrices[source] = maps.basis[0] @ maps.images[0]
    spread = np.linalg.norm(values - values.mean(axis=1, keepdims=True), axis=(1, 2))
    left = np.linalg.norm(values[:, None] @ matrices - values, axis=(2, 3))
    sizes = np.linalg.svd(matrices, compute_uv=False)
    squares = np.square(sizes).sum(axis=-1)
    apart = np.maximum(squares - sizes.sum(axis=-1) ** 2 / n_columns, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return LinearImages(matrices, left / spread, np.sqrt(apart / squares))
