"""Sums over pairs of samples behind CKA, for more columns than samples and for bootstrap intervals.

A tile is the rows of two chunks; every unordered pair of chunks, a chunk with itself among them, is one tile.
Tiles come in any order, and sums of separate tiles add up.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.comparison._checks import (
    CAST,
    CONSTANT,
    LEAST_SAMPLES,
    Pairs,
    checked_pairs,
    checked_sizes,
)
from relusweep.tasks.streams import Stream

__all__ = ["LEAST_SAMPLES", "Grams", "draw_halves", "grams_memory", "interval"]


class Grams:
    """Sums over all pairs of samples of the kernel matrices ``K = X Xᵀ`` of one output; of no tiles at first.

    Parameters
    ----------
    pairs : iterable of (int, int)
        Networks (from, to), as places along the first axis of every chunk.
    centres : array_like of shape (n_networks, n_columns)
        What is subtracted from the rows of each network: their column means, or any point near them. HSIC
        does not depend on it but for rounding; the same one goes with every tile.
    n_samples : int
        Samples of all chunks together.
    samples : array_like of shape (n_replicates, n_samples), bool, optional
        Which samples each replicate holds, as :func:`draw_halves` gives them; one of all samples by default.

    Attributes
    ----------
    n_added : int
        Ordered pairs of samples summed so far.
    product : ndarray of shape (n_pairs, n_replicates), float64
        ``Σ_ik K_ik L_ik`` over the samples of a replicate.
    row_sums : ndarray of shape (n_networks, n_replicates, n_samples), float64
        ``Σ_k K_ik``.
    diagonal : ndarray of shape (n_networks, n_samples), float64
        ``K_ii``.

    Raises
    ------
    ValueError
        If a pair is of no network or comes twice, or replicates are of another number of samples.

    Notes
    -----
    Every chunk is read with every other one, where :class:`relusweep.tasks.comparison.moments.Moments` reads
    each once: :func:`relusweep.tasks.comparison.measures.cka_cost` says when that is still the cheaper form.
    More replicates cost little, since the kernels are those of all samples.
    """

    def __init__(
        self,
        pairs: Iterable[tuple[int, int]],
        centres: ArrayLike,
        n_samples: int,
        samples: ArrayLike | None = None,
    ) -> None:
        self.centres = np.asarray(centres, dtype=np.float64)
        n_networks = len(self.centres)
        self.pairs: Pairs = checked_pairs(pairs, n_networks)
        held = np.ones((1, n_samples)) if samples is None else np.asarray(samples, dtype=np.float64)
        if held.shape[1:] != (n_samples,):
            raise ValueError(f"samples have shape (replicates, {n_samples}), got {held.shape}")
        self.samples = held
        self.n_added = 0
        self.product = np.zeros((len(self.pairs), len(held)))
        self.row_sums = np.zeros((n_networks, len(held), n_samples))
        self.diagonal = np.zeros((n_networks, n_samples))

    def update(self, rows: ArrayLike, start: int, others: ArrayLike | None = None, at: int = 0) -> None:
        """Add a tile.

        Parameters
        ----------
        rows : array_like of shape (n_networks, a, n_columns)
            Coefficients of consecutive samples.
        start : int
            Number of the first of them.
        others : array_like of shape (n_networks, b, n_columns), optional
            Coefficients of other samples; by default the tile is of `rows` with themselves.
        at : int
            Number of the first of `others`.

        Raises
        ------
        ValueError
            If a shape is not that of the centres, or samples fall outside of `n_samples` or overlap.
        """
        first = self._centred(rows, start)
        here = slice(start, start + first.shape[1])
        if others is None:
            self.diagonal[:, here] = np.einsum("nsc,nsc->ns", first, first)
            self._add(first, here, first, here, 1)
            return
        second = self._centred(others, at)
        there = slice(at, at + second.shape[1])
        if max(here.start, there.start) < min(here.stop, there.stop):
            raise ValueError(
                f"a tile is of samples apart or of one chunk with itself, got {here} and {there}"
            )
        self._add(first, here, second, there, 2)

    def _centred(self, rows: ArrayLike, start: int) -> NDArray[np.float64]:
        values = np.asarray(rows)
        (n_networks, n_columns), n_samples = self.centres.shape, self.samples.shape[1]
        if values.ndim != 3 or values.shape[::2] != (n_networks, n_columns):
            raise ValueError(
                f"rows have shape ({n_networks} networks, samples, {n_columns} columns), got {values.shape}"
            )
        if not 0 <= start <= n_samples - values.shape[1]:
            raise ValueError(f"samples are 0 to {n_samples - 1}, got {values.shape[1]} from {start} on")
        return np.asarray(np.subtract(values, self.centres[:, None], dtype=np.float64))

    def _add(
        self, first: NDArray[np.float64], here: slice, second: NDArray[np.float64], there: slice, times: int
    ) -> None:
        kernels = first @ second.transpose(0, 2, 1)
        self.n_added += times * kernels[0].size
        chosen, others = self.samples[:, here], self.samples[:, there]
        self.row_sums[:, :, here] += others @ kernels.transpose(0, 2, 1)
        if times == 2:
            self.row_sums[:, :, there] += chosen @ kernels
        product = np.empty(kernels.shape[1:])
        for pair, (x, y) in enumerate(self.pairs):
            np.multiply(kernels[x], kernels[y], out=product)
            self.product[pair] += times * np.einsum("rb,rb->r", chosen @ product, others)

    def merge(self, other: Grams) -> None:
        """Add the tiles of other sums, which stay as they are.

        Parameters
        ----------
        other : Grams
            Of the same pairs, centres and replicates, and of other tiles.

        Raises
        ------
        ValueError
            If they are of other pairs, centres or replicates.
        """
        same = self.pairs == other.pairs and np.array_equal(self.centres, other.centres, equal_nan=True)
        if not same or not np.array_equal(self.samples, other.samples):
            raise ValueError("sums of the same pairs, centres and replicates merge, got different ones")
        self.product += other.product
        self.row_sums += other.row_sums
        self.diagonal += other.diagonal
        self.n_added += other.n_added

    def hsic(self, *, unbiased: bool = False, constant: float = CONSTANT) -> NDArray[np.float64]:
        """Hilbert–Schmidt independence criterion with the linear kernel, by the form O(n_samples²).

        Parameters
        ----------
        unbiased : bool
            The estimator without bias, which may be below 0.
        constant : float
            As in :meth:`relusweep.tasks.comparison.moments.Moments.hsic`.

        Returns
        -------
        ndarray of shape (n_pairs, n_replicates), float64
            0 where the rows of one of the networks are the same.

        Raises
        ------
        ValueError
            If tiles are missing or came twice, or a replicate has fewer than 2 samples, or 4 where no bias
            is wanted.

        Notes
        -----
        Gretton et al. (2005), definition 2, and Song et al. (2012), equation 5, as in
        :meth:`relusweep.tasks.comparison.moments.Moments.hsic`.
        """
        n = checked_sizes(self.samples.sum(axis=1), unbiased)
        n_pairs = self.samples.shape[1] ** 2
        if self.n_added != n_pairs:
            raise ValueError(f"tiles hold {self.n_added} of {n_pairs} pairs of samples: add each tile once")
        value = np.empty_like(self.product)
        for pair, (x, y) in enumerate(self.pairs):
            of_x, of_y = self._sums(x, unbiased), self._sums(y, unbiased)
            ends, totals = np.einsum("rs,rs->r", of_x, of_y), of_x.sum(axis=1) * of_y.sum(axis=1)
            if unbiased:
                apart = self.product[pair] - self.samples @ (self.diagonal[x] * self.diagonal[y])
                value[pair] = apart - 2 / (n - 2) * ends + totals / ((n - 1) * (n - 2))
            else:
                value[pair] = self.product[pair] - 2 / n * ends + totals / n**2
        same = self._same(n, constant)
        x, y = np.transpose(self.pairs)
        return np.where(same[x] | same[y], 0.0, value / (n * (n - 3) if unbiased else (n - 1) ** 2))

    def _sums(self, network: int, unbiased: bool) -> NDArray[np.float64]:
        """Row sums of the kernels of each replicate, without the diagonal if unbiased."""
        own = self.diagonal[network] if unbiased else 0.0
        return np.asarray(self.samples * (self.row_sums[network] - own))

    def _same(self, n: NDArray[np.float64], constant: float) -> NDArray[np.bool_]:
        squares = self.diagonal @ self.samples.T
        spread = squares - np.einsum("rs,nrs->nr", self.samples, self.row_sums) / n
        size = np.einsum("nc,nc->n", self.centres, self.centres)[:, None] + squares / n
        return np.asarray(spread <= constant**2 * n * size)


def grams_memory(
    n_networks: int, n_samples: int, n_replicates: int, n_columns: int, n_rows: int, n_others: int
) -> int:
    """Most memory that one tile, or the HSIC of all, takes beside the chunks, the sums included.

    Parameters
    ----------
    n_networks, n_samples, n_replicates, n_columns : int
    n_rows, n_others : int
        Samples of each side of the tile.

    Returns
    -------
    int
        Bytes.

    Examples
    --------
    >>> grams_memory(14, 10_000, 1, 3073, 500, 500) / 2**20  # CIFAR-10
    359.41...
    """
    sums = n_samples * (n_networks * (n_replicates + 1) + n_replicates)
    tile = n_networks * ((n_rows + n_others) * (n_columns + n_replicates) + n_rows * n_others)
    tile += n_rows * n_others + n_replicates * n_others
    return 8 * (sums + max(tile, 7 * n_replicates * n_samples)) + CAST


def draw_halves(n_samples: int, n_replicates: int, stream: Stream) -> NDArray[np.bool_]:
    """Draw halves of the samples without replacement, one for each replicate.

    Parameters
    ----------
    n_samples, n_replicates : int
    stream : Stream
        A replicate is a trial of it: more replicates change no earlier one.

    Returns
    -------
    ndarray of shape (n_replicates, n_samples), bool
        ``n_samples // 2`` are true in each row.

    Notes
    -----
    A statistic of half the samples without replacement spreads as a bootstrap one of all of them: Buja and
    Stuetzle, *Observations on Bagging* (2006); Friedman and Hall, *On Bagging and Nonlinear Estimation*
    (2007). Here it is preferred because no sample comes twice: a sample paired with its own copy is the bias
    that the unbiased estimator is without.
    """
    words = stream.words(range(n_replicates), n_samples)
    order = np.argsort(words, axis=1, kind="stable")
    halves = np.zeros((n_replicates, n_samples), dtype=np.bool_)
    np.put_along_axis(halves, order[:, : n_samples // 2], True, axis=1)
    return halves


def interval(estimate: ArrayLike, replicates: ArrayLike, level: float = 0.95) -> NDArray[np.float64]:
    """Bounds of a statistic from its values on halves of the samples.

    Parameters
    ----------
    estimate : array_like of shape (...)
        The statistic of all samples.
    replicates : array_like of shape (..., n_replicates)
        The statistic of each half.
    level : float
        Share of the replicates between the bounds.

    Returns
    -------
    ndarray of shape (..., 2), float64
        Lower and upper bound: percentiles of the replicates, moved so that their mean is the estimate. Half
        the samples have twice the bias of all, which would otherwise move the interval off its estimate.

    Raises
    ------
    ValueError
        If the level is not between 0 and 1.

    Examples
    --------
    >>> interval(0.5, [0.625, 0.75, 0.875], level=0.5).tolist()
    [0.4375, 0.5625]
    """
    if not 0 < level < 1:
        raise ValueError(f"level is between 0 and 1, got {level}")
    values, centre = np.asarray(replicates, dtype=np.float64), np.asarray(estimate, dtype=np.float64)
    moved = values - values.mean(axis=-1, keepdims=True) + centre[..., None]
    return np.moveaxis(np.quantile(moved, [(1 - level) / 2, (1 + level) / 2], axis=-1), 0, -1)
