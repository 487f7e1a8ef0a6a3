"""The passes through layers of any activation of `CODES`, which a second kernel of the same text has.

Where `_steps` ends a product with ReLU, these leave the sums z and go over them once more: a pass writes
activations, and into the place of the sums what the way back needs of them: of most activations the
derivative. On the way back a second pass turns it into errors of the sums, in the same place.
"""

import numba

from relusweep.tasks.training.functions import silu, softplus
from relusweep.tasks.training.simd import load, store
from relusweep.tasks.training.tiles import affine, outer, returned

__all__ = ["CODES", "backward", "forward"]

_SOFTPLUS, _SILU = range(1, 3)
CODES = {"softplus": _SOFTPLUS, "silu": _SILU}
"""What a rule calls activations; that of ReLU, which has a kernel of its own, is 0."""

_inlined = numba.njit(inline="always")


@_inlined
def _activate(rule, rows, layer, memory):
    """Turn the sums of a layer into activations, and leave in their place what the way back needs."""
    width, width_1 = rule.width, rule.width + 1
    for row in range(layer * rows, (layer + 1) * rows):
        for unit in range(width):
            place = row * width + unit
            z = load(memory.sums, place)
            if rule.activation == _SOFTPLUS:
                h, kept = softplus(z)
            else:
                h, kept = silu(z)
            store(memory.hidden, row * width_1 + unit, h)
            store(memory.sums, place, kept)


@_inlined
def _return(rule, rows, layer, memory):
    """Turn errors of a layer's activations into those of its sums."""
    size = rows * rule.width
    for i in range(size):
        place = layer * size + i
        store(memory.sums, place, load(memory.errors, rows + i) * load(memory.sums, place))


@_inlined
def forward(rule, rows, first, memory, slope):
    """Compute the activations and the outputs."""
    weights, hidden, sums = memory.weights, memory.hidden, memory.sums
    n_inputs, width, width_1 = rule.n_inputs, rule.width, rule.width + 1
    below, fan_in, place = (memory.rows, first * (n_inputs + 2), n_inputs + 2), n_inputs, 0
    for layer in range(rule.depth):
        affine(rows, width, fan_in, below, (weights, place, fan_in + 1), (sums, layer * rows * width, width))
        _activate(rule, rows, layer, memory)
        place += width * (fan_in + 1)
        below, fan_in = (hidden, layer * rows * width_1, width_1), width
    affine(rows, 1, width, below, (weights, place, width_1), (memory.outputs, 0, 1))


@_inlined
def backward(rule, rows, first, memory, slope, more):
    """Compute the gradient, or add to it if `more`, from the first of the errors: those of the loss."""
    weights, hidden, gradient = memory.weights, memory.hidden, memory.gradient
    n_inputs, width, width_1 = rule.n_inputs, rule.width, rule.width + 1
    error, units, under = (memory.errors, 0, 1), 1, (memory.errors, rows, width)
    for layer in range(rule.depth - 1, -1, -1):
        below, start = (hidden, layer * rows * width_1, width_1), width * (n_inputs + 1 + layer * width_1)
        returned(rows, width, units, error, (weights, start, width_1), under)
        outer(units, width, rows, error, below, (gradient, start, width_1), more)
        _return(rule, rows, layer, memory)
        error, units = (memory.sums, layer * rows * width, width), width
    x = (memory.rows, first * (n_inputs + 2), n_inputs + 2)
    outer(width, n_inputs, rows, error, x, (gradient, 0, n_inputs + 1), more)
