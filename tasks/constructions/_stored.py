"""The two forms of point fitting as constructions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.constructions._circuits import Network, Number
from relusweep.tasks.constructions._fitting import fit, size
from relusweep.tasks.constructions._recipes import Bounds, Domain, Recipe, Setting
from relusweep.tasks.constructions._targets import derivative

__all__ = ["fitting"]


def fitting(*, slow: bool) -> Recipe:
    """Store ``(1 + f(i / (n² l²))) / 2`` of a target f to an error of ``(n l)^(-2q)``."""

    def network(s: Setting) -> Network:
        values = [_stored(s, Fraction(i, _count(s))) for i in range(_count(s))]
        return fit([values], [_bits(s)], s.n, s.l, slow=slow)

    def bounds(s: Setting) -> Bounds:
        width, depth, parameters = size([_bits(s)], s.n, s.l, slow=slow)
        return Bounds(Fraction(1, 2 ** _bits(s)), parameters, width, depth)

    return Recipe(network, bounds, _value, _whole_numbers, uses=("q", "n", "l", "target"))


def _count(s: Setting) -> int:
    return (s.n * s.l) ** 2


def _bits(s: Setting) -> int:
    """Give the fewest bits, at least 1, that leave an error of ``(n l)^(-2q)`` at most."""
    return max(1, (int(_count(s) ** s.q) - 1).bit_length())


def _stored(s: Setting, x: Fraction) -> Fraction:
    return (1 + derivative(s.target, s.q, (0,), (x,))) / 2


def _value(s: Setting, point: Sequence[Fraction]) -> Number:
    return _stored(s, point[0] / _count(s))


def _whole_numbers(s: Setting) -> Domain:
    def numbers(wanted: int) -> NDArray[np.float64]:
        last = _count(s) - 1
        return np.unique(np.floor(np.arange(wanted) * (last / (wanted - 1))))

    return Domain(f"whole numbers from 0 to {_count(s) - 1}", 1, numbers)
