"""Squares, products, monomials and steps: errors and sizes, in rational arithmetic."""

import math
from fractions import Fraction
from itertools import product as each

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relusweep.tasks.constructions import build
from relusweep.tasks.constructions.monomial import monomial
from relusweep.tasks.constructions.product import product, product_error
from relusweep.tasks.constructions.square import square, square_error, teeth
from relusweep.tasks.constructions.step import digits, step
from tests.tasks.constructions.networks import run, thirds

_unit = st.fractions(0, 1, max_denominator=1000)
_small = st.integers(1, 4)


@pytest.mark.parametrize(("n", "l"), [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 1), (3, 2), (6, 1)])
def test_squares_are_interpolated_between_all_knots(n, l):
    network = square(n, l)
    pieces = 2 ** (teeth(n) * l)
    for i in range(pieces):
        knot, middle = Fraction(i, pieces), Fraction(2 * i + 1, 2 * pieces)
        assert run(network, [knot]) == [knot**2]
        assert run(network, [middle]) == [middle**2 + square_error(n, l)]
    assert run(network, [1]) == [1]


@pytest.mark.parametrize("n", range(1, 40))
def test_a_square_has_the_size_and_error_of_the_lemma(n):
    for l in (1, 2, 5):
        network = square(n, l)
        assert network.width <= 3 * n
        assert network.depth == l
        assert square_error(n, l) <= Fraction(1, n**l)
        assert max(map(abs, network.parameters())) <= 6 * n


@given(_unit, _unit, _small, _small)
def test_products(x, y, n, l):
    network = product(n, l)
    (found,) = run(network, [x, y])
    assert abs(found - x * y) <= product_error(n, l) <= Fraction(2, n**l)
    assert network.width <= 9 * n
    assert network.depth == l


def test_the_error_of_a_product_is_taken():
    found = max(abs(run(product(1, 2), [x, y])[0] - x * y) for x, y in each(thirds(8), repeat=2))
    assert product_error(1, 2) / 2 < found <= product_error(1, 2)


@given(st.lists(st.integers(0, 1), min_size=1, max_size=4), _unit, _unit, _small, st.integers(1, 2))
def test_monomials(factors, x, y, n, l):
    found, *inputs = run(monomial(factors, 2, n, l), [x, y])
    assert inputs == [x, y]
    assert 0 <= found <= 1
    error = abs(found - math.prod((x, y)[factor] for factor in factors))
    assert error <= (len(factors) - 1) * product_error(n, l)


@given(st.integers(1, 40), st.integers(2, 5), st.fractions(Fraction(1, 50), Fraction(49, 50)), st.data())
def test_steps_are_exact_on_flats(count, base, share, data):
    ramp = share / count
    network = step(count, base, ramp)
    k = data.draw(st.integers(0, count - 1))
    end = Fraction(1) if k == count - 1 else Fraction(k + 1, count) - ramp
    inside = data.draw(st.fractions(Fraction(k, count), end))
    for x in (Fraction(k, count), inside, end):
        assert run(network, [x]) == [k]
    assert network.width <= 2 * base
    assert network.depth == (1 + digits(count, base) if count > 1 else 0)


def test_the_last_step_is_flat_behind_a_wide_ramp():
    assert run(step(26, 2, Fraction(49, 50) / 26), [Fraction(1)]) == [25]


def test_a_step_goes_up_on_its_ramp():
    network = step(6, 3, Fraction(1, 60))
    (found,) = run(network, [Fraction(1, 3) - Fraction(1, 240)])
    assert found not in (1, 2)


@pytest.mark.parametrize("name", ["square", "product", "monomial", "step"])
def test_lemmas_keep_their_bounds(name):
    for n, l, q, d in each((1, 2, 3), (1, 2), (1, 3), (1, 2)):
        built = build(name, q=q, d=d, n=n, l=l, target="sine")
        points = built.points(30)
        assert built.error(points, "exact") <= built.bound_error
        assert built.width <= built.bounds.width
        assert built.depth <= built.bounds.depth
        assert built.largest <= built.bound_parameters
