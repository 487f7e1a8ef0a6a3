"""Rank correlation and slopes: worked by hand, and held against SciPy."""

from __future__ import annotations

import numpy as np
import pytest

from relusweep.tasks.statistics.trends import slopes, spearman


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
