"""The grid of cells of the theorem, and the ramps between them."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.constructions._recipes import Domain, spread

__all__ = ["cells", "of_flats", "on_flat"]


def cells(n: int, l: int, d: int) -> int:
    """Give ``⌊n^(1/d)⌋² ⌊l^(2/d)⌋``, the cells along each variable; d is 1 or 2."""
    return n**2 * l**2 if d == 1 else math.isqrt(n) ** 2 * l


def on_flat(x: float, count: int, ramp: Fraction) -> bool:
    """Say whether a point lies outside the ramps, each just below a cell other than the first."""
    place = Fraction(x) * count
    cell = math.floor(place)
    return cell >= count - 1 or place - cell <= 1 - ramp * count


def of_flats(count: int, d: int, ramp: Fraction) -> Domain:
    """Give the unit cube without the ramps in any variable."""

    def numbers(wanted: int) -> NDArray[np.float64]:
        return np.array([x for x in spread(wanted) if on_flat(x, count, ramp)])

    words = f"[0, 1]^{d} without strips of width {float(ramp):.3g} below multiples of 1/{count}"
    return Domain(words, d, numbers)
