"""Elementary functions of arrays of float64, with the same bits everywhere; see `relusweep.tasks.elementary`.

Absolute errors of `sin`, `cos` and `tanh` and relative ones of `exp` and `log` stay below 1e-10, sines and
cosines of arguments up to 1000 in magnitude.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks import elementary
from relusweep.tasks.compiled import compiled

__all__ = ["cos", "exp", "log", "power", "sin", "sin_turn", "tanh"]

Values = NDArray[np.float64]

_FAR = 700.0  # e to a power that is farther from 0 counts as 0 or as infinite
_LEAST = 2.0**-1022  # of normal numbers
_MOST_MULTIPLIED = 64


@compiled(elementary)
def _exp_of_each(x, result):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        result[i] = elementary.exp(x[i])


@compiled(elementary)
def _log_of_each(x, result):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        result[i] = elementary.log(x[i])


@compiled(elementary)
def _sin_of_each(turns, result):  # type: ignore[no-untyped-def]
    for i in range(turns.size):
        result[i] = elementary.cos_sin_turn(turns[i])[1]


def exp(x: Values) -> Values:
    """Give e to the power of x; beyond ±700 it is 0 or infinite."""
    found = _of_each(_exp_of_each, np.clip(x, -_FAR, _FAR))
    return np.where(x > _FAR, np.inf, np.where(x < -_FAR, 0.0, found))


def log(x: Values) -> Values:
    """Give the natural logarithm: −∞ of 0, and NaN of any other x that is no positive normal number."""
    normal = (x >= _LEAST) & (x < np.inf)
    found = _of_each(_log_of_each, np.where(normal, x, 1.0))
    return np.where(normal, found, np.where(x == 0, -np.inf, np.where(x == np.inf, np.inf, np.nan)))


def sin_turn(turns: Values) -> Values:
    """Give the sine of any number of full circles."""
    return _of_each(_sin_of_each, turns - np.floor(turns))


def sin(x: Values) -> Values:
    """Give the sine of an angle in radians."""
    return sin_turn(x / (2 * math.pi))


def cos(x: Values) -> Values:
    """Give the cosine of an angle in radians."""
    return sin_turn(x / (2 * math.pi) + 0.25)


def tanh(x: Values) -> Values:
    """Give the hyperbolic tangent."""
    fall = exp(-2 * np.abs(x))
    return np.copysign((1 - fall) / (1 + fall), x)


def power(base: Values, exponent: Values) -> Values:
    """Raise to a power: to one half-integer up to 64 by products and square roots, else by `exp` and `log`.

    Other powers of a negative base are NaN.
    """
    halves = 2 * np.abs(exponent)
    if np.ndim(exponent) == 0 and halves <= 2 * _MOST_MULTIPLIED and halves == np.floor(halves):
        raised = _half_integer_power(base, int(halves))
        return 1 / raised if exponent < 0 else raised
    return np.where(exponent == 0, 1.0, exp(exponent * log(base)))


def _half_integer_power(base: Values, halves: int) -> Values:
    found, square, whole = np.sqrt(base) if halves % 2 else np.ones_like(base), base, halves // 2
    while whole:
        found = found * square if whole % 2 else found
        square, whole = square * square, whole // 2
    return found


def _of_each(kernel: Callable[..., None], x: Values) -> Values:
    flat = np.ascontiguousarray(x).reshape(-1)
    found = np.empty_like(flat)
    kernel(flat, found)
    return found.reshape(np.shape(x))
