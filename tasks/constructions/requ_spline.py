"""Splines on ⌊N^(1/d)⌋ cells along each variable, by ReQU units: error O(N^(-q/d)), parameters bounded."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product as each

from relusweep.tasks.constructions._circuits import Circuit, Form, Network
from relusweep.tasks.constructions._recipes import Bounds, Recipe, Setting, cube
from relusweep.tasks.constructions._targets import derivative, supremum
from relusweep.tasks.constructions._taylor import target_value

__all__ = ["RECIPE"]


def _degree(q: int) -> int:
    """Give the least power of two that is at least ``q - 1``, and 2 at least: squares of squares give it."""
    return max(2, 1 << (q - 2).bit_length() if q > 1 else 2)


def _cells(s: Setting) -> int:
    return s.n if s.d == 1 else math.isqrt(s.n)


def _network(s: Setting) -> Network:
    degree, count = _degree(s.q), _cells(s)
    circuit = Circuit(s.d)
    powers = _powers(circuit, degree, count)
    splines = [_splines(circuit, powers[j :: s.d], degree, count) for j in range(s.d)]
    first = range(-degree, count)
    coefficients = [_coefficient(s, k, degree, count) for k in each(first, repeat=s.d)]
    if s.d == 2:
        pairs = list(each(*splines))
        units = circuit.units([form for a, b in pairs for form in (a + b, a - b, b - a)])
        products = [
            Fraction(1, 4) * (units[i] - units[i + 1] - units[i + 2]) for i in range(0, len(units), 3)
        ]
        return circuit.network([circuit.combination(products, coefficients)])
    return circuit.network([circuit.combination(splines[0], coefficients)])


def _powers(circuit: Circuit, degree: int, count: int) -> list[Form]:
    """Give ``max(count x - m, 0)^degree`` for m from -degree to count - 1, and each input x.

    By ``4 y = σ(y + 1) + σ(-y - 1) - σ(y - 1) - σ(1 - y)`` a layer multiplies by 4 at most, with weights of 1
    at most: so no parameter grows with the number of cells.
    """
    forms = [x - Fraction(m, count) for m in range(-degree, count) for x in circuit.signals]
    scale = 1
    while scale < count:
        factor = min(Fraction(1), Fraction(count, 4 * scale))
        units = circuit.units([side for y in forms for side in (y + 1, -y - 1, y - 1, 1 - y)])
        forms = [
            factor * (units[i] + units[i + 1] - units[i + 2] - units[i + 3]) for i in range(0, len(units), 4)
        ]
        scale *= 4
    for _ in range(degree.bit_length() - 1):
        forms = circuit.units(forms)
    return forms


def _splines(circuit: Circuit, powers: list[Form], degree: int, count: int) -> list[Form]:
    """Give the B-splines that begin at knots -degree to count - 1, as far as they reach into [0, 1]."""
    weights = [
        Fraction((-1) ** i * math.comb(degree + 1, i), math.factorial(degree)) for i in range(degree + 2)
    ]
    # Powers that begin beyond 1 are zero on [0, 1], and left out.
    return [circuit.combination(powers[k : k + degree + 2], weights) for k in range(degree + count)]


def _coefficient(s: Setting, knots: tuple[int, ...], degree: int, count: int) -> Fraction:
    """Give the coefficient of a B-spline, so that polynomials of its degree are given back.

    By derivatives at the middle of the B-spline, as the B-spline is a density of a sum of uniform numbers:
    the operator ``(sinh(D/2) / (D/2))^(degree + 1)`` of the derivative D has to be undone.
    """
    centre = [(k + Fraction(degree + 1, 2)) / count for k in knots]
    total = Fraction(0)
    for orders in each(range(0, degree + 1, 2), repeat=s.d):
        factor = math.prod(_inverse(degree)[r // 2] / count**r for r in orders)
        total += factor * derivative(s.target, s.q, orders, centre)
    return total


def _inverse(degree: int) -> list[Fraction]:
    """Give the coefficients of D^0, D^2, … D^degree in ``((D/2) / sinh(D/2))^(degree + 1)``."""
    terms = degree // 2 + 1
    hyperbolic = [Fraction(1, 4**i * math.factorial(2 * i + 1)) for i in range(terms)]
    inverse = [Fraction(1)]
    for i in range(1, terms):
        inverse.append(-_convolved(hyperbolic[1:], inverse, i - 1))
    power = [Fraction(1)] + [Fraction(0)] * (terms - 1)
    for _ in range(degree + 1):
        power = [_convolved(power, inverse, i) for i in range(terms)]
    return power


def _convolved(a: list[Fraction], b: list[Fraction], i: int) -> Fraction:
    return sum((a[j] * b[i - j] for j in range(i + 1)), start=Fraction(0))


def _bounds(s: Setting) -> Bounds:
    """Bound the error by what B-splines make of the remainder after a Taylor polynomial of their degree."""
    degree, count = _degree(s.q), _cells(s)
    reach = Fraction(degree - 1, 2 * count)
    suprema = [supremum(s.target, s.q, r, -reach, 1 + reach) for r in range(degree + 2)]
    inverse = [abs(float(c)) for c in _inverse(degree)]
    spread = [
        c * ((degree + 1) / 2) ** (degree + 1 - 2 * i) / math.factorial(degree + 1 - 2 * i)
        for i, c in enumerate(inverse)
    ]
    of_one = suprema[-1] * float(count) ** -(degree + 1) * sum(spread)
    coefficient = sum(c * suprema[2 * i] / float(count) ** (2 * i) for i, c in enumerate(inverse))
    scalings = next(m for m in range(count) if 4**m >= count)
    per_variable = degree + count
    return Bounds(
        error=of_one if s.d == 1 else of_one * (2 + of_one),
        parameters=max(degree + 1, coefficient**s.d * 2 ** (degree + 1) / math.factorial(degree)),
        width=max(4 * s.d * per_variable, 3 * per_variable**2 * (s.d - 1)),
        depth=scalings + degree.bit_length() - 1 + s.d - 1,
        claimed_error=float(s.n) ** (-s.q / s.d),
        claimed_parameters=1,
    )


RECIPE = Recipe(
    _network, _bounds, target_value, lambda s: cube(s.d), uses=("q", "d", "n", "target"), activation="requ"
)
