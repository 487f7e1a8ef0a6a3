"""Rates of success, and intervals that hold 95 %: of a rate, and of the difference of two."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Floats", "Rate", "anytime", "difference_interval", "paired_difference_interval", "wilson"]

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
