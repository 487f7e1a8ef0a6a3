"""Named functions of one to three inputs, to be fitted or approximated, with the same bits everywhere.

They use sums, products, quotients and square roots, which are exact everywhere, and the sines and
exponentials of `relusweep.tasks.elementwise`: absolute errors stay below 1e-10.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.elementwise import exp, sin_turn, tanh

__all__ = ["TARGETS", "Target", "target"]

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """A function on an interval, a square or a cube.

    Attributes
    ----------
    formula : str
        In words of mathematics.
    n_inputs : int
    low, high : float
        Ends of its domain, the same along every input.
    least, most : float
        The range of its values, rounded outwards where it has no closed form.
    of : callable
        Gives the values, of shape (n_points,), at one array of that shape for each input.
    bend : {1, -1}, optional
        Whether a function of one input is convex (1) or concave (−1) on all of its domain; None where it is
        neither, or both.
    """

    formula: str
    n_inputs: int
    low: float
    high: float
    least: float
    most: float
    of: Callable[..., Values]
    bend: int | None = None

    def values(self, points: NDArray[np.floating]) -> Values:
        """Give the values at some points.

        Parameters
        ----------
        points : ndarray of shape (n_points, n_inputs), float32 or float64
            In its domain.

        Returns
        -------
        ndarray of shape (n_points,), float64

        Examples
        --------
        >>> target("saddle").values(np.array([[1.0, 0.5]])).tolist()
        [0.75]
        """
        return self.of(*np.asarray(points, np.float64).T)


def target(name: str) -> Target:
    """Find a function by its name.

    Raises
    ------
    ValueError
        There is none of that name.
    """
    if name not in TARGETS:
        raise ValueError(f"no function {name!r}; there are {', '.join(TARGETS)}")
    return TARGETS[name]


def _sin_pi(x: Values) -> Values:
    return sin_turn(x / 2)


def _power11(x: Values) -> Values:
    second = x * x
    fourth = second * second
    return fourth * fourth * second * x


def _franke(x: Values, y: Values) -> Values:
    a, b = 9 * (x + 1) / 2, 9 * (y + 1) / 2
    hills = 0.75 * exp(-((a - 2) * (a - 2) + (b - 2) * (b - 2)) / 4)
    hills = hills + 0.75 * exp(-(a + 1) * (a + 1) / 49 - (b + 1) / 10)
    hills = hills + 0.5 * exp(-((a - 7) * (a - 7) + (b - 3) * (b - 3)) / 4)
    return hills - 0.2 * exp(-(a - 4) * (a - 4) - (b - 7) * (b - 7))


def _peaks(x: Values, y: Values) -> Values:
    a, b = 3 * x, 3 * y
    first = 3 * (1 - a) * (1 - a) * exp(-a * a - (b + 1) * (b + 1))
    second = 10 * (a / 5 - a * a * a - b * b * b * b * b) * exp(-a * a - b * b)
    third = exp(-(a + 1) * (a + 1) - b * b) / 3
    return (first - second - third) / 10


def _product_of_sines(*inputs: Values) -> Values:
    return reduce(np.multiply, map(_sin_pi, inputs))


def _norm(*inputs: Values) -> Values:
    return np.asarray(np.sqrt(reduce(np.add, (x * x for x in inputs))))


def _plane(formula: str, least: float, most: float, of: Callable[..., Values]) -> Target:
    return Target(formula, 2, -1.0, 1.0, least, most, of)


def _space(formula: str, least: float, most: float, of: Callable[..., Values]) -> Target:
    return Target(formula, 3, -1.0, 1.0, least, most, of)


TARGETS: dict[str, Target] = {
    # of one input
    "sine": Target("sin x", 1, -math.pi, math.pi, -1, 1, lambda x: sin_turn(x / (2 * math.pi))),
    "cube": Target("x³", 1, 0, 1, 0, 1, lambda x: x * x * x, bend=1),
    "power11": Target("x¹¹", 1, 0, 1, 0, 1, _power11, bend=1),
    "tanh3": Target("tanh 3x", 1, 0, 1, 0, 0.996, lambda x: tanh(3 * x), bend=-1),
    "quarter_sine": Target("sin(πx/2)", 1, 0, 1, 0, 1, lambda x: sin_turn(x / 4), bend=-1),
    "kink": Target("max(x - 1/4, 0)", 1, -1, 1, 0, 0.75, lambda x: np.maximum(x - 0.25, 0), bend=1),
    "kink_left": Target("max(-x - 1/4, 0)", 1, -1, 1, 0, 0.75, lambda x: np.maximum(-x - 0.25, 0), bend=1),
    # of two
    "franke": _plane("Franke's function of (x + 1)/2 and (y + 1)/2", 0, 1.2201, _franke),
    "peaks": _plane("MATLAB's peaks of 3x and 3y, over 10", -0.66, 0.82, _peaks),
    "product_of_sines": _plane("sin πx · sin πy", -1, 1, _product_of_sines),
    "norm": _plane("√(x² + y²)", 0, math.sqrt(2), _norm),
    "saddle": _plane("x² - y²", -1, 1, lambda x, y: x * x - y * y),
    "xy": _plane("x y", -1, 1, lambda x, y: x * y),
    "ridge": _plane("sin π(3x + 4y)/5", -1, 1, lambda x, y: _sin_pi((3 * x + 4 * y) / 5)),
    "separable": _plane("(sin πx + cos πy)/2", -1, 1, lambda x, y: (_sin_pi(x) + _sin_pi(y + 0.5)) / 2),
    # of three
    "product_of_sines3": _space("sin πx · sin πy · sin πz", -1, 1, _product_of_sines),
    "norm3": _space("√(x² + y² + z²)", 0, math.sqrt(3), _norm),
    "ridge3": _space("sin π(2x + 3y + 6z)/7", -1, 1, lambda x, y, z: _sin_pi((2 * x + 3 * y + 6 * z) / 7)),
}
"""By name; the ranges of `franke` and `peaks` have no closed form."""
