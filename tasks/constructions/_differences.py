"""One hidden layer of smooth units: Taylor polynomials from finite differences of the activation.

A central difference of order k of ``σ(b + t)`` in steps of ``h u`` is ``(h u)^k σ^(k)(b)`` up to a factor of
``1 + O(h²)``. So u^k is a sum of units over ``h^k σ^(k)(b)``, and a small error takes large weights.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from itertools import product as each
from typing import TYPE_CHECKING

from relusweep.tasks.constructions._circuits import Circuit, Form, Network
from relusweep.tasks.constructions._recipes import Bounds, Recipe, Setting, cube
from relusweep.tasks.constructions._targets import derivative, multi_indices, rational, remainder
from relusweep.tasks.constructions._taylor import target_value

if TYPE_CHECKING:
    from flint import arb_series

__all__ = ["differences"]

_PLACES = {"gaussian": Fraction(1, 2), "logistic": Fraction(1)}
"""Biases b at which no derivative is zero."""

_BITS = 512

_LARGEST_DEGREE = 160
"""Factorials of higher ones pass float64's range, and with them the bound on the error."""


def differences(activation: str) -> Recipe:
    """Give the Taylor polynomial of a target at the middle of the cube, of the degree that n units allow."""
    return Recipe(
        lambda s: _network(s, activation),
        lambda s: _bounds(s, activation),
        target_value,
        lambda s: cube(s.d),
        uses=("q", "d", "n", "target"),
        activation=activation,
    )


def _degree(s: Setting) -> int:
    """Give the largest k for which ``(2 k + 1)^d`` units are at most n."""
    return ((s.n if s.d == 1 else math.isqrt(s.n)) - 1) // 2


def _network(s: Setting, activation: str) -> Network:
    step = _step(s, activation)
    weights: dict[tuple[Fraction, ...], Fraction] = {}
    for orders, value in _terms(s):
        factor = value / (step ** sum(orders) * _derivative(activation, sum(orders)))
        for chosen in each(*(range(k + 1) for k in orders)):
            node = tuple(j - Fraction(k, 2) for j, k in zip(chosen, orders, strict=True))
            signed = math.prod((-1) ** (k - j) * math.comb(k, j) for j, k in zip(chosen, orders, strict=True))
            weights[node] = weights.get(node, Fraction(0)) + signed * factor
    circuit = Circuit(s.d)
    forms = [_input(circuit, node, step) + _PLACES[activation] for node in weights]
    units = circuit.units(forms)
    return circuit.network([circuit.combination(units, weights.values(), _taylor(s, (0,) * s.d))])


def _input(circuit: Circuit, node: tuple[Fraction, ...], step: Fraction) -> Form:
    return circuit.combination([x - Fraction(1, 2) for x in circuit.signals], [step * k for k in node])


def _bounds(s: Setting, activation: str) -> Bounds:
    degree = _degree(s)
    if degree > _LARGEST_DEGREE:
        most = (2 * _LARGEST_DEGREE + 2) ** s.d
        raise ValueError(
            f"n of the construction {activation} has to be at most {most} for d = {s.d}, so that float64 "
            f"holds its bound on the error; got {s.n}"
        )
    step = _step(s, activation)
    left = remainder(s.target, s.q, s.d, degree + 1, 0.5, Fraction(0), Fraction(1))
    largest = sum(
        abs(value)
        * math.prod(math.comb(k, k // 2) for k in orders)
        / (step ** sum(orders) * abs(_derivative(activation, sum(orders))))
        for orders, value in _terms(s)
    )
    parameters = max(largest, 1 + s.d * degree)
    return Bounds(left + float(step**2) * _curvature(s, activation), parameters, (2 * degree + 1) ** s.d, 1)


def _step(s: Setting, activation: str) -> Fraction:
    """Give the largest power of 1/2 at which the differences' own error is ``n^(-q/d)`` at most."""
    allowed = float(s.n) ** (-s.q / s.d)
    halvings = 0
    while _curvature(s, activation) / 4.0**halvings > allowed:
        halvings += 1
    return Fraction(1, 2**halvings)


@cache
def _curvature(s: Setting, activation: str) -> float:
    """Bound the differences' error over the square of their step.

    That of order α is a mean of the derivative of this order over a sum of uniform numbers of variance 1/12.
    """
    return sum(
        float(abs(value) / abs(_derivative(activation, sum(orders))))
        * 0.5 ** sum(orders)
        * (sum(orders) / 96)
        * _supremum(activation, sum(orders) + 2)
        for orders, value in _terms(s)
    )


def _terms(s: Setting) -> list[tuple[tuple[int, ...], Fraction]]:
    """Give orders from 1 on and the Taylor coefficients."""
    return [(orders, _taylor(s, orders)) for orders in multi_indices(s.d, _degree(s)) if sum(orders)]


def _taylor(s: Setting, orders: tuple[int, ...]) -> Fraction:
    middle = (Fraction(1, 2),) * s.d
    return derivative(s.target, s.q, orders, middle) / math.prod(map(math.factorial, orders))


def _supremum(activation: str, order: int) -> float:
    """Bound a derivative of an activation.

    Cramér's bound of Hermite functions for the Gaussian; Cauchy's for the logistic function, which does not
    exceed 1 where the imaginary part is π/2 at most.
    """
    if activation == "gaussian":
        return 1.0865 * math.exp(0.5 * (order * math.log(2) + math.lgamma(order + 1)))
    return math.exp(math.lgamma(order + 1) + order * math.log(2 / math.pi))


@cache
def _derivative(activation: str, order: int) -> Fraction:
    from flint import ctx

    with ctx.workprec(_BITS):
        return rational(_series(activation, order)[order]) * math.factorial(order)


def _series(activation: str, order: int) -> arb_series:
    """Expand an activation around its bias."""
    from flint import arb_series, ctx, fmpq

    place = _PLACES[activation]
    before, ctx.cap = ctx.cap, order + 1
    try:
        z = arb_series([fmpq(place.numerator, place.denominator), 1])
        return (-z * z).exp() if activation == "gaussian" else 1 / (1 + (-z).exp())
    finally:
        ctx.cap = before
