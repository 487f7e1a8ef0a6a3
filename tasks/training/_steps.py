"""What sixteen networks do in one step, inlined by Numba: forward and backward; between them lies `_losses`.

Every name here that is not a number holds vectors of sixteen: one entry for each lane.

A step takes the `rows` of memory from row `first` on, a few at a time, so that what lies between forward and
backward stays in the first level of the cache.
"""

import numba

from relusweep.tasks.training.tiles import affine, gated, leaky, outer

__all__ = ["backward", "forward", "settle"]

# So no call has to pass the memory.
_inlined = numba.njit(inline="always")


@_inlined
def forward(rule, rows, first, memory, slope):
    """Compute the activations and the outputs."""
    weights, hidden = memory.weights, memory.hidden
    n_inputs, width, depth = rule.n_inputs, rule.width, rule.depth
    width_1 = width + 1
    below, fan_in, place = (memory.rows, first * rule.size, rule.size), n_inputs, 0
    for layer in range(depth):
        above = (hidden, layer * rows * width_1, width_1)
        leaky(rows, width, fan_in, below, (weights, place, fan_in + 1), above, slope)
        place += width * (fan_in + 1)
        below, fan_in = above, width
    n_outputs = rule.n_outputs
    affine(rows, n_outputs, width, below, (weights, place, width_1), (memory.outputs, 0, n_outputs))


@_inlined
def backward(rule, rows, first, batch, memory, slope, more):
    """Compute the gradient, or add to it if `more`, from the slopes of the loss."""
    weights, hidden, errors, gradient = memory.weights, memory.hidden, memory.errors, memory.gradient
    n_inputs, width, depth = rule.n_inputs, rule.width, rule.depth
    inputs_1, width_1 = n_inputs + 1, width + 1
    error, units, here = (memory.slopes, 0, rule.n_outputs), rule.n_outputs, 0
    for layer in range(depth - 1, -1, -1):
        below, start = (hidden, layer * rows * width_1, width_1), width * (inputs_1 + layer * width_1)
        under = (errors, here, width)
        gated(rows, width, units, error, (weights, start, width_1), below, under, slope)
        outer(units, width, rows, error, below, (gradient, start, width_1), more)
        error, units, here = under, width, rows * width - here
    x = (memory.rows, first * rule.size, rule.size)
    outer(width, n_inputs, rows, error, x, (gradient, 0, inputs_1), more)


@_inlined
def settle(memory, rule, batch):
    """Leave the gradient of a batch as it is: with ReLU it is whole."""
