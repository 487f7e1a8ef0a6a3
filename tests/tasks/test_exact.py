from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

from relusweep.tasks.exact import as_fractions, interior_point, maximise, null_space, rank, solve_affine


def test_floats_are_the_fractions_that_they_are():
    exact = as_fractions([[0.1, 1], [np.float32(0.5), Fraction(1, 3)]])
    assert exact.tolist() == [[Fraction(0.1), 1], [Fraction(1, 2), Fraction(1, 3)]]
    assert all(isinstance(value, Fraction) for value in exact.ravel())
    assert as_fractions(np.int64(3)).item() == 3


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match="exact methods need finite numbers"):
        as_fractions([0.0, value])


def test_solutions_are_a_point_and_directions():
    rng = np.random.default_rng(0)
    for m, n, r in [(3, 3, 3), (2, 5, 2), (4, 5, 2), (5, 3, 2), (3, 4, 0)]:
        A = as_fractions(rng.integers(-4, 5, (m, r)) @ rng.integers(-4, 5, (r, n))) / 7
        x = as_fractions(rng.integers(-9, 9, n)) / 5
        point, basis = solve_affine(A, A @ x)
        assert (A @ point == A @ x).all()
        assert (A @ basis.T == 0).all()
        assert rank(A) == r
        assert rank(basis) == len(basis) == n - r
        assert (null_space(A) == basis).all()


def test_equations_that_contradict_one_another():
    assert solve_affine([[1, 2], [2, 4]], [1, 3]) is None
    assert maximise([1], [[1]], [1], [[0]], [1]) is None


def random_programs():
    """Small programs, many of them degenerate, infeasible or unbounded."""
    rng = np.random.default_rng(1)
    for k in range(150):
        m, n = rng.integers(1, 9), rng.integers(1, 5)
        equal = (rng.integers(-2, 3, (1, n)), rng.integers(-1, 2, 1)) if k % 3 == 0 else (None, None)
        yield rng.integers(-3, 4, n), rng.integers(-3, 4, (m, n)), rng.integers(-2, 6, m), *equal


def test_optima_are_those_of_a_solver_in_floats():
    ends = {"infeasible": 0, "unbounded": 0, "optimal": 0}
    for c, A, b, A_eq, b_eq in random_programs():
        found = maximise(c, A, b, A_eq, b_eq)
        allows = linprog(0 * c, A, b, A_eq, b_eq, bounds=(None, None)).status == 0
        assert (found is not None) == allows
        if found is None:
            ends["infeasible"] += 1
            continue
        assert (A @ found.point <= b).all()
        assert A_eq is None or (A_eq @ found.point == b_eq).all()
        expected = linprog(-c, A, b, A_eq, b_eq, bounds=(None, None))
        if found.value == np.inf:
            ends["unbounded"] += 1
            assert expected.status in (2, 3, 4)  # HiGHS does not tell unbounded ones from infeasible ones
        else:
            ends["optimal"] += 1
            assert c @ found.point == found.value
            assert -expected.fun == pytest.approx(float(found.value), abs=1e-9)
    assert min(ends.values()) > 10


def test_interior_points_are_there_unless_nothing_is_inside():
    for _, A, b, A_eq, b_eq in random_programs():
        point = interior_point(A, b, A_eq, b_eq)
        # The largest common slack, in floats.
        m, n = A.shape
        rows = np.column_stack([A, np.ones(m)])
        equal = None if A_eq is None else np.column_stack([A_eq, [0]])
        bounds = [(None, None)] * n + [(None, 1)]
        most = linprog(-np.eye(n + 1)[-1], rows, b, equal, b_eq, bounds=bounds)
        if point is None:
            assert most.status == 2 or -most.fun < 1e-9
        else:
            assert (A @ point < b).all()
            assert A_eq is None or (A_eq @ point == b_eq).all()


def test_a_slab_thinner_than_floats_has_an_inside():
    thin = Fraction(1, 10**40)
    point = interior_point([[1, 1], [-1, -1]], [Fraction(1, 3) + thin, -Fraction(1, 3)])
    assert Fraction(1, 3) < point.sum() < Fraction(1, 3) + thin
    assert interior_point([[1, 1], [-1, -1]], [Fraction(1, 3), -Fraction(1, 3)]) is None
