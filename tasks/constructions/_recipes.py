"""What a construction says of itself: its network, its bounds, what it approximates, and where."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.constructions._circuits import Network, Number

__all__ = ["Bounds", "Domain", "Recipe", "Setting", "as_float", "cube", "spread"]


class Setting(NamedTuple):
    """What a construction is built for; those that it does not use mean nothing."""

    q: int
    d: int
    n: int
    l: int
    target: str


class Bounds(NamedTuple):
    """What is proved of a construction; NaN where nothing is.

    Attributes
    ----------
    error, parameters, width, depth
        What never is exceeded.
    claimed_error, claimed_parameters
        What the source claims up to a factor that it does not give.
    """

    error: Number | float = math.nan
    parameters: Number | float = math.nan
    width: Number | float = math.nan
    depth: Number | float = math.nan
    claimed_error: float = math.nan
    claimed_parameters: float = math.nan


@dataclass(frozen=True)
class Domain:
    """The inputs that a bound holds for: products of the same set of numbers for each variable.

    Parameters
    ----------
    words : str
    d : int
    numbers : callable
        ``numbers(count)`` gives about so many of them, ascending; float32 holds them exactly.
    """

    words: str
    d: int
    numbers: Callable[[int], NDArray[np.float64]]

    def points(self, count: int) -> NDArray[np.float64]:
        """Give about `count` points, the same at each call: shape (n, d)."""
        numbers = self.numbers(max(2, int(count ** (1 / self.d) + 1e-9)))
        return np.array(list(product(numbers, repeat=self.d)))


def cube(d: int) -> Domain:
    """Give the unit cube."""
    return Domain("[0, 1]" + (f"^{d}" if d > 1 else ""), d, spread)


def spread(count: int) -> NDArray[np.float64]:
    """Give numbers from 0 to 1 at even distances, but for rounding to float32."""
    return (np.arange(count) / (count - 1)).astype(np.float32).astype(np.float64)


def as_float(value: Number | float) -> float:
    """Round to float64; what is beyond its range is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


@dataclass(frozen=True)
class Recipe:
    """How to build a construction.

    Parameters
    ----------
    network : callable
        Its network for a `Setting`.
    bounds : callable
        What is proved of it, known before it is built.
    value : callable
        ``value(setting, point)`` gives what it approximates at d fractions.
    domain : callable
    uses : tuple of str
        The axes that it depends on: of ``q``, ``d``, ``n``, ``l`` and ``target``.
    activation : str
        ``relu``, ``requ``, ``logistic`` or ``gaussian``.
    """

    network: Callable[[Setting], Network]
    bounds: Callable[[Setting], Bounds]
    value: Callable[[Setting, Sequence[Fraction]], Number]
    domain: Callable[[Setting], Domain]
    uses: tuple[str, ...]
    activation: str = "relu"
