"""The product of two numbers of [0, 1] from three squares: width 9N, depth L, error 2 N^(-L)."""

from __future__ import annotations

from fractions import Fraction

from relusweep.tasks.constructions._circuits import Network, affine, compose, parallel
from relusweep.tasks.constructions._recipes import Bounds, Recipe, Setting, cube
from relusweep.tasks.constructions.square import square, square_error

__all__ = ["RECIPE", "product", "product_error"]

_HALF = Fraction(1, 2)


def product(n: int, l: int) -> Network:
    """Give ``x y = 2 ((x + y) / 2)² - x² / 2 - y² / 2`` with `square` for the squares."""
    means = affine([{0: _HALF, 1: _HALF}, {0: 1}, {1: 1}], 2)
    difference = affine([{0: 2, 1: -_HALF, 2: -_HALF}], 3)
    return compose(means, parallel(*[square(n, l)] * 3), difference)


def product_error(n: int, l: int) -> Fraction:
    """Give twice the error of a square, which no product exceeds: squares are never too small."""
    return 2 * square_error(n, l)


def _bounds(s: Setting) -> Bounds:
    return Bounds(error=Fraction(2, s.n**s.l), parameters=6 * s.n, width=9 * s.n, depth=s.l)


RECIPE = Recipe(
    lambda s: product(s.n, s.l),
    _bounds,
    lambda s, point: point[0] * point[1],
    lambda s: cube(2),
    uses=("n", "l"),
)
