"""The tests of rates: worked by hand, and held against chance."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.stats import false_discovery_control

from pipeline.comparison.rates import (
    adjusted,
    fisher,
    independent_interval,
    mantel_haenszel,
    mcnemar,
    paired_interval,
)


@pytest.mark.parametrize(
    ("a_alone", "b_alone", "p"),
    # Two tails of a binomial with one half: 2 (1 + 9) / 2^9, 2 / 2^5, 2 (1 + 10 + 45) / 2^10; none, and even.
    [(1, 8, 20 / 512), (5, 0, 2 / 32), (2, 8, 112 / 1024), (0, 0, 1.0), (4, 4, 1.0)],
)
def test_mcnemar_by_hand(a_alone: int, b_alone: int, p: float) -> None:
    assert mcnemar(a_alone, b_alone) == pytest.approx(p, rel=1e-12)
    assert mcnemar(b_alone, a_alone) == pytest.approx(p, rel=1e-12)


def test_fisher_by_hand() -> None:
    # The lady tasting tea: 3 of 4 against 1 of 4, (16 + 1 + 16 + 1) / 70; and 5 of 5 against none, 2 / 252.
    p = fisher([3, 5, 0], [4, 5, 9], [1, 0, 0], [4, 5, 9])
    np.testing.assert_allclose(p, [34 / 70, 2 / 252, 1.0], rtol=1e-12)
    assert fisher(np.full((2, 3), 3), 4, 1, 4).shape == (2, 3)


def test_mantel_haenszel_of_berkeley() -> None:
    """Admissions of men and women to six departments: R's mantelhaen.test gives 1.4269, p 0.2323."""
    men, men_of = [512, 353, 120, 138, 53, 22], [825, 560, 325, 417, 191, 373]
    women, women_of = [89, 17, 202, 131, 94, 24], [108, 25, 593, 375, 393, 341]
    assert mantel_haenszel(men, men_of, women, women_of) == pytest.approx(0.2323, abs=5e-5)
    # Taken together, without the departments, they would differ beyond any doubt.
    assert fisher(sum(men), sum(men_of), sum(women), sum(women_of)) < 1e-20


def test_mantel_haenszel_where_nothing_can_differ() -> None:
    assert mantel_haenszel([[5], [0]], [[5], [0]], [[5], [3]], [[5], [3]]).tolist() == [1.0]


def test_the_interval_of_independent_rates_is_newcombes() -> None:
    # R. G. Newcombe (1998), table II, example (a), method 10: 56/70 and 48/80.
    low, high = independent_interval(48, 80, 56, 70)
    assert (float(low), float(high)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_intervals_of_pairs_hold_the_difference_as_often_as_they_say() -> None:
    draw, n, inside = np.random.default_rng(0), 60, []
    for both, a_alone, b_alone in ((0.5, 0.1, 0.2), (0.1, 0.05, 0.05), (0.8, 0.05, 0.01), (0.25, 0.25, 0.25)):
        counts = draw.multinomial(n, [both, a_alone, b_alone, 1 - both - a_alone - b_alone], 4000)
        low, high = paired_interval(*counts.T)
        inside.append(np.mean((low <= b_alone - a_alone) & (b_alone - a_alone <= high)))
    assert min(inside) > 0.93
    assert max(inside) < 0.99


def test_pairs_that_have_nothing_to_do_with_one_another_are_as_independent() -> None:
    one = paired_interval(12, 18, 8, 12)  # 12 · 12 = 18 · 8: not correlated
    other = independent_interval(30, 50, 20, 50)
    np.testing.assert_allclose(one, other)


@pytest.mark.parametrize("interval", [independent_interval, paired_interval])
def test_an_interval_of_nothing_is_nan(interval) -> None:
    low, high = interval(0, 0, 0, 0)
    assert np.isnan(low)
    assert np.isnan(high)


def test_correction_leaves_out_what_was_not_tested() -> None:
    p = xr.DataArray([0.01, np.nan, 0.02, 0.9], dims="cell")
    expected = false_discovery_control([0.01, 0.02, 0.9])
    np.testing.assert_allclose(adjusted(p), [expected[0], np.nan, expected[1], expected[2]])
    assert adjusted(p[[1]]).isnull().all()


@pytest.mark.parametrize("test", ["mcnemar", "fisher"])
def test_where_nothing_differs_hardly_anything_is_marked(test: str) -> None:
    """Four hundred comparisons of sixty rates each: one or more marked in at most one of twenty."""
    draw = np.random.default_rng(1)
    rate = draw.random((1, 60))
    right = draw.binomial(1, rate[..., None], (2, 400, 60, 40))
    if test == "mcnemar":
        p = mcnemar((right[0] > right[1]).sum(-1), (right[1] > right[0]).sum(-1))
    else:
        p = fisher(right[0].sum(-1), 40, right[1].sum(-1), 40)
    marked = (false_discovery_control(p, axis=1) <= 0.05).any(1)
    assert marked.mean() < 0.05
