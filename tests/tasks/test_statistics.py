"""The tests of rates: worked by hand, and held against chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import binomtest, false_discovery_control, fisher_exact

from relusweep.tasks import statistics
from relusweep.tasks.statistics import (
    benjamini_hochberg,
    difference_interval,
    fisher,
    holm,
    mantel_haenszel,
    mcnemar,
    paired_difference_interval,
    slopes,
    spearman,
    wilson,
)


def test_the_constant_is_the_quantile_of_the_normal_distribution() -> None:
    assert float(ndtri(0.975)) == statistics._Z


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


def test_mcnemar_of_what_is_published() -> None:
    # A. Agresti, Categorical Data Analysis (2002), table 10.1, approval of a prime minister: R's binom.test.
    # M. Fagerland et al., BMC Medical Research Methodology 13 (2013) 91, airways of children: 0.070, where
    # the mid-p test, which this is not, has 0.039.
    np.testing.assert_allclose(mcnemar([150, 1], [86, 7]), [3.716e-5, 0.0703], rtol=5e-4)


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


@given(st.lists(st.tuples(*[st.integers(0, 60)] * 4), min_size=1, max_size=20))
def test_fisher_equals_scipy(tables: list[tuple[int, int, int, int]]) -> None:
    k, wrong_a, m, wrong_b = np.transpose(tables)
    expected = [fisher_exact([[a, b], [c, d]]).pvalue for a, b, c, d in tables]
    np.testing.assert_allclose(fisher(k, k + wrong_a, m, m + wrong_b), expected, rtol=1e-10)


CLINICS = [(11, 25, 10, 27), (16, 4, 22, 10), (14, 5, 7, 12), (2, 14, 1, 16)]
CLINICS += [(6, 11, 0, 12), (1, 10, 0, 10), (1, 4, 1, 8), (4, 2, 6, 1)]


def test_fisher_of_what_is_published() -> None:
    # R. A. Fisher (1962), convictions of the twins of criminals: an example of R's fisher.test.
    assert fisher(2, 17, 10, 13) == pytest.approx(0.0005367, rel=1e-4)


@pytest.mark.parametrize(
    ("tables", "p"),
    [
        # A. Agresti, Categorical Data Analysis (2002), table 6.9: a cream and a control in eight clinics. R's
        # mantelhaen.test gives 5.6716 with correction for continuity; without it 6.3841, whose p is 0.0115.
        (CLINICS, 0.01724),
        # The same (1990), pages 231-237, of R's mantelhaen.test: penicillin, rabbits, five levels; 3.9286.
        ([(0, 6, 0, 5), (3, 3, 0, 6), (6, 0, 2, 4), (5, 1, 6, 0), (2, 0, 5, 0)], 0.04747),
    ],
)
def test_mantel_haenszel_of_what_is_published(tables: list[tuple[int, ...]], p: float) -> None:
    right_a, wrong_a, right_b, wrong_b = np.transpose(tables)
    found = mantel_haenszel(right_a, right_a + wrong_a, right_b, right_b + wrong_b)
    assert found == pytest.approx(p, abs=5e-6)


def test_mantel_haenszel_of_berkeley() -> None:
    """Admissions of men and women to six departments: R's mantelhaen.test gives 1.4269, p 0.2323."""
    men, men_of = [512, 353, 120, 138, 53, 22], [825, 560, 325, 417, 191, 373]
    women, women_of = [89, 17, 202, 131, 94, 24], [108, 25, 593, 375, 393, 341]
    assert mantel_haenszel(men, men_of, women, women_of) == pytest.approx(0.2323, abs=5e-5)
    # Taken together, without the departments, they would differ beyond any doubt.
    assert fisher(sum(men), sum(men_of), sum(women), sum(women_of)) < 1e-20


def test_mantel_haenszel_where_nothing_can_differ() -> None:
    assert mantel_haenszel([[5], [0]], [[5], [0]], [[5], [3]], [[5], [3]]).tolist() == [1.0]


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


def test_correction_is_benjaminis_and_hochbergs() -> None:
    """Their example of 15 (Journal of the Royal Statistical Society B 57 (1995), 289-300): four, at 5 %."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
    p += [0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    q = benjamini_hochberg(p)
    # R's p.adjust: 0.0278 has that of 0.0298, which is less than its own.
    expected = [0.0015, 0.0030, 0.0095, 0.035625, 0.0603, 0.063857, 0.063857, 0.0645, 0.0765]
    np.testing.assert_allclose(q[:9], expected, atol=5e-7)
    assert (q <= 0.05).sum() == 4


@pytest.mark.parametrize("p", [[0.03], [0.04, 0.04, 0.04], [1.0, 1.0], [0.0]])
def test_correction_of_one_and_of_equal_ones_changes_nothing(p: list[float]) -> None:
    np.testing.assert_array_equal(benjamini_hochberg(p), p)


def test_correction_leaves_out_what_was_not_tested() -> None:
    expected = false_discovery_control([0.01, 0.02, 0.9])
    np.testing.assert_allclose(
        benjamini_hochberg([0.01, np.nan, 0.02, 0.9]), [expected[0], np.nan, expected[1], expected[2]]
    )
    assert np.isnan(benjamini_hochberg([np.nan])).all()


def test_holm_by_hand() -> None:
    """Least times 4, next times 3, never less than the one before; R's p.adjust gives the same."""
    p = [0.01, 0.04, np.nan, 0.03, 0.005]
    np.testing.assert_allclose(holm(p), [0.03, 0.06, np.nan, 0.06, 0.02], rtol=1e-12)
    assert holm([[0.6], [0.7]]).tolist() == [[1.0], [1.0]]
    assert np.isnan(holm([np.nan])).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_holm_is_the_closed_test_of_all_groups(p: list[float]) -> None:
    """The largest, over all groups that hold a test, of the least p of the group times its size."""
    every = [[at for at in range(len(p)) if chosen >> at & 1] for chosen in range(1, 2 ** len(p))]
    expected = [max(min(1, len(g) * min(p[i] for i in g)) for g in every if at in g) for at in range(len(p))]
    np.testing.assert_allclose(holm(p), expected, rtol=1e-12)


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


def test_spearman_by_hand() -> None:
    """Ranks 1, 3, 4 and 1, 3, 2 of the three known: 1 - 6 · 2 / (3 · 8); without two values, nothing."""
    assert spearman(np.array([1, 5, 9, 2]), np.array([0.1, 0.9, 0.5, np.nan])) == pytest.approx(0.5)
    assert np.isnan(spearman(np.array([1, 1]), np.array([0.0, 1.0])))


def test_slopes_are_those_of_least_squares_with_intervals_of_scipy() -> None:
    from scipy.stats import linregress, t

    random = np.random.default_rng(5)
    x, y = random.normal(size=(2, 12))
    known = linregress(x, y)
    found = slopes([*y, np.nan, 1.0], [*x, 3.0, np.inf])
    half = t.ppf(0.975, 10) * known.stderr
    np.testing.assert_allclose(np.ravel(found), [known.slope, known.slope - half, known.slope + half])


def test_slopes_of_several_factors_are_those_of_the_normal_equations() -> None:
    random = np.random.default_rng(6)
    x, z, noise = random.normal(size=(3, 40))
    found = slopes(2 * x - 3 * z + noise, x, z)
    design = np.column_stack([x, z, np.ones(40)])
    exact = np.linalg.solve(design.T @ design, design.T @ (2 * x - 3 * z + noise))
    np.testing.assert_allclose(found.rate, exact[:2])
    assert (found.low < found.rate).all()
    assert (found.high > found.rate).all()


def test_slopes_that_points_do_not_determine_are_missing() -> None:
    assert np.isnan(slopes([1.0, 2.0, 3.0], [1.0, 1.0, 1.0]).rate).all()
    assert np.isnan(slopes([1.0], [2.0]).rate).all()
    exact = slopes([1.0, 2.0], [0.0, 1.0])
    assert exact.rate == pytest.approx([1.0])
    assert np.isnan(exact.low).all()
