"""What sixteen networks do in one step, inlined by Numba: forward and backward; between them lies `_losses`.

Every name here that is not a number holds vectors of sixteen: one entry for each lane.

A step takes the `rows` of memory from row `first` on, a few at a time, so that what lies between forward and
backward stays in the first level of the cache.
"""

import numba

from relusweep.tasks.training._layers import HIDDEN, UNITS, WEIGHTS, WIDE
from relusweep.tasks.training.tiles import affine, gated, leaky, outer

__all__ = ["backward", "forward", "settle"]

# So no call has to pass the memory.
_inlined = numba.njit(inline="always")


@_inlined
def forward(rule, rows, first, memory, slope):
    """Compute the activations and the outputs."""
    weights, layers, n_outputs = memory.weights, memory.layers, rule.n_outputs
    below, fan_in = (memory.rows, first * rule.size, rule.size), rule.n_inputs
    for layer in range(rule.depth):
        above, units = (memory.hidden, layers[layer, HIDDEN], layers[layer, WIDE]), layers[layer, UNITS]
        leaky(rows, units, fan_in, below, (weights, layers[layer, WEIGHTS], fan_in + 1), above, slope)
        below, fan_in = above, units
    last = (weights, layers[rule.depth, WEIGHTS], fan_in + 1)
    affine(rows, n_outputs, fan_in, below, last, (memory.outputs, 0, n_outputs))


@_inlined
def backward(rule, rows, first, batch, memory, slope, more):
    """Compute the gradient, or add to it if `more`, from the slopes of the loss."""
    weights, gradient, layers = memory.weights, memory.gradient, memory.layers
    error, units, here = (memory.slopes, 0, rule.n_outputs), rule.n_outputs, 0
    for layer in range(rule.depth - 1, -1, -1):
        below, start = (memory.hidden, layers[layer, HIDDEN], layers[layer, WIDE]), layers[layer + 1, WEIGHTS]
        width, wide = layers[layer, UNITS], layers[layer, WIDE]
        under = (memory.errors, here, width)
        gated(rows, width, units, error, (weights, start, wide), below, under, slope)
        outer(units, width, rows, error, below, (gradient, start, wide), more)
        error, units, here = under, width, rows * rule.width - here
    x = (memory.rows, first * rule.size, rule.size)
    outer(units, rule.n_inputs, rows, error, x, (gradient, 0, rule.n_inputs + 1), more)


@_inlined
def settle(memory, rule, batch):
    """Leave the gradient of a batch as it is: with ReLU it is whole."""
