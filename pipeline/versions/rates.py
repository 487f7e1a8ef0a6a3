"""Whether rates of success differ by more than chance: exact tests, corrected for their number."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import binom, chi2, false_discovery_control, fisher_exact

__all__ = ["FISHER", "MANTEL_HAENSZEL", "MCNEMAR", "TESTS", "adjusted", "fisher", "independent_interval"]
__all__ += ["mantel_haenszel", "mcnemar", "paired_interval"]

MCNEMAR, FISHER, MANTEL_HAENSZEL = 1, 2, 3
TESTS: Mapping[int, str] = {
    MCNEMAR: "McNemar, exact, paired by trial",
    FISHER: "Fisher, exact",
    MANTEL_HAENSZEL: "Cochran\N{EN DASH}Mantel\N{EN DASH}Haenszel, by problem",
}
_Z = float(ndtri(0.975))  # two-sided 95 %

Floats = NDArray[np.float64]


def mcnemar(a_alone: ArrayLike, b_alone: ArrayLike) -> Floats:
    """Test whether one of two succeeds more often, given pairs of which one of the two alone succeeded.

    Parameters
    ----------
    a_alone, b_alone : array_like of int
        Pairs in which only the first, and only the second succeeded. Where both are as likely to be the one,
        their number is binomial; pairs that agree say nothing.

    Returns
    -------
    ndarray
        Two-sided p values, exact.

    Examples
    --------
    >>> mcnemar([1, 0], [8, 0]).tolist()
    [0.0390625, 1.0]
    """
    one, other = np.asarray(a_alone), np.asarray(b_alone)
    p: Floats = np.minimum(1.0, 2 * binom.cdf(np.minimum(one, other), one + other, 0.5))
    return p


def fisher(right_a: ArrayLike, ran_a: ArrayLike, right_b: ArrayLike, ran_b: ArrayLike) -> Floats:
    """Test whether the rates of independent networks differ.

    Parameters
    ----------
    right_a, ran_a, right_b, ran_b : array_like of int, of one shape
        That succeeded, of how many.

    Returns
    -------
    ndarray
        Two-sided p values of Fisher's exact test.

    Examples
    --------
    >>> fisher([3], [4], [1], [4]).round(4).tolist()
    [0.4857]
    """
    counts = np.stack(np.broadcast_arrays(right_a, ran_a, right_b, ran_b), axis=-1)
    tables, which = np.unique(counts.reshape(-1, 4), axis=0, return_inverse=True)
    values = [fisher_exact([[k, n - k], [m, o - m]]).pvalue for k, n, m, o in tables.tolist()]
    return np.asarray(values, float)[which].reshape(counts.shape[:-1])


def mantel_haenszel(right_a: ArrayLike, ran_a: ArrayLike, right_b: ArrayLike, ran_b: ArrayLike) -> Floats:
    """Test whether the rates of independent networks differ, problem by problem taken together.

    Parameters
    ----------
    right_a, ran_a, right_b, ran_b : array_like of int, of shape (n_problems, ...)

    Returns
    -------
    ndarray of shape (...)
        p values of the test with correction for continuity; 1 where nothing can differ.

    Notes
    -----
    N. Mantel and W. Haenszel, Statistical aspects of the analysis of data from retrospective studies of
    disease, Journal of the National Cancer Institute 22 (1959), 719-748.
    """
    k, n, m, o = (np.asarray(counts, float) for counts in (right_a, ran_a, right_b, ran_b))
    right, both = k + m, n + o
    counted = (n > 0) & (o > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.where(counted, n * right / both, 0.0)
        variance = np.where(counted, n * o * right * (both - right) / (both**2 * (both - 1)), 0.0).sum(0)
        apart = np.abs((np.where(counted, k, 0.0) - expected).sum(0))
        statistic = np.maximum(apart - 0.5, 0.0) ** 2 / variance
    return np.where(variance > 0, chi2.sf(np.where(variance > 0, statistic, 0.0), 1), 1.0)


def adjusted(p: xr.DataArray) -> xr.DataArray:
    """Correct p values for their number after Benjamini and Hochberg; NaN, where nothing was tested, stays.

    Of all differences with a corrected value up to 5 %, chance makes at most 5 % on average; and where
    nothing differs at all, one or more come up in at most 5 % of the comparisons.
    """
    values = p.to_numpy().copy()
    tested = ~np.isnan(values)
    if tested.any():
        values[tested] = false_discovery_control(values[tested], method="bh")
    return p.copy(data=values)


def independent_interval(
    right_a: ArrayLike, ran_a: ArrayLike, right_b: ArrayLike, ran_b: ArrayLike
) -> tuple[Floats, Floats]:
    """Give the 95 % interval of the second rate less the first, of independent networks.

    Notes
    -----
    Made of two Wilson intervals: R. G. Newcombe, Interval estimation for the difference between independent
    proportions, Statistics in Medicine 17 (1998), 873-890, method 10.
    """
    return _interval(_counts(right_a, ran_a), _counts(right_b, ran_b), np.zeros(()))


def paired_interval(
    both: ArrayLike, a_alone: ArrayLike, b_alone: ArrayLike, neither: ArrayLike
) -> tuple[Floats, Floats]:
    """Give the 95 % interval of the second rate less the first, of pairs.

    Notes
    -----
    R. G. Newcombe, Improved confidence intervals for the difference between binomial proportions based on
    paired data, Statistics in Medicine 17 (1998), 2635-2650, method 10.
    """
    e, f, g, h = (np.asarray(counts, float) for counts in (both, a_alone, b_alone, neither))
    n = e + f + g + h
    product = e * h - f * g
    corrected = np.where(product > 0, np.maximum(product - n / 2, 0.0), product)
    scale = np.sqrt((e + f) * (g + h) * (e + g) * (f + h))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.where(scale > 0, corrected / scale, 0.0)
    return _interval((e + f, n), (e + g, n), correlation)


def _counts(right: ArrayLike, ran: ArrayLike) -> tuple[Floats, Floats]:
    return np.asarray(right, float), np.asarray(ran, float)


def _interval(
    a: tuple[Floats, Floats], b: tuple[Floats, Floats], correlation: Floats
) -> tuple[Floats, Floats]:
    (rate_a, low_a, high_a), (rate_b, low_b, high_b) = _wilson(*a), _wilson(*b)

    def reach(one: Floats, other: Floats) -> Floats:
        return np.sqrt(np.maximum(one**2 - 2 * correlation * one * other + other**2, 0.0))

    difference = rate_b - rate_a
    low = difference - reach(rate_b - low_b, high_a - rate_a)
    return low, difference + reach(high_b - rate_b, rate_a - low_a)


def _wilson(right: Floats, ran: Floats) -> tuple[Floats, Floats, Floats]:
    with np.errstate(invalid="ignore", divide="ignore"):
        n = np.where(ran > 0, ran, np.nan)
        rate, scale = right / n, 1 + _Z**2 / n
        centre, half = rate + _Z**2 / (2 * n), _Z * np.sqrt(rate * (1 - rate) / n + _Z**2 / (4 * n**2))
        return rate, np.minimum((centre - half) / scale, rate), np.maximum((centre + half) / scale, rate)
