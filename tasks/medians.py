"""Medians with intervals, and tests of values of which only the order counts.

Losses span orders of magnitude, and differ by some of them. So no test depends on their scale: a loss and its
logarithm give the same p values. Everything works along the last axis and leaves out NaN; infinite values are
values. Tests give two-sided p values, intervals hold 95 %.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Median", "mann_whitney", "median", "median_difference"]

Floats = NDArray[np.float64]


class Median(NamedTuple):
    """A median, and the ends of its interval; each an array of the shape of the values but the last axis."""

    median: Floats
    low: Floats
    high: Floats


def median(values: ArrayLike) -> Median:
    """Estimate a median with its 95 % interval, whatever the distribution.

    Parameters
    ----------
    values : array_like of shape (..., n)

    Returns
    -------
    Median
        float64; NaN where there are no values. Fewer than six values bound nothing: there the interval is
        infinite.

    Notes
    -----
    The interval lies between two of the sorted values, and is that of the sign test: W. R. Thompson, On
    confidence ranges for the median and other expectation distributions for populations of unknown
    distribution form, Annals of Mathematical Statistics 7 (1936), 122-128.

    Examples
    --------
    >>> [float(value) for value in median([5, 1, 3, 2, 4, 6, 7])]
    [4.0, 1.0, 7.0]
    """
    from scipy.stats import binom

    known = np.sort(np.asarray(values, float), axis=-1)  # NaN last
    n = (~np.isnan(known)).sum(-1)
    beyond = binom.ppf(0.025, n, 0.5).astype(int)  # how many values lie outside at either end, and one more

    def at(place: NDArray[np.int64]) -> Floats:
        inside = np.clip(place, 0, np.maximum(n - 1, 0))
        found: Floats = np.take_along_axis(known, inside[..., None], axis=-1)[..., 0]
        return found

    below, above = at((n - 1) // 2), at(n // 2)
    with np.errstate(invalid="ignore"):
        middle = np.where(below == above, below, (below + above) / 2)
    low, high = np.where(beyond > 0, at(beyond - 1), -np.inf), np.where(beyond > 0, at(n - beyond), np.inf)
    return Median(middle, np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan))


def median_difference(a: Median, b: Median) -> Median:
    """Estimate the second median less the first, of independent values, with its 95 % interval.

    Notes
    -----
    The interval is made of those of the two: G. Y. Zou and A. Donner, Construction of confidence limits about
    effect measures: a general approach, Statistics in Medicine 27 (2008), 1693-1702.
    """
    with np.errstate(invalid="ignore"):
        difference = b.median - a.median
        low = difference - np.hypot(b.median - b.low, a.high - a.median)
        high = difference + np.hypot(b.high - b.median, a.median - a.low)
    return Median(difference, low, high)


def mann_whitney(a: ArrayLike, b: ArrayLike) -> Floats:
    """Test whether one of two groups of independent values tends to be larger.

    Parameters
    ----------
    a, b : array_like of shape (..., n_a), (..., n_b)

    Returns
    -------
    ndarray of shape (...)
        p values of the normal approximation, with corrections for ties and continuity; 1 where all values
        are equal or a group has none.

    Notes
    -----
    H. B. Mann and D. R. Whitney, On a test of whether one of two random variables is stochastically larger
    than the other, Annals of Mathematical Statistics 18 (1947), 50-60.
    """
    from scipy.special import ndtr
    from scipy.stats import rankdata

    one, other = np.asarray(a, float), np.asarray(b, float)
    values = np.concatenate([one, other], axis=-1)
    known = ~np.isnan(values)
    # Missing values rank behind all others, also behind infinite ones, and so change no other's rank.
    values = np.where(known, np.minimum(values, np.finfo(float).max), np.inf)
    rank = rankdata(values, axis=-1)
    tied = 2 * (rankdata(values, method="max", axis=-1) - rank) + 1
    of_b = known & (np.arange(values.shape[-1]) >= one.shape[-1])
    n, n_b = known.sum(-1), of_b.sum(-1)
    n_a = n - n_b
    apart = np.abs(np.where(of_b, rank, 0).sum(-1) - n_b * (n_b + 1) / 2 - n_a * n_b / 2)
    ties = np.where(known, tied**2 - 1, 0).sum(-1) / np.maximum(n * (n - 1), 1)
    variance = n_a * n_b / 12 * (n + 1 - ties)
    scale = np.sqrt(np.where(variance > 0, variance, np.inf))
    p: Floats = np.minimum(1.0, 2 * ndtr(-(apart - 0.5) / scale))
    return p
