"""x² on [0, 1] from sawtooth functions: width 3N, depth L, error N^(-L)."""

from __future__ import annotations

from fractions import Fraction

from relusweep.tasks.constructions._circuits import Circuit, Network
from relusweep.tasks.constructions._recipes import Bounds, Recipe, Setting, cube

__all__ = ["RECIPE", "square", "square_error"]


def square(n: int, l: int) -> Network:
    """Interpolate x² linearly at multiples of ``2^(-k l)``, where k is the largest with ``2^k + 1 <= 3 n``.

    Notes
    -----
    A hidden layer takes the sawtooth of ``2^(k-1)`` teeth of what the layer before gives. The difference
    x − x² is the sum of the sawtooths of ``2^(i-1)`` teeth over 4^i; of k of them the sum is piecewise
    linear between the kinks of the finest.
    """
    k = teeth(n)
    circuit = Circuit(1)
    tooth, rest = circuit.signals[0], circuit.signals[0]
    for layer in range(l):
        *kinks, rest = circuit.units([*(tooth - Fraction(i, 2**k) for i in range(2**k)), rest])
        turns = [(-1) ** i * 2 ** (k + 1) for i in range(1, 2**k)]
        tooth = circuit.combination(kinks, [2**k, *turns])
        gap = circuit.combination(kinks, [1 - Fraction(1, 2**k), *[-Fraction(2, 2**k)] * (2**k - 1)])
        rest -= Fraction(1, 4 ** (k * layer)) * gap
    return circuit.network([rest])


def teeth(n: int) -> int:
    """Give the k of `square`."""
    return (3 * n - 1).bit_length() - 1


def square_error(n: int, l: int) -> Fraction:
    """Give the largest error of `square`, which is never below x²."""
    return Fraction(1, 4 ** (teeth(n) * l + 1))


def _bounds(s: Setting) -> Bounds:
    return Bounds(error=Fraction(1, s.n**s.l), parameters=6 * s.n, width=3 * s.n, depth=s.l)


RECIPE = Recipe(
    lambda s: square(s.n, s.l),
    _bounds,
    lambda s, point: point[0] * point[0],
    lambda s: cube(1),
    uses=("n", "l"),
)
