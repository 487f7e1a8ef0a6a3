"""Medians and rank tests: against SciPy, against all that can happen, and against chance."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, mannwhitneyu, quantile_test

from relusweep.tasks.medians import mann_whitney, median, median_difference

N = np.nan


def test_a_median_by_hand() -> None:
    """Two tails of 7 coins with all heads: 2 / 128 is below 5 %, and 16 / 128 with one tail is not."""
    found = median([[5, 1, 3, 2, 4, 6, 7], [1, N, 2, N, N, N, N], [N] * 7])
    np.testing.assert_array_equal(found.median, [4, 1.5, N])
    np.testing.assert_array_equal(found.low, [1, -np.inf, N])
    np.testing.assert_array_equal(found.high, [7, np.inf, N])


@given(st.integers(1, 60), st.integers(0, 20), st.integers(0, 2**32 - 1))
def test_the_interval_of_a_median_is_scipys(n: int, lacking: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=n)
    expected = quantile_test(values, p=0.5).confidence_interval(0.95)
    found = median(np.random.default_rng(seed).permutation([*values, *[N] * lacking]))
    assert found.median == pytest.approx(np.median(values), rel=1e-15)
    ends = np.array([expected.low, expected.high])
    np.testing.assert_array_equal([found.low, found.high], np.where(np.isnan(ends), [-np.inf, np.inf], ends))


def test_infinite_values_are_values() -> None:
    found = median([[np.inf] * 4 + [1.0] * 6, [np.inf] * 8 + [1.0] * 2])
    np.testing.assert_array_equal(found, [[1, np.inf], [1, 1], [np.inf, np.inf]])


def test_the_interval_of_a_median_holds_it_as_often_as_it_says() -> None:
    draw = np.random.default_rng(0)
    for n in (7, 20, 100):
        low, high = median(draw.lognormal(0, 3, (20_000, n)))[1:]
        assert 0.945 < np.mean((low <= 1) & (high >= 1)) < 0.985


def test_the_interval_of_a_difference_holds_it_as_often_as_it_says() -> None:
    draw = np.random.default_rng(0)
    for n, scale in ((20, 1), (100, 3)):
        a, b = (median(draw.normal(at, spread, (10_000, n))) for at, spread in ((0, 1), (2, scale)))
        _, low, high = median_difference(a, b)
        assert 0.95 < np.mean((low <= 2) & (high >= 2)) < 0.99


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_mann_whitney_equals_scipy(n_a: int, n_b: int, values: int, seed: int) -> None:
    """Also with ties, and whatever is missing."""
    draw = np.random.default_rng(seed)
    a, b = draw.integers(0, 4**values, n_a).astype(float), draw.integers(0, 4**values, n_b).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = mannwhitneyu(a, b, method="asymptotic").pvalue
    expected = 1.0 if len({*a, *b}) == 1 else expected
    missing = draw.permutation([*a, N, N])
    assert mann_whitney(missing, b) == pytest.approx(expected, rel=1e-12)
    assert mann_whitney(np.log(missing + 1), np.log(b + 1)) == pytest.approx(expected, rel=1e-12)


def test_mann_whitney_of_few_values_marks_nothing_that_counting_would_not() -> None:
    """Of 8 and 8 values, the exact test of SciPy counts all 12 870 orders."""
    draw = np.random.default_rng(0)
    a, b = draw.normal(0, 1, (2000, 8)), draw.normal(1, 1, (2000, 8))
    exact = mannwhitneyu(a, b, axis=-1, method="exact").pvalue
    found = mann_whitney(a, b)
    assert 500 < (exact <= 0.05).sum() < 1500
    assert (found >= exact)[exact <= 0.05].all()
    assert (found <= exact + 0.004).all()


def test_infinite_values_rank_last_but_before_what_is_missing() -> None:
    finite = mann_whitney([1, 2, 3, 9], [4, 5, 9, 6])
    assert mann_whitney([1, 2, 3, np.inf, N], [4, 5, np.inf, 6]) == finite


@pytest.mark.parametrize("values", [[N, N], [1.0, 1.0]])
def test_where_nothing_can_differ_mann_whitney_says_one(values: list[float]) -> None:
    assert mann_whitney(values, [1.0, 1.0]) == 1


def test_the_interval_of_a_median_and_the_sign_test_agree() -> None:
    """Of all signs of seven values without zeros: the interval leaves 0 out where p is at most 5 %."""
    signs = np.array([*product([-1, 1], repeat=7)])
    _, low, high = median(signs * np.arange(1, 8))
    p = [binomtest(int((row > 0).sum()), 7).pvalue for row in signs]
    np.testing.assert_array_equal((low > 0) | (high < 0), np.array(p) <= 0.05)
