"""How far the coefficients of two networks are apart, each in units of its largest one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.comparison._checks import Pairs, checked_chunk, checked_pairs

__all__ = ["Distances", "Unit"]

Unit: TypeAlias = Literal["largest", "largest_size"]
"""In what a network's coefficients are measured: see :meth:`Distances.values`."""


class Distances:
    """Sums behind the distances of pairs of networks; of no samples at first.

    Parameters
    ----------
    pairs : iterable of (int, int)
        Networks (from, to), as places along the first axis of every chunk.
    n_networks, n_outputs, n_columns : int
        Shape of every chunk but for its samples.

    Attributes
    ----------
    n_samples : int
        Samples summed so far.
    apart : ndarray of shape (n_pairs,), float64
        ``Σ |x − y|²`` over samples and outputs, of the coefficients of both networks.
    inner, inner_to : ndarray of shape (n_pairs,), float64
        ``Σ x · (x − y)`` and ``Σ y · (y − x)``.
    squares : ndarray of shape (n_networks,), float64
        ``Σ |x|²``.
    largest, least : ndarray of shape (n_networks,), float64
        The largest and the least coefficient, by sign; -inf and inf without samples.

    Raises
    ------
    ValueError
        If a pair is of no network of the chunk, or comes twice.

    Notes
    -----
    Memory beside the chunk: ``8 (n_networks + 2) n_samples n_columns`` bytes, and 2^18 for casts; one output
    is in float64 at a time.

    With α = 1/a¹ and β = 1/a², known only at the end, and α the larger (the networks change places
    otherwise), ``|α x − β y|²`` is ``(α − β)² |x|² + 2 (α − β) β
    x·(x − y) + β² |x − y|²``. Accumulated in float64 over m coefficients, with u = 2^-53, it is wrong by at
    most ``2 (m + 8) u ((α − β)² Σ|x|² + β² Σ|x − y|²)``, which is small where the networks are nearly the
    same: from ``Σ x·y`` their distance would be a difference of large sums. Of a network and itself it is 0
    exactly.

    Examples
    --------
    >>> distances = Distances([(0, 1)], n_networks=2, n_outputs=1, n_columns=2)
    >>> distances.update([[[[4.0, 2.0]]], [[[1.0, 1.0]]]])
    >>> distances.values()  # ((1 − 1)² + (1/2 − 1)²) / 2
    array([0.125])
    """

    def __init__(
        self, pairs: Iterable[tuple[int, int]], n_networks: int, n_outputs: int, n_columns: int
    ) -> None:
        self.pairs: Pairs = checked_pairs(pairs, n_networks)
        self.shape = (n_networks, n_outputs, n_columns)
        self.n_samples = 0
        self.apart = np.zeros(len(self.pairs))
        self.inner = np.zeros(len(self.pairs))
        self.inner_to = np.zeros(len(self.pairs))
        self.squares = np.zeros(n_networks)
        self.largest = np.full(n_networks, -np.inf)
        self.least = np.full(n_networks, np.inf)

    def update(self, chunk: ArrayLike) -> None:
        """Add samples.

        Parameters
        ----------
        chunk : array_like of shape (n_networks, n_new, n_outputs, n_columns)
            Coefficients of the same samples for all networks, of any float type.

        Raises
        ------
        ValueError
            If the shape is another but for the number of samples.
        """
        values = checked_chunk(chunk, *self.shape)
        for j in range(values.shape[2]):
            self._add(values[:, :, j].astype(np.float64).reshape(len(values), -1))
        self.n_samples += values.shape[1]

    def _add(self, rows: NDArray[np.float64]) -> None:
        np.maximum(self.largest, rows.max(axis=1, initial=-np.inf), out=self.largest)
        np.minimum(self.least, rows.min(axis=1, initial=np.inf), out=self.least)
        self.squares += [row @ row for row in rows]
        for pair, (x, y) in enumerate(self.pairs):
            difference = rows[x] - rows[y]
            self.apart[pair] += difference @ difference
            self.inner[pair] += rows[x] @ difference
            self.inner_to[pair] -= rows[y] @ difference

    def merge(self, other: Distances) -> None:
        """Add the samples of other sums, which stay as they are.

        Parameters
        ----------
        other : Distances
            Of the same pairs, and of other samples.

        Raises
        ------
        ValueError
            If they are of other pairs, or of another shape.
        """
        if (self.pairs, self.shape) != (other.pairs, other.shape):
            raise ValueError(
                "sums of the same pairs and of chunks of the same shape merge, got pairs "
                f"{self.pairs} and {other.pairs}, chunks of {self.shape} and {other.shape}"
            )
        self.apart += other.apart
        self.inner += other.inner
        self.inner_to += other.inner_to
        self.squares += other.squares
        np.maximum(self.largest, other.largest, out=self.largest)
        np.minimum(self.least, other.least, out=self.least)
        self.n_samples += other.n_samples

    def values(self, unit: Unit = "largest") -> NDArray[np.float64]:
        """Mean squared differences ``1/(o p (d + 1)) Σ_j |C_j¹/a¹ − C_j²/a²|²_F``.

        Parameters
        ----------
        unit : {'largest', 'largest_size'}
            What a is: the largest coefficient of a network over all outputs, or the size of that which is
            farthest from 0.

        Returns
        -------
        ndarray of shape (n_pairs,), float64
            o outputs, p samples, d + 1 columns. For a network of zeros a is 1; not finite where another
            network's largest coefficient is 0.

        Raises
        ------
        ValueError
            If there are no samples.
        """
        if self.n_samples == 0:
            raise ValueError("a distance is of at least one sample, got none: add chunks first")
        size = self.largest if unit == "largest" else np.maximum(self.largest, -self.least)
        a = np.where(self.squares == 0, 1.0, size)
        x, y = np.transpose(self.pairs)
        swapped = abs(a[x]) > abs(a[y])
        x, y = np.where(swapped, y, x), np.where(swapped, x, y)
        inner = np.where(swapped, self.inner_to, self.inner)
        with np.errstate(divide="ignore", invalid="ignore"):
            scale, excess = 1 / a[y], (a[y] - a[x]) / (a[x] * a[y])
            total = excess**2 * self.squares[x] + 2 * excess * scale * inner + scale**2 * self.apart
        return np.asarray(np.maximum(total, 0) / (self.n_samples * self.shape[1] * self.shape[2]))
