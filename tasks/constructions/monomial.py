"""Monomials of degree q on [0, 1]^d by one product after another, each brought back to [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from relusweep.tasks.constructions._circuits import (
    Circuit,
    Network,
    Number,
    affine,
    compose,
    identity,
    parallel,
)
from relusweep.tasks.constructions._recipes import Bounds, Recipe, Setting, cube
from relusweep.tasks.constructions.product import product

__all__ = ["RECIPE", "monomial"]


def monomial(factors: Sequence[int], n_inputs: int, n: int, l: int) -> Network:
    """Multiply inputs of [0, 1], whose numbers are given, from left to right; inputs are outputs too.

    Returns
    -------
    Network
        Its outputs are the product and the inputs. Each product but the first factor adds ``l + 1`` layers
        and twice the error of a square.
    """
    inputs: list[dict[int, Number]] = [{i: 1} for i in range(n_inputs)]
    network = affine([{factors[0]: 1}, *inputs], n_inputs)
    carried = [{i + 1: 1} for i in range(n_inputs)]
    for factor in factors[1:]:
        pair = affine([{0: 1}, {factor + 1: 1}, *carried], n_inputs + 1)
        multiplied = parallel(compose(product(n, l), _clip()), identity(n_inputs))
        network = compose(network, pair, multiplied)
    return network


def _clip() -> Network:
    """Give ``min(max(x, 0), 1)``."""
    circuit = Circuit(1)
    (x,) = circuit.signals
    above_0, above_1 = circuit.units([x, x - 1])
    return circuit.network([above_0 - above_1])


def _factors(s: Setting) -> list[int]:
    return [i % s.d for i in range(s.q)]


def _network(s: Setting) -> Network:
    outputs = monomial(_factors(s), s.d, s.n, s.l)
    return compose(outputs, affine([{0: 1}], s.d + 1))


def _bounds(s: Setting) -> Bounds:
    products = s.q - 1
    return Bounds(
        error=Fraction(2 * products, s.n**s.l),
        parameters=6 * s.n if products else 1,
        width=9 * s.n + s.d if products else 0,
        depth=products * (s.l + 1),
    )


def _value(s: Setting, point: Sequence[Fraction]) -> Number:
    return math.prod(point[factor] for factor in _factors(s))


RECIPE = Recipe(_network, _bounds, _value, lambda s: cube(s.d), uses=("q", "d", "n", "l"))
