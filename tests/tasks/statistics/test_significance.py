"""The tests of rates: worked by hand, and held against chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, fisher_exact

from relusweep.tasks.statistics.significance import benjamini_hochberg, fisher, holm, mantel_haenszel, mcnemar


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
