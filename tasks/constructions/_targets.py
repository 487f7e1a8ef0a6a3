"""Functions that constructions approximate: products of one function of each variable, with all derivatives.

Each lies in the unit ball of C^q on the unit cube for q up to `LARGEST_Q`: no derivative of order q or less
exceeds 1 there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flint import arb

__all__ = [
    "LARGEST_Q",
    "TARGETS",
    "derivative",
    "multi_indices",
    "rational",
    "remainder",
    "supremum",
]

LARGEST_Q = 8
TARGETS = ("sine", "exponential", "reciprocal", "wave")
"""``sin x``, ``exp(x - 1)``, ``4 / (4 + x)`` and ``sin(2πx) / (2π)^q`` of each variable, multiplied."""

_BITS = 256


def derivative(target: str, q: int, orders: Sequence[int], point: Sequence[Fraction]) -> Fraction:
    """Give a partial derivative of a target, to 256 bits; the reciprocal's exactly.

    Parameters
    ----------
    target : str
        One of `TARGETS`.
    q : int
    orders : sequence of d int
        How often by each variable; all 0 for the value.
    point : sequence of d Fraction
    """
    return math.prod(
        (_of_one(target, q, k, x) for k, x in zip(orders, point, strict=True)), start=Fraction(1)
    )


def supremum(target: str, q: int, order: int, lower: Fraction, upper: Fraction) -> float:
    """Bound a derivative of the function of one variable on an interval."""
    if target == "exponential":
        return math.exp(float(upper) - 1) * (1 + 1e-15)
    if target == "reciprocal":
        return float(4 * math.factorial(order) / (4 + lower) ** (order + 1))
    return 1.0 if target == "sine" else (2 * math.pi) ** (order - q)


def remainder(
    target: str, q: int, d: int, order: int, radius: float, lower: Fraction, upper: Fraction
) -> float:
    """Bound what is left after the Taylor polynomial of all orders below one.

    Parameters
    ----------
    radius : float
        Largest distance from the centre, in each variable.
    lower, upper : Fraction
        Of each variable, between which centre and points lie.
    """
    suprema = [supremum(target, q, k, lower, upper) for k in range(order + 1)]
    return radius**order * sum(
        math.prod(suprema[k] / math.factorial(k) for k in orders)
        for orders in multi_indices(d, order)
        if sum(orders) == order
    )


def multi_indices(d: int, highest: int) -> Iterator[tuple[int, ...]]:
    """Give all orders of derivatives by d variables up to a highest sum."""
    return (orders for orders in product(range(highest + 1), repeat=d) if sum(orders) <= highest)


def rational(ball: arb) -> Fraction:
    """Give the midpoint of a ball exactly."""
    mantissa, exponent = ball.mid().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


@cache
def _of_one(target: str, q: int, order: int, x: Fraction) -> Fraction:
    from flint import arb, ctx, fmpq

    if target == "reciprocal":
        sign = -1 if order % 2 else 1
        return Fraction(sign * 4 * math.factorial(order)) / (4 + x) ** (order + 1)
    with ctx.workprec(_BITS):
        z = arb(fmpq(x.numerator, x.denominator))
        if target == "exponential":
            return rational((z - 1).exp())
        turn = 2 * arb.pi() if target == "wave" else arb(1)
        z = turn * z
        value = (z.sin(), z.cos(), -z.sin(), -z.cos())[order % 4]
        return rational(value * turn ** (order - q if target == "wave" else 0))
