"""The step function of K = N²L² steps by composition: one digit of the step's number in each layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from relusweep.tasks.constructions._circuits import Circuit, Form, Network, Number, affine
from relusweep.tasks.constructions._grids import cells, of_flats
from relusweep.tasks.constructions._recipes import Bounds, Recipe, Setting

__all__ = ["RECIPE", "digit", "digits", "step"]


def step(count: int, base: int, ramp: Fraction) -> Network:
    """Give ``min(⌊count x⌋, count - 1)`` on [0, 1], with ramps just below the jumps.

    Parameters
    ----------
    count, base : int
    ramp : Fraction
        How wide a ramp is, less than ``1 / count``.

    Notes
    -----
    The scaled number is below ``base^m``. Layer after layer counts the multiples of the highest place value
    in it, and leaves the rest for the next. A ramp has slope ``1 / ramp`` in x, whatever the place.
    """
    if count == 1:
        return affine([{}], 1)
    circuit = Circuit(1)
    (x,) = circuit.signals
    top = count - max(Fraction(1, 2), ramp * count)  # below the ramp of a further step
    (above,) = circuit.units([top - count * x])
    rest, total = top - above, circuit.signals[0] * 0
    for place in [base**m for m in reversed(range(digits(count, base)))]:
        thresholds = [place * i for i in range(1, base) if place * i < count]
        found, (rest, total) = digit(circuit, rest, thresholds, ramp * count, [rest, total])
        rest, total = rest - place * found, total + place * found
    return circuit.network([total])


def digits(count: int, base: int) -> int:
    """Count the digits of the numbers below one."""
    return next(m for m in range(count) if base**m >= count)


def digit(
    circuit: Circuit, value: Form, thresholds: list[int], ramp: Number, carried: list[Form]
) -> tuple[Form, list[Form]]:
    """Count in one layer the thresholds that a value reaches, and carry forms that are not negative.

    Between ``threshold - ramp`` and the threshold the count goes up linearly.
    """
    slope = Fraction(1) / ramp
    ramps = [part for t in thresholds for part in (slope * (value - t) + 1, slope * (value - t))]
    units = circuit.units([*ramps, *carried])
    return circuit.combination(units, [1, -1] * len(thresholds)), units[len(ramps) :]


def _ramp(s: Setting) -> Fraction:
    return Fraction(1, 3 * cells(s.n, s.l, 1))


def _network(s: Setting) -> Network:
    return step(cells(s.n, s.l, 1), s.n + 1, _ramp(s))


def _bounds(s: Setting) -> Bounds:
    count = cells(s.n, s.l, 1)
    if count == 1:
        return Bounds(error=0, parameters=0, width=0, depth=0)
    return Bounds(error=0, parameters=3 * count, width=2 * s.n + 2, depth=1 + digits(count, s.n + 1))


def _value(s: Setting, point: Sequence[Fraction]) -> Number:
    count = cells(s.n, s.l, 1)
    return min(math.floor(count * point[0]), count - 1)


RECIPE = Recipe(
    _network, _bounds, _value, lambda s: of_flats(cells(s.n, s.l, 1), 1, _ramp(s)), uses=("n", "l")
)
