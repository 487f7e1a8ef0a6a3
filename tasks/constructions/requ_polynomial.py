"""Polynomials of degree q exactly, by Horner's rule: ReQU units max(x, 0)² multiply without error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from relusweep.tasks.constructions._circuits import Circuit, Network, Number, affine, compose, parallel
from relusweep.tasks.constructions._recipes import Bounds, Recipe, Setting, cube
from relusweep.tasks.constructions._targets import derivative

__all__ = ["RECIPE"]

_QUARTER = Fraction(1, 4)


def _times() -> Network:
    """Give ``x y = (σ(x + y) + σ(-x - y) - σ(x - y) - σ(y - x)) / 4``."""
    circuit = Circuit(2)
    x, y = circuit.signals
    a, b, c, d = circuit.units([x + y, -x - y, x - y, y - x])
    return circuit.network([_QUARTER * (a + b - c - d)])


def _carry() -> Network:
    """Give a number that is not negative: ``x = (σ(x + 1) - σ(x) - 1) / 2``."""
    circuit = Circuit(1)
    (x,) = circuit.signals
    up, at = circuit.units([x + 1, x])
    return circuit.network([Fraction(1, 2) * (up - at - 1)])


def _horner(coefficients: list[Fraction]) -> Network:
    """Evaluate a polynomial of one variable, whose coefficients begin with the constant."""
    network = affine([{}, {0: 1}], 1, [coefficients[-1], 0])
    for coefficient in reversed(coefficients[:-1]):
        multiplied = compose(affine([{0: 1}, {1: 1}, {1: 1}], 2), parallel(_times(), _carry()))
        network = compose(network, multiplied, affine([{0: 1}, {1: 1}], 2, [coefficient, 0]))
    return compose(network, affine([{0: 1}], 2))


def _coefficients(s: Setting) -> list[Fraction]:
    """Give those of the target's Taylor polynomial at 0, to 40 binary places: floats hold them."""
    exact = (derivative(s.target, s.q, (k,), (Fraction(0),)) / math.factorial(k) for k in range(s.q + 1))
    return [Fraction(round(value * 2**40), 2**40) for value in exact]


def _network(s: Setting) -> Network:
    network = _horner(_coefficients(s))
    return network if s.d == 1 else compose(parallel(network, network), _times())


def _bounds(s: Setting) -> Bounds:
    return Bounds(error=0, parameters=2, width=6 * s.d, depth=s.q + s.d - 1, claimed_parameters=1)


def _value(s: Setting, point: Sequence[Fraction]) -> Number:
    coefficients = _coefficients(s)
    return math.prod(sum(c * x**k for k, c in enumerate(coefficients)) for x in point)


RECIPE = Recipe(_network, _bounds, _value, lambda s: cube(s.d), uses=("q", "d", "target"), activation="requ")
