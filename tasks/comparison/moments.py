"""Sums over samples behind the comparison of networks, in one pass over chunks of their coefficients.

Chunks may come in any order and any size, and sums of separate chunks merge: all give the same moments up to
rounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.comparison._checks import (
    CAST,
    CONSTANT,
    Pairs,
    checked_chunk,
    checked_pairs,
    checked_sizes,
)

__all__ = ["Moments", "moments_memory"]


class _Higher(NamedTuple):
    spread: NDArray[np.float64]
    weighted: NDArray[np.float64]
    joint: NDArray[np.float64]


class Moments:
    """Means and centred cross moments of the coefficients of pairs of networks; of no samples at first.

    Parameters
    ----------
    pairs : iterable of (int, int)
        Networks (from, to), as places along the first axis of every chunk. Moments of (1, 0) are those of
        (0, 1) transposed: ask for one of them.
    n_networks, n_outputs, n_columns : int
        Shape of every chunk but for its samples. Columns are the gradient and the bias last: d + 1.

    Attributes
    ----------
    n_samples : int
        Rows summed so far.
    mean : ndarray of shape (n_networks, n_outputs, n_columns), float64
        Column means μ.
    cross : ndarray of shape (n_pairs, n_outputs, n_columns, n_columns), float64
        ``Σ (x − μ)(y − ν)ᵀ`` over samples, x of the first network and y of the second.
    spread : ndarray of shape (n_networks, n_outputs), float64
        ``Σ |x − μ|²``.
    weighted : ndarray of shape (n_pairs, 2, n_outputs, n_columns), float64
        ``Σ |x − μ|² (y − ν)`` and ``Σ |y − ν|² (x − μ)``.
    joint : ndarray of shape (n_pairs, n_outputs), float64
        ``Σ |x − μ|² |y − ν|²``, which the unbiased HSIC needs.

    Raises
    ------
    ValueError
        If a pair is of no network of the chunk, or comes twice.

    Notes
    -----
    Rows are centred at the mean of all samples seen so far, and sums move along when the mean moves: the
    update formulas of Chan, Golub and LeVeque, *Updating Formulae and a Pairwise Algorithm for Computing
    Sample Variances* (1979), continued to the fourth moment as in Pébay, *Formulas for Robust, One-Pass
    Parallel Computation of Covariances and Arbitrary-Order Statistical Moments* (2008). Nothing of the size
    of the mean is ever squared and subtracted again.

    All arithmetic is float64. With u = 2^-53, n samples and k updates and merges, an entry of `cross` is
    wrong by at most ``(n + 8 k) u Σ (|x − μ||y − ν| + |μ||y − ν| + |ν||x − μ|)``, to first order. Errors of
    rounding mostly cancel: √n is seen in place of n.

    A network with NaN or infinity among its coefficients spoils its own pairs only.

    Examples
    --------
    >>> moments = Moments([(0, 0)], n_networks=1, n_outputs=1, n_columns=2)
    >>> moments.update([[[[1.0, 5.0]], [[3.0, 5.0]]]])
    >>> moments.mean.tolist(), moments.cross.tolist()
    ([[[2.0, 5.0]]], [[[[2.0, 0.0], [0.0, 0.0]]]])
    """

    def __init__(
        self, pairs: Iterable[tuple[int, int]], n_networks: int, n_outputs: int, n_columns: int
    ) -> None:
        self.pairs: Pairs = checked_pairs(pairs, n_networks)
        self.n_samples = 0
        self.mean = np.zeros((n_networks, n_outputs, n_columns))
        self.cross = np.zeros((len(self.pairs), n_outputs, n_columns, n_columns))
        self.spread = np.zeros((n_networks, n_outputs))
        self.weighted = np.zeros((len(self.pairs), 2, n_outputs, n_columns))
        self.joint = np.zeros((len(self.pairs), n_outputs))

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
        values = checked_chunk(chunk, *self.mean.shape)
        n_networks, n_new, n_outputs, n_columns = values.shape
        if n_new == 0:
            return
        if self.n_samples == 0:
            self.mean[...] = values[:, 0]  # any point near the data: no sum depends on it yet
        rows = np.empty((n_networks, n_new + 1, n_columns))
        for j in range(n_outputs):
            new = rows[:, :-1]
            np.subtract(values[:, :, j], self.mean[:, None, j], out=new)
            step = new.sum(axis=1) / (self.n_samples + n_new)
            self._set_higher(j, self._higher_from(j, step))
            self.mean[:, j] += step
            new -= step[:, None]
            # one more row, and the product of the new ones also moves the cross moments to the new mean
            np.multiply(step, np.sqrt(self.n_samples), out=rows[:, -1])
            self._add(j, rows)
        self.n_samples += n_new

    def _add(self, j: int, rows: NDArray[np.float64]) -> None:
        new = rows[:, :-1]
        squares = np.einsum("nsc,nsc->ns", new, new)
        self.spread[:, j] += squares.sum(axis=1)
        for pair, (x, y) in enumerate(self.pairs):
            self.cross[pair, j] += rows[x].T @ rows[y]
            self.weighted[pair, 0, j] += squares[x] @ new[y]
            self.weighted[pair, 1, j] += squares[y] @ new[x]
            self.joint[pair, j] += squares[x] @ squares[y]

    def merge(self, other: Moments) -> None:
        """Add the samples of other moments, which stay as they are.

        Parameters
        ----------
        other : Moments
            Of the same pairs, and of other samples.

        Raises
        ------
        ValueError
            If they are of other pairs, or of another shape.
        """
        if (self.pairs, self.mean.shape) != (other.pairs, other.mean.shape):
            raise ValueError(
                "moments of the same pairs and of chunks of the same shape merge, got pairs "
                f"{self.pairs} and {other.pairs}, means of shape {self.mean.shape} and {other.mean.shape}"
            )
        if other.n_samples == 0:
            return
        if self.n_samples == 0:
            self.mean[...] = other.mean
        total = self.n_samples + other.n_samples
        for j in range(self.mean.shape[1]):
            apart = other.mean[:, j] - self.mean[:, j]
            step = apart * (other.n_samples / total)
            mine, theirs = self._higher_from(j, step), other._higher_from(j, step - apart)
            self._set_higher(j, _Higher(*(a + b for a, b in zip(mine, theirs, strict=True))))
            self.mean[:, j] += step
            for pair, (x, y) in enumerate(self.pairs):
                self.cross[pair, j] += np.outer(self.n_samples * step[x], apart[y])
                self.cross[pair, j] += other.cross[pair, j]
        self.n_samples = total

    def _higher_from(self, j: int, step: NDArray[np.float64]) -> _Higher:
        """Moments of one output about its mean moved by a step, all but the cross moments."""
        n, spread, joint = self.n_samples, self.spread[:, j], self.joint[:, j].copy()
        weighted = self.weighted[:, :, j].copy()
        far = np.einsum("nc,nc->n", step, step)
        for pair, (x, y) in enumerate(self.pairs):
            of_y, of_x = self.weighted[pair, :, j]
            across, back = self.cross[pair, j] @ step[y], step[x] @ self.cross[pair, j]
            joint[pair] += step[x] @ (4 * across - 2 * of_x) - 2 * (step[y] @ of_y)
            joint[pair] += far[y] * spread[x] + far[x] * spread[y] + n * far[x] * far[y]
            weighted[pair, 0] -= (spread[x] + n * far[x]) * step[y] + 2 * back
            weighted[pair, 1] -= (spread[y] + n * far[y]) * step[x] + 2 * across
        return _Higher(spread + n * far, weighted, joint)

    def _set_higher(self, j: int, higher: _Higher) -> None:
        self.spread[:, j], self.weighted[:, :, j], self.joint[:, j] = higher

    def second(self, pair: tuple[int, int]) -> NDArray[np.float64]:
        """Second moments that are not centred, ``Σ x yᵀ``.

        Parameters
        ----------
        pair : (int, int)
            One of the pairs, or one of them turned round.

        Returns
        -------
        ndarray of shape (n_outputs, n_columns, n_columns), float64

        Raises
        ------
        ValueError
            If the pair was not summed.
        """
        x, y = pair
        if pair in self.pairs:
            centred = self.cross[self.pairs.index(pair)]
        elif (y, x) in self.pairs:
            centred = self.cross[self.pairs.index((y, x))].transpose(0, 2, 1)
        else:
            raise ValueError(f"sums are of the pairs {self.pairs}, got {pair}")
        means = self.mean[x][:, :, None] * self.mean[y][:, None, :]
        return np.asarray(centred + self.n_samples * means)

    def hsic(self, *, unbiased: bool = False, constant: float = CONSTANT) -> NDArray[np.float64]:
        """Hilbert–Schmidt independence criterion with the linear kernel, by the form O(n_columns²).

        Parameters
        ----------
        unbiased : bool
            The estimator without bias, which may be below 0; else ``|Σ (x − μ)(y − ν)ᵀ|²_F / (n − 1)²``.
        constant : float
            Rows of a network are taken to be the same where their root mean square distance from their mean
            is at most this share of their size. The default is for coefficients in float32; those in float16
            need 2^-9.

        Returns
        -------
        ndarray of shape (n_pairs, n_outputs), float64
            0 where the rows of one of the networks are the same.

        Raises
        ------
        ValueError
            If there are fewer than 2 samples, or 4 where no bias is wanted.

        Notes
        -----
        Gretton, Bousquet, Smola and Schölkopf, *Measuring Statistical Dependence with Hilbert–Schmidt Norms*
        (2005), definition 2; Song, Smola, Gretton, Bedo and Borgwardt, *Feature Selection via Dependence
        Maximization* (2012), equation 5, in which the rows of the two kernel matrices are sums over centred
        samples.
        """
        n = checked_sizes(np.array(self.n_samples), unbiased)
        x, y = np.transpose(self.pairs)
        value = np.einsum("pjcd,pjcd->pj", self.cross, self.cross)
        if unbiased:
            spreads = self.spread[x] * self.spread[y]
            value += spreads / ((n - 1) * (n - 2)) - self.joint * (n / (n - 2))
        size = np.einsum("njc,njc->nj", self.mean, self.mean) + self.spread / n
        same = self.spread <= constant**2 * n * size
        return np.where(same[x] | same[y], 0.0, value / (n * (n - 3) if unbiased else (n - 1) ** 2))


def moments_memory(n_networks: int, n_samples: int, n_outputs: int, n_columns: int, n_pairs: int) -> int:
    """Most memory that one update takes beside the chunk itself, the moments included.

    Parameters
    ----------
    n_networks, n_samples, n_outputs, n_columns : int
        Shape of the chunk.
    n_pairs : int

    Returns
    -------
    int
        Bytes. A merge takes no more beside the two moments.

    Examples
    --------
    >>> moments_memory(14, 500, 1, 785, 105) / 2**20  # one output of all pairs of 14 networks of MNIST
    544.85...
    """
    means = n_networks * n_outputs * n_columns
    columns = n_pairs * n_outputs * n_columns
    sums = columns * (n_columns + 2) + means + n_pairs * n_outputs + n_networks * n_outputs
    moving = 4 * n_pairs * n_columns + 4 * n_networks * n_columns
    adding = n_networks * (n_samples + 1) * (n_columns + 1) + n_columns**2
    return 8 * (sums + moving + adding) + CAST
