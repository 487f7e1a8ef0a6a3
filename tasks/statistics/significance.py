"""Tests of two rates, whose p values are two-sided, and corrections of p values for their number."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.statistics.rates import Floats

__all__ = ["benjamini_hochberg", "fisher", "holm", "mantel_haenszel", "mcnemar"]


def mcnemar(a_alone: ArrayLike, b_alone: ArrayLike) -> Floats:
    """Test whether one of two succeeds more often, given pairs (McNemar's exact test).

    Parameters
    ----------
    a_alone, b_alone : array_like of int
        Pairs in which only the first, and only the second succeeded. If both are equally good, each of these
        pairs is one or the other with probability one half. Pairs that agree say nothing.

    Returns
    -------
    ndarray
        Two-sided p values.

    Notes
    -----
    Q. McNemar, Note on the sampling error of the difference between correlated proportions or percentages,
    Psychometrika 12 (1947), 153-157; exact by the binomial distribution.

    Examples
    --------
    >>> mcnemar([1, 0], [8, 0]).tolist()
    [0.0390625, 1.0]
    """
    from scipy.stats import binom

    one, other = np.asarray(a_alone), np.asarray(b_alone)
    p: Floats = np.minimum(1.0, 2 * binom.cdf(np.minimum(one, other), one + other, 0.5))
    return p


def fisher(right_a: ArrayLike, ran_a: ArrayLike, right_b: ArrayLike, ran_b: ArrayLike) -> Floats:
    """Test whether two rates of independent trials differ (Fisher's exact test).

    Parameters
    ----------
    right_a, ran_a, right_b, ran_b : array_like of int, of one shape
        How many succeeded, of how many, in either group.

    Returns
    -------
    ndarray
        Two-sided p values.

    Notes
    -----
    R. A. Fisher, The logic of inductive inference, Journal of the Royal Statistical Society 98 (1935), 39-82.

    Examples
    --------
    >>> fisher([3], [4], [1], [4]).round(4).tolist()
    [0.4857]
    """
    counts = np.stack(np.broadcast_arrays(right_a, ran_a, right_b, ran_b), axis=-1).astype(np.int64)
    k, n, m, o = counts.reshape(-1, 4).T
    margins, which = np.unique(np.stack([n, o, k + m]), axis=1, return_inverse=True)
    order = np.argsort(which, kind="stable")
    places = np.split(order, np.cumsum(np.bincount(which))[:-1]) if len(order) else []
    p = np.empty(len(order))
    for (of_a, of_b, right), place in zip(margins.T.tolist(), places, strict=True):
        p[place] = _fisher(of_a, of_b, right, k[place])
    return p.reshape(counts.shape[:-1])


def _fisher(n: int, o: int, right: int, k: NDArray[np.int64]) -> Floats:
    """Add up the probabilities of all tables of these margins that are no likelier than those with `k`."""
    from scipy.stats import hypergeom

    least = max(0, right - o)
    chances = hypergeom.pmf(np.arange(least, min(n, right) + 1), max(n + o, 1), n, right)
    ascending = np.sort(chances)
    as_likely = chances[k - least] * (1 + 1e-7)  # equal, whatever the rounding: R's fisher.test
    p: Floats = np.cumsum(ascending)[np.searchsorted(ascending, as_likely, side="right") - 1]
    return np.minimum(p, 1.0)


def mantel_haenszel(right_a: ArrayLike, ran_a: ArrayLike, right_b: ArrayLike, ran_b: ArrayLike) -> Floats:
    """Test whether the rates of two independent groups differ, over all strata together.

    Parameters
    ----------
    right_a, ran_a, right_b, ran_b : array_like of int, of shape (n_strata, ...)
        How many succeeded, of how many, in either group. Strata that one group lacks are left out.

    Returns
    -------
    ndarray of shape (...)
        p values of the Cochran-Mantel-Haenszel test with continuity correction; 1 where nothing can differ.

    Notes
    -----
    N. Mantel and W. Haenszel, Statistical aspects of the analysis of data from retrospective studies of
    disease, Journal of the National Cancer Institute 22 (1959), 719-748.
    """
    from scipy.stats import chi2

    k, n, m, o = (np.asarray(counts, float) for counts in (right_a, ran_a, right_b, ran_b))
    right, both = k + m, n + o
    counted = (n > 0) & (o > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.where(counted, n * right / both, 0.0)
        variance = np.where(counted, n * o * right * (both - right) / (both**2 * (both - 1)), 0.0).sum(0)
        apart = np.abs((np.where(counted, k, 0.0) - expected).sum(0))
        statistic = np.maximum(apart - 0.5, 0.0) ** 2 / variance
    return np.where(variance > 0, chi2.sf(np.where(variance > 0, statistic, 0.0), 1), 1.0)


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Correct p values for their number.

    Of all differences with a corrected value up to 5 %, at most 5 % are chance, on average. Where nothing
    differs at all, the chance that any value comes out that small is at most 5 %.

    Parameters
    ----------
    p : array_like of float
        One family of p values; NaN where nothing was tested.

    Returns
    -------
    ndarray of the same shape
        Corrected p values; NaN stays.

    Notes
    -----
    Y. Benjamini and Y. Hochberg, Controlling the false discovery rate, Journal of the Royal Statistical
    Society B 57 (1995), 289-300.
    """
    from scipy.stats import false_discovery_control

    values = np.array(p, float)
    tested = ~np.isnan(values)
    if tested.any():
        values[tested] = false_discovery_control(values[tested], method="bh")
    return values


def holm(p: ArrayLike) -> Floats:
    """Correct p values for their number, so that hardly ever even one is small by chance.

    Parameters
    ----------
    p : array_like of float
        One family of p values; NaN where nothing was tested.

    Returns
    -------
    ndarray of the same shape
        Corrected p values; NaN stays. The chance that any of those without a difference comes out at 5 % or
        less is at most 5 %, however the tests depend on one another.

    Notes
    -----
    S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6
    (1979), 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(4).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.array(p, float)
    tested = values[~np.isnan(values)]
    order = np.argsort(tested)
    multiplied = tested[order] * np.arange(len(tested), 0, -1)
    tested[order] = np.minimum(np.maximum.accumulate(multiplied), 1.0)
    values[~np.isnan(values)] = tested
    return values
