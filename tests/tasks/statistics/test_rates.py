"""Rates and their intervals: worked by hand, and held against what is published."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import binomtest

from relusweep.tasks.statistics import rates
from relusweep.tasks.statistics.rates import difference_interval, paired_difference_interval, wilson


def test_the_constant_is_the_quantile_of_the_normal_distribution() -> None:
    assert float(ndtri(0.975)) == rates._Z


def test_wilson_by_hand() -> None:
    """10 of 20: the interval of Brown, Cai and DasGupta (2001) is 0.5 ± 0.2007, worked by hand."""
    found = wilson([10, 0], [20, 0])
    np.testing.assert_allclose(found, [[0.5, np.nan], [0.2993, np.nan], [0.7007, np.nan]], atol=5e-5)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # R. G. Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17
    # (1998), 857-872, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_of_what_is_published(successes: int, trials: int, low: float, high: float) -> None:
    np.testing.assert_allclose(wilson(successes, trials)[1:], [low, high], atol=5e-5)


@given(st.integers(1, 300), st.data())
def test_wilson_equals_scipy(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    rate, low, high = wilson(successes, trials)
    expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose([low, high], [expected.low, expected.high], atol=1e-12)
    assert 0 <= low <= rate == successes / trials <= high <= 1


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    # R. G. Newcombe (1998), table II, examples (a) to (h), method 10: the second rate less the first.
    [
        ((48, 80), (56, 70), 0.0524, 0.3339),
        ((3, 10), (9, 10), 0.1705, 0.8090),
        ((2, 7), (6, 7), 0.0582, 0.8062),
        ((0, 29), (5, 56), -0.0381, 0.1926),
        ((0, 20), (0, 10), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((0, 20), (10, 10), 0.6791, 1.0000),
        ((0, 10), (10, 10), 0.6075, 1.0000),
    ],
)
def test_the_interval_of_independent_rates_is_newcombes(
    a: tuple[int, int], b: tuple[int, int], low: float, high: float
) -> None:
    found = difference_interval(*a, *b)
    np.testing.assert_allclose(found, (low, high), atol=5e-5)


@pytest.mark.parametrize(
    ("pairs", "low", "high"),
    # M. Fagerland, S. Lydersen, P. Laake, Statistical Analysis of Contingency Tables (2017), chapter 8, data
    # of Bentur et al. and of Cavo et al., "Newcombe square-and-add"; R's contingencytables. Theirs is the
    # first rate less the second.
    [((1, 1, 7, 12), 0.026, 0.507), ((59, 6, 16, 80), 0.0046, 0.1186)],
)
def test_the_interval_of_pairs_is_newcombes(pairs: tuple[int, ...], low: float, high: float) -> None:
    np.testing.assert_allclose(paired_difference_interval(*pairs), (low, high), atol=5e-4)


def test_intervals_of_pairs_hold_the_difference_as_often_as_they_say() -> None:
    draw, n, inside = np.random.default_rng(0), 60, []
    for both, a_alone, b_alone in ((0.5, 0.1, 0.2), (0.1, 0.05, 0.05), (0.8, 0.05, 0.01), (0.25, 0.25, 0.25)):
        counts = draw.multinomial(n, [both, a_alone, b_alone, 1 - both - a_alone - b_alone], 4000)
        low, high = paired_difference_interval(*counts.T)
        inside.append(np.mean((low <= b_alone - a_alone) & (b_alone - a_alone <= high)))
    assert min(inside) > 0.93
    assert max(inside) < 0.99


def test_pairs_that_have_nothing_to_do_with_one_another_are_as_independent() -> None:
    one = paired_difference_interval(12, 18, 8, 12)  # 12 · 12 = 18 · 8: not correlated
    other = difference_interval(30, 50, 20, 50)
    np.testing.assert_allclose(one, other)


@pytest.mark.parametrize("interval", [difference_interval, paired_difference_interval])
def test_an_interval_of_nothing_is_nan(interval) -> None:
    low, high = interval(0, 0, 0, 0)
    assert np.isnan(low)
    assert np.isnan(high)
