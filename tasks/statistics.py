"""Statistics of success: intervals of rates, tests of two rates, their correction, and rank correlation.

Everything works element by element on arrays of counts. Tests give two-sided p values, intervals hold 95 %.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Rate",
    "anytime",
    "benjamini_hochberg",
    "difference_interval",
    "fisher",
    "holm",
    "mantel_haenszel",
    "mcnemar",
    "paired_difference_interval",
    "slopes",
    "spearman",
    "wilson",
]

_Z = 1.959963984540054  # scipy.special.ndtri(0.975), without the time that importing SciPy takes

_LEVEL, _HALVINGS = 0.95, 60

Floats = NDArray[np.float64]


class Rate(NamedTuple):
    """A share of successes, and the ends of its interval; each an array of the shape of the counts."""

    rate: Floats
    low: Floats
    high: Floats


def wilson(successes: ArrayLike, trials: ArrayLike) -> Rate:
    """Estimate a rate with its 95 % Wilson interval.

    Parameters
    ----------
    successes, trials : array_like of int
        How many succeeded, of how many.

    Returns
    -------
    Rate
        float64; NaN where there was no trial.

    Notes
    -----
    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927),
    209-212; in the form of L. D. Brown, T. T. Cai and A. DasGupta, Interval estimation for a binomial
    proportion, Statistical Science 16 (2001), 101-133.

    Examples
    --------
    >>> [float(value.round(4)) for value in wilson(10, 20)]
    [0.5, 0.2993, 0.7007]
    """
    n = np.where(np.asarray(trials) > 0, trials, np.nan)
    rate = np.asarray(successes) / n
    scale = 1 + _Z**2 / n
    centre = (rate + _Z**2 / (2 * n)) / scale
    half = _Z * np.sqrt(rate * (1 - rate) / n + _Z**2 / (4 * n**2)) / scale
    # Whatever the rounding, the interval holds the rate and lies in [0, 1].
    return Rate(rate, np.clip(centre - half, 0, rate), np.clip(centre + half, rate, 1))


def anytime(successes: ArrayLike, trials: ArrayLike) -> Rate:
    """Estimate a rate with a 95 % interval that holds at whatever number of trials one stops.

    Wilson's is for a number fixed beforehand. Of these intervals, one for every number of trials, all hold
    the rate together with a probability of at least 95 %: they are a confidence sequence. So one may look
    after each trial, and stop for whatever reason.

    Parameters
    ----------
    successes, trials : array_like of int
        How many succeeded, of how many so far.

    Returns
    -------
    Rate
        float64; NaN where there was no trial.

    Notes
    -----
    It holds all p with (n + 1) C(n, k) pᵏ (1 − p)ⁿ⁻ᵏ > 0.05 for k successes in n trials. The inverse of the
    left side, the likelihood of all rates, each as likely beforehand, divided by that of p, is a martingale
    that begins at 1, and exceeds 20 at some time with a probability of at most 1/20 (Ville). H. Robbins,
    Statistical methods related to the law of the iterated logarithm, Annals of Mathematical Statistics 41
    (1970), 1397-1409.

    Examples
    --------
    >>> [float(value.round(4)) for value in anytime(10, 20)]
    [0.5, 0.2043, 0.7957]
    """
    from scipy.special import gammaln, xlog1py, xlogy

    n = np.where(np.asarray(trials) > 0, trials, np.nan).astype(float)
    k = np.asarray(successes, float)
    rate = k / n
    constant = gammaln(n + 2) - gammaln(k + 1) - gammaln(n - k + 1) - np.log(1 - _LEVEL)

    def end(outside: float) -> Floats:
        out, inside = np.full_like(rate, outside), rate
        for _ in range(_HALVINGS):
            middle = (out + inside) / 2
            holds = constant + xlogy(k, middle) + xlog1py(n - k, -middle) > 0
            inside, out = np.where(holds, middle, inside), np.where(holds, out, middle)
        return np.asarray(np.where(np.isnan(rate) | (rate == outside), rate, out))

    return Rate(rate, end(0.0), end(1.0))


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


def difference_interval(
    right_a: ArrayLike, ran_a: ArrayLike, right_b: ArrayLike, ran_b: ArrayLike
) -> tuple[Floats, Floats]:
    """Give the 95 % interval of the second rate less the first, of independent trials.

    Parameters
    ----------
    right_a, ran_a, right_b, ran_b : array_like of int
        How many succeeded, of how many, in either group.

    Returns
    -------
    low, high : ndarray
        NaN where a group has no trial.

    Notes
    -----
    Made of two Wilson intervals: R. G. Newcombe, Interval estimation for the difference between independent
    proportions, Statistics in Medicine 17 (1998), 873-890, method 10.
    """
    return _newcombe(wilson(right_a, ran_a), wilson(right_b, ran_b), np.zeros(()))


def paired_difference_interval(
    both: ArrayLike, a_alone: ArrayLike, b_alone: ArrayLike, neither: ArrayLike
) -> tuple[Floats, Floats]:
    """Give the 95 % interval of the second rate less the first, of pairs.

    Parameters
    ----------
    both, a_alone, b_alone, neither : array_like of int
        Pairs by which of the two succeeded.

    Returns
    -------
    low, high : ndarray
        NaN where there is no pair.

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
    return _newcombe(wilson(e + f, n), wilson(e + g, n), correlation)


def _newcombe(a: Rate, b: Rate, correlation: Floats) -> tuple[Floats, Floats]:
    def reach(one: Floats, other: Floats) -> Floats:
        return np.sqrt(np.maximum(one**2 - 2 * correlation * one * other + other**2, 0.0))

    difference = b.rate - a.rate
    low = difference - reach(b.rate - b.low, a.high - a.rate)
    return low, difference + reach(b.high - b.rate, a.rate - a.low)


def spearman(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Compute Spearman's rank correlation; pairs with NaN are left out.

    Parameters
    ----------
    x, y : ndarray of shape (n,)
        Values tie only where they are equal in every bit: round them first.

    Returns
    -------
    float
        NaN where all of `x`, or all of `y`, are equal.

    Notes
    -----
    C. Spearman, The proof and measurement of association between two things, American Journal of Psychology
    15 (1904), 72-101.

    Examples
    --------
    >>> spearman(np.array([1.0, 2.0, 3.0, np.nan]), np.array([0.1, 0.3, 0.2, 0.0]))
    0.5
    """
    from scipy.stats import spearmanr

    known = ~(np.isnan(x) | np.isnan(y))
    x, y = x[known], y[known]
    if len(np.unique(x)) < 2 or len(np.unique(y)) < 2:
        return np.nan
    return float(spearmanr(x, y).statistic)


def slopes(values: ArrayLike, *factors: ArrayLike) -> Rate:
    """Fit a constant and a slope for each factor by least squares; of logarithms, slopes are exponents.

    Parameters
    ----------
    values : array_like of shape (n,)
    *factors : array_like of shape (n,)
        Points at which something is not finite are left out.

    Returns
    -------
    Rate
        The slopes and the ends of their 95 % intervals, each of shape (n_factors,): by Student's t, as if
        deviations from the line were independent draws. NaN where points do not determine a slope, intervals
        also where none is left over to tell how far points lie off.

    Examples
    --------
    >>> import numpy as np
    >>> n = np.array([1.0, 2.0, 4.0, 8.0])
    >>> slopes(np.log(3 * n**2), np.log(n)).rate.round(6).tolist()
    [2.0]
    """
    y, x = np.asarray(values, float), np.array(factors, float).T
    known = np.isfinite(y) & np.isfinite(x).all(axis=1)
    y, x = y[known], x[known]
    nothing = np.full(x.shape[1], np.nan)
    if len(y) <= x.shape[1] or np.linalg.matrix_rank(x - x.mean(axis=0)) < x.shape[1]:
        return Rate(nothing, nothing, nothing)
    deviations = x - x.mean(axis=0)
    found = np.linalg.lstsq(deviations, y - y.mean())[0]
    left = len(y) - x.shape[1] - 1
    if not left:
        return Rate(found, nothing, nothing)
    from scipy.stats import t

    rest = y - y.mean() - deviations @ found
    errors = np.sqrt(np.diag(np.linalg.inv(deviations.T @ deviations)) * (rest @ rest) / left)
    half = float(t.ppf(0.975, left)) * errors
    return Rate(found, found - half, found + half)
