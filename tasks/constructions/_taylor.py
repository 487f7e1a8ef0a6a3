"""The theorem: functions of C^q on [0, 1]^d by Taylor polynomials on K^d cells, off and on the ramps between.

J. Lu, Z. Shen, H. Yang, S. Zhang, *Deep network approximation for smooth functions*, SIAM J. Math. Anal. 53
(2021), and E. Morina, M. Holler, arXiv 2406.14936, whose construction takes bits off slowly. Proofs and sizes
are this module's own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import product as each
from typing import NamedTuple

from relusweep.tasks.constructions._circuits import (
    Circuit,
    Network,
    Number,
    affine,
    compose,
    identity,
    parallel,
    share,
)
from relusweep.tasks.constructions._fitting import fit, size
from relusweep.tasks.constructions._grids import cells
from relusweep.tasks.constructions._recipes import Bounds, Setting
from relusweep.tasks.constructions._targets import derivative, multi_indices, remainder
from relusweep.tasks.constructions.monomial import monomial
from relusweep.tasks.constructions.product import product
from relusweep.tasks.constructions.square import square_error
from relusweep.tasks.constructions.step import digits, step

__all__ = [
    "on_flats",
    "on_flats_bounds",
    "on_the_cube",
    "on_the_cube_bounds",
    "ramp_off",
    "ramp_on",
    "target_value",
]


class _Plan(NamedTuple):
    """What follows from a setting: cells along a variable, derivatives, their bits, layers of a product."""

    cells: int
    orders: list[tuple[int, ...]]
    bits: list[int]
    factors: list[Fraction]
    layers: int


def ramp_off(s: Setting) -> Fraction:
    """Give the width of ramps where only the flats matter."""
    return Fraction(1, 3 * cells(s.n, s.l, s.d))


def ramp_on(s: Setting) -> Fraction:
    """Give the width of ramps where a function may change by no more than the error of ``count^-q``."""
    return min(ramp_off(s), Fraction(1, cells(s.n, s.l, s.d) ** s.q))


def on_flats(s: Setting, ramp: Fraction, *, slow: bool) -> Network:
    """Approximate the target off the ramps.

    Notes
    -----
    With the cell i that x lies in and ``t = count x - i``, the Taylor polynomial at the corner of the cell is
    the sum of ``(2 c - 1) t^α / (α! count^|α|)``: the numbers c of [0, 1] are stored, one for each cell.
    """
    plan = _plan(s)
    located = share(*[compose(affine([{j: 1}], s.d), _locate(s, plan.cells, ramp)) for j in range(s.d)])
    index = {2 * j: plan.cells**j for j in range(s.d)}
    indexed = affine([index, *({2 * j + 1: 1} for j in range(s.d))], 2 * s.d)
    fitted = parallel(fit(_stored(s, plan), plan.bits, s.n, s.l, slow=slow), identity(s.d))
    return compose(located, indexed, fitted, _polynomial(s, plan))


def on_flats_bounds(s: Setting, ramp: Fraction, *, slow: bool) -> Bounds:
    """Bound error, width, depth and parameters of `on_flats`."""
    plan = _plan(s)
    radius = float(Fraction(1, plan.cells))
    error = remainder(s.target, s.q, s.d, s.q, radius, Fraction(0), Fraction(1))
    products = square_error(s.n, plan.layers)
    for orders, bits, factor in zip(plan.orders, plan.bits, plan.factors, strict=True):
        degree = sum(orders)
        error += float(factor * (Fraction(2, 2**bits) + (6 * degree - 2 if degree else 0) * products))
    fitted = size(plan.bits, s.n, s.l, slow=slow)
    terms = len(plan.orders)
    width = max(s.d * (2 * s.n + 3), fitted.width + s.d, (terms - 1) * (9 * s.n + s.d + 1) + 1)
    steps = 1 + digits(plan.cells, s.n + 1) if plan.cells > 1 else 0
    depth = steps + fitted.depth + max(0, s.q - 1) * (plan.layers + 1)
    parameters = max((s.n + 1) / ramp + s.n + 1, fitted.parameters, 12 * s.n, 2 * plan.cells**s.d)
    return Bounds(error, parameters, width, depth, *_claims(s))


def on_the_cube(s: Setting, *, slow: bool) -> Network:
    """Approximate the target everywhere: by the middle of three values, at most one of which is on a ramp.

    Along each variable the network of `on_flats` is taken at ``x - ramp``, x and ``x + ramp``.
    """
    ramp = ramp_on(s)
    network = parallel(*[on_flats(s, ramp, slow=slow)] * 3**s.d)
    shifts = list(each(range(3), repeat=s.d))
    chosen = affine([{3 * j + shift[j]: 1} for shift in shifts for j in range(s.d)], 3 * s.d)
    network = compose(parallel(*[_shifted(ramp)] * s.d), chosen, network)
    for j in reversed(range(s.d)):
        network = compose(network, parallel(*[_middle()] * 3**j))
    return network


def on_the_cube_bounds(s: Setting, *, slow: bool) -> Bounds:
    """Bound error, width, depth and parameters of `on_the_cube`."""
    ramp = ramp_on(s)
    bounds = on_flats_bounds(s, ramp, slow=slow)
    return bounds._replace(
        error=bounds.error + float(s.d * ramp),
        width=3**s.d * max(bounds.width, 7),
        depth=bounds.depth + 1 + 2 * s.d,
    )


def target_value(s: Setting, point: Sequence[Fraction]) -> Number:
    """Give the target at a point."""
    return derivative(s.target, s.q, (0,) * s.d, point)


def _claims(s: Setting) -> tuple[float, float]:
    n, l, q, d = float(s.n), float(s.l), s.q, s.d
    rates = n ** ((6 * q - 3) / d) * l ** ((6 * q - 2) / d)
    return (n * l) ** (-2 * q / d), max(rates, n**2 * l**3)


def _plan(s: Setting) -> _Plan:
    count = cells(s.n, s.l, s.d)
    orders = list(multi_indices(s.d, s.q - 1))
    bits = [max(1, (count ** (s.q - sum(o)) - 1).bit_length()) for o in orders]
    factors = [Fraction(1, count ** sum(o) * math.prod(map(math.factorial, o))) for o in orders]
    weight = sum((6 * sum(o) - 2) * factor for o, factor in zip(orders, factors, strict=True) if sum(o))
    allowed = Fraction(1, count**s.q)
    layers = 1
    while weight * square_error(s.n, layers) > allowed:
        layers += 1
    return _Plan(count, orders, bits, factors, layers)


def _locate(s: Setting, count: int, ramp: Fraction) -> Network:
    """Give the cell of one number, and where it lies in the cell, from 0 to 1."""
    both = share(step(count, s.n + 1, ramp), identity(1))
    return compose(both, affine([{0: 1}, {0: -1, 1: count}], 2))


def _stored(s: Setting, plan: _Plan) -> list[list[Fraction]]:
    corners = [
        tuple(Fraction(i // plan.cells**j % plan.cells, plan.cells) for j in range(s.d))
        for i in range(plan.cells**s.d)
    ]
    return [[(1 + derivative(s.target, s.q, o, corner)) / 2 for corner in corners] for o in plan.orders]


def _polynomial(s: Setting, plan: _Plan) -> Network:
    """Give the Taylor polynomial of the stored numbers, which come first, and the place in the cell."""
    terms = len(plan.orders)
    networks = []
    for i, (orders, factor) in enumerate(zip(plan.orders, plan.factors, strict=True)):
        chosen: list[dict[int, Number]] = [{j: 1} for j in (i, *range(terms, terms + s.d))]
        networks.append(compose(affine(chosen, terms + s.d), _term(orders, factor, s.n, plan.layers)))
    return compose(share(*networks), affine([dict.fromkeys(range(terms), 1)], terms))


def _term(orders: tuple[int, ...], factor: Fraction, n: int, l: int) -> Network:
    """Give ``(2 c - 1) t^α factor`` by c and t."""
    d = len(orders)
    if not sum(orders):
        return affine([{0: 2 * factor}], d + 1, [-factor])
    variables = [1 + j for j in range(d) for _ in range(orders[j])]
    power = monomial(variables, d + 1, n, l)
    pair = affine([{0: 1}, {1: 1}, {0: 1}], d + 2)
    multiplied = parallel(product(n, l), identity(1))
    return compose(power, pair, multiplied, affine([{0: 2 * factor, 1: -factor}], 2))


def _shifted(ramp: Fraction) -> Network:
    """Give ``max(x - ramp, 0)``, x and ``min(x + ramp, 1)``."""
    circuit = Circuit(1)
    (x,) = circuit.signals
    low, middle, lacking = circuit.units([x - ramp, x, 1 - ramp - x])
    return circuit.network([low, middle, 1 - lacking])


def _middle() -> Network:
    """Give the middle one of three numbers."""
    circuit = Circuit(3)
    a, b, c = circuit.signals
    over, b_up, b_down, a_up, a_down, c_up, c_down = circuit.units([a - b, b, -b, a, -a, c, -c])
    larger, smaller, c = b_up - b_down + over, a_up - a_down - over, c_up - c_down
    up, down, above, below = circuit.units([larger, -larger, larger - c, smaller - c])
    return circuit.network([up - down - above + below])
