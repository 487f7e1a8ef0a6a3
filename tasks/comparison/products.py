"""Products of the rows of pairs of networks, in few coordinates where rows lie in a small space.

The rows of a network without convolutions do: those of one hidden layer of 128 nodes in 129 dimensions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.comparison._checks import Pairs, checked_pairs
from relusweep.tasks.comparison.affine import AffineMaps, least_share, row_space

__all__ = ["Products", "small_basis"]

_FEW = 400  # rows that tell at little cost whether a network's space may be small


class Products:
    """Sums ``Σ x yᵀ`` of one output over samples, behind affine maps; of no samples at first.

    Parameters
    ----------
    pairs : iterable of (int, int)
        Networks, as places along the first axis of every chunk; (1, 0) is (0, 1) transposed.
    bases : sequence of ndarray of shape (n_columns, n_coordinates), or None
        Of each network: `small_basis` of all its rows that are to be added. None where they are summed as
        they come.
    n_columns : int

    Attributes
    ----------
    n_samples : int
        Rows summed so far.

    Notes
    -----
    Memory: at most that of the sums, ``8 n_columns²`` bytes a pair, and of a chunk in float64.
    """

    def __init__(
        self, pairs: Iterable[tuple[int, int]], bases: Sequence[NDArray[np.float64] | None], n_columns: int
    ) -> None:
        self.pairs: Pairs = checked_pairs(pairs, len(bases))
        self.n_samples, self.n_columns, self._bases = 0, n_columns, bases
        sizes = [n_columns if basis is None else basis.shape[1] for basis in bases]
        self._sums = {(x, y): np.zeros((sizes[x], sizes[y])) for x, y in self.pairs}

    def update(self, chunk: ArrayLike) -> None:
        """Add samples: array_like of shape (n_networks, n_new, n_columns), of any float type."""
        values = np.asarray(chunk)
        rows = [
            of_network.astype(np.float64) if basis is None else of_network.astype(np.float64) @ basis
            for of_network, basis in zip(values, self._bases, strict=True)
        ]
        for (x, y), total in self._sums.items():
            total += rows[x].T @ rows[y]
        self.n_samples += values.shape[1]

    def of(self, x: int, y: int) -> NDArray[np.float64]:
        """Give ``Σ x yᵀ`` of a pair, either way round, in the coordinates of both."""
        return self._sums[x, y] if (x, y) in self._sums else self._sums[y, x].T

    def maps(self, source: int, targets: Sequence[int], cutoff: float | None = None) -> AffineMaps:
        """Fit the maps from a network to others, as :func:`.affine.fit_affine` does.

        Parameters
        ----------
        source : int
            Its pair with itself was summed.
        targets : sequence of int
        cutoff : float, optional
            As in :func:`relusweep.tasks.comparison.affine.row_space`.
        """
        share = least_share(self.n_samples, self.n_columns, cutoff)
        space = row_space(self.of(source, source), self.n_samples, share)
        images = np.empty((len(targets), len(space.strength), self.n_columns))
        dual = (space.basis / space.strength).T
        for image, target in zip(images, targets, strict=True):
            found, basis = dual @ self.of(source, target), self._bases[target]
            image[...] = found if basis is None else found @ basis.T
        own = self._bases[source]
        return AffineMaps((space.basis if own is None else own @ space.basis,), (images,))


def small_basis(
    chunks: Iterable[NDArray[np.floating]], cutoff: float | None = None
) -> NDArray[np.float64] | None:
    """Give a basis of the space in which the rows of a network lie, if that is small.

    Parameters
    ----------
    chunks : iterable of ndarray of shape (n_samples, n_columns), of any float type
        All rows of one output. No more than the first are asked for if those fill more than half of what
        they could: most networks are told apart that way.
    cutoff : float, optional
        As in :func:`relusweep.tasks.comparison.affine.row_space`. What is left out has less strength than
        this, and than rounding.

    Returns
    -------
    ndarray of shape (n_columns, n_coordinates), float64, or None
        Orthonormal, of at most half the columns. None if the space is larger, or there are rows that are not
        finite, or none that are not 0.
    """
    second: NDArray[np.float64] | None = None
    n_samples = 0
    for chunk in chunks:
        rows = chunk.astype(np.float64)
        if second is None:
            few = rows[:_FEW]
            if _half_basis(few @ few.T, max(few.shape), min(few.shape)) is None:
                return None
            second = np.zeros((rows.shape[1], rows.shape[1]))
        second += rows.T @ rows
        n_samples += len(rows)
    if second is None:
        return None
    n_columns = len(second)
    share = least_share(n_samples, n_columns, None)
    return _half_basis(second, n_samples, n_columns, share if cutoff is None else min(share, cutoff))


def _half_basis(
    second: NDArray[np.float64], n_samples: int, most: int, cutoff: float | None = None
) -> NDArray[np.float64] | None:
    if not np.isfinite(second).all():
        return None
    basis = row_space(second, n_samples, cutoff).basis
    return basis if 0 < 2 * basis.shape[1] <= most else None
