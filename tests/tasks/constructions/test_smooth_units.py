"""ReQU, Gaussian and logistic units."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from relusweep.tasks.constructions import TARGETS, build, check
from relusweep.tasks.constructions._differences import _derivative, _supremum
from relusweep.tasks.constructions._targets import derivative, supremum

_FUNCTIONS = {
    "sine": mpmath.sin,
    "exponential": lambda x: mpmath.exp(x - 1),
    "reciprocal": lambda x: 4 / (4 + x),
    "wave": lambda x: mpmath.sin(2 * mpmath.pi * x) / (2 * mpmath.pi) ** 3,
}
_UNITS = {"gaussian": lambda x: mpmath.exp(-x * x), "logistic": lambda x: 1 / (1 + mpmath.exp(-x))}


@pytest.mark.parametrize("target", TARGETS)
def test_derivatives_of_targets(target):
    with mpmath.workdps(60):
        for order in range(4):
            found = derivative(target, 3, (order,), (Fraction(3, 8),))
            oracle = mpmath.diff(_FUNCTIONS[target], mpmath.mpf(3) / 8, order)
            assert abs(mpmath.mpf(found.numerator) / found.denominator - oracle) < mpmath.mpf(10) ** -30
            assert abs(found) <= supremum(target, 3, order, Fraction(0), Fraction(1)) <= 1 + 1e-14
    mixed = derivative(target, 3, (1, 2), (Fraction(3, 8), Fraction(1, 8)))
    alone = [derivative(target, 3, (k,), (x,)) for k, x in ((1, Fraction(3, 8)), (2, Fraction(1, 8)))]
    assert mixed == alone[0] * alone[1]


@pytest.mark.parametrize("activation", _UNITS)
def test_derivatives_of_units(activation):
    place = {"gaussian": 0.5, "logistic": 1.0}[activation]
    with mpmath.workdps(60):
        for order in range(9):
            oracle = mpmath.diff(_UNITS[activation], place, order)
            assert float(_derivative(activation, order)) == pytest.approx(float(oracle), rel=1e-12)
            around = max(abs(mpmath.diff(_UNITS[activation], x, order)) for x in np.linspace(-3, 3, 13))
            assert around <= _supremum(activation, order)
    assert all(_derivative(activation, order) for order in range(60))


@pytest.mark.parametrize("q", [1, 2, 3, 5])
@pytest.mark.parametrize("d", [1, 2])
def test_requ_gives_polynomials_without_error(q, d):
    built = build("requ_polynomial", q=q, d=d, n=1, l=1, target="exponential")
    points = [[Fraction(i, 7), Fraction(6 - i, 11)][:d] for i in range(7)]
    assert built.error(points, "exact") == 0
    assert (built.width, built.depth) == (6 * d, q + d - 1)
    assert built.largest <= built.bound_parameters


@pytest.mark.parametrize(("q", "d"), [(1, 1), (3, 1), (5, 1), (2, 2)])
def test_splines_by_requ_keep_their_bounds(q, d):
    errors = {}
    for n in (1, 4, 9, 16):
        built = build("requ_spline", q=q, d=d, n=n, l=1, target="sine", exact=True)
        errors[n] = built.error(built.points(30), "exact")
        assert errors[n] <= built.bound_error
        assert built.width <= built.bounds.width
        assert built.depth <= built.bounds.depth
        assert built.largest <= built.bound_parameters <= 6
    assert errors[16] <= errors[4] * 2.0 ** (-2 * q / d)


@pytest.mark.parametrize("activation", _UNITS)
@pytest.mark.parametrize(("d", "n"), [(1, 1), (1, 2), (1, 5), (1, 12), (2, 9), (2, 30)])
def test_finite_differences_keep_their_bounds(activation, d, n):
    for q, target in ((1, "sine"), (2, "wave")):
        built = build(activation, q=q, d=d, n=n, l=1, target=target, exact=True)
        assert built.error(built.points(25), "exact") <= built.bound_error
        assert built.width <= built.bounds.width <= n
        assert built.depth == 1
        assert built.largest <= built.bound_parameters


@pytest.mark.parametrize("activation", _UNITS)
def test_their_parameters_grow_exponentially_and_leave_float64_behind(activation):
    largest = []
    for n in (11, 21, 31, 41):
        built = build(activation, q=2, d=1, n=n, l=1, target="wave", exact=True)
        largest.append(built.largest)
    assert np.diff(np.log(largest)).min() > 5
    points = built.points(15)
    assert built.error(points, "exact") <= built.bound_error < built.error(points, "float64")


@pytest.mark.parametrize("activation", _UNITS)
def test_exact_values_of_smooth_units(activation):
    built = build(activation, q=2, d=1, n=7, l=1, target="sine", exact=True)
    hidden, last = built.layers
    (found,) = built.evaluate([[Fraction(1, 3)]], "exact")
    with mpmath.workdps(50):
        total = mpmath.mpf(last.biases[0].numerator) / last.biases[0].denominator
        for row, bias, weight in zip(hidden.weights, hidden.biases, last.weights[0], strict=True):
            z = row[0] * Fraction(1, 3) + bias
            unit = _UNITS[activation](mpmath.mpf(z.numerator) / z.denominator)
            total += unit * weight.numerator / weight.denominator
        assert abs(mpmath.mpf(found.numerator) / found.denominator - total) < mpmath.mpf(10) ** -35


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"n": 2.5}, r"n of a construction has to be a whole number; got 2\.5"),
        ({"n": 400}, "n of the construction gaussian has to be at most 322 for d = 1"),
        ({"n": 10**6}, "at most 322"),
    ],
)
def test_what_has_no_bound_is_refused_at_once(over, said):
    with pytest.raises(ValueError, match=said):
        check("gaussian", **{"q": 1, "d": 1, "n": 2, "l": 1, "target": "sine"} | over, exact=True)


def test_whole_numbers_of_numpy_are_taken_for_those_of_python():
    setting = {"q": 1, "d": 1, "l": 3, "target": "sine"}
    assert check("step", n=np.int64(10**9), **setting) == check("step", n=10**9, **setting)


def test_parameters_beyond_float64_are_refused_before_they_are_built():
    setting = {"q": 4, "d": 1, "n": 301, "l": 1, "target": "wave"}
    with pytest.raises(
        OverflowError, match=r"the construction logistic pass the range of float64.*exact=True"
    ):
        check("logistic", **setting)
    assert check("logistic", **setting, exact=True).parameters > 10**308
    slow, fast = (
        check(name, **setting | {"n": 1, "l": 1100}, exact=True) for name in ("smooth", "smooth_unmodified")
    )
    assert float(slow.parameters) < 1e30
    assert fast.parameters == 2**1100
