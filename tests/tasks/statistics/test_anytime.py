"""The interval that holds at whatever number of trials one stops: exact coverage, and known bounds."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from relusweep.tasks.statistics import Rate, anytime, wilson


def missed_at_some_time(interval: object, rate: float, most: int) -> float:
    """Give the probability that one of the intervals after 1, 2, …, most trials leaves the rate out, exactly.

    The number of successes is followed trial by trial; what has left the rate out once is taken away.
    """
    going, missed = np.ones(1), 0.0
    for trials in range(1, most + 1):
        going = np.append(going * (1 - rate), 0.0) + np.append(0.0, going * rate)
        found: Rate = interval(np.arange(trials + 1), np.full(trials + 1, trials))  # type: ignore[operator]
        out = (found.low > rate) | (rate > found.high)
        missed += float(going[out].sum())
        going[out] = 0.0
    return missed


@pytest.mark.parametrize("rate", [0.002, 0.05, 0.3, 0.5])
def test_all_intervals_together_hold_the_rate(rate: float) -> None:
    assert 0 < missed_at_some_time(anytime, rate, 300) <= 0.05


def test_those_of_wilson_do_not() -> None:
    assert missed_at_some_time(wilson, 0.3, 300) > 0.3


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (3, 7), (10, 20), (99, 100), (0, 10_000)])
def test_ends_are_where_the_likelihood_ratio_is_twenty(successes: int, trials: int) -> None:
    """(n + 1) C(n, k) p^k (1 − p)^(n − k), in rational arithmetic, crosses 1/20 at either end."""
    _, low, high = (float(value) for value in anytime(successes, trials))

    def ratio(p: float) -> Fraction:
        exact = Fraction(p)
        ways = (trials + 1) * comb(trials, successes)
        return ways * exact**successes * (1 - exact) ** (trials - successes)

    for end, step in ((low, -1e-9), (high, 1e-9)):
        if 0 < end < 1:
            assert ratio(end + step) < Fraction(1, 20) < ratio(end - step)
    assert (low == 0) == (successes == 0)
    assert (high == 1) == (successes == trials)


def test_nothing_is_known_of_no_trials() -> None:
    assert np.isnan(anytime(0, 0)).all()
    assert anytime([[0, 1]], [[0, 2]]).low.shape == (1, 2)
