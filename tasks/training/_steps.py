"""What sixteen networks do in one step, inlined by Numba: forward, loss, backward.

Every name here that is not a number holds vectors of sixteen: one entry for each lane. A row of data is its
inputs, a one for the bias, and its target.

A step takes the `rows` of memory from row `first` on, a few at a time, so that what lies between forward and
backward stays in the first level of the cache.
"""

import numba
import numpy as np

from relusweep.tasks.training.functions import FAR, exp
from relusweep.tasks.training.simd import (
    broadcast,
    fma,
    load,
    maximum,
    minimum,
    one_unless_positive,
    store,
)
from relusweep.tasks.training.tiles import affine, gated, leaky, outer

__all__ = ["backward", "differentiate", "forward", "look", "settle"]

# So no call has to pass the memory.
_inlined = numba.njit(inline="always")

# The passes through the layers


@_inlined
def forward(rule, rows, first, memory, slope):
    """Compute the activations and the outputs."""
    weights, hidden = memory.weights, memory.hidden
    n_inputs, width, depth = rule.n_inputs, rule.width, rule.depth
    width_1 = width + 1
    below, fan_in, place = (memory.rows, first * (n_inputs + 2), n_inputs + 2), n_inputs, 0
    for layer in range(depth):
        above = (hidden, layer * rows * width_1, width_1)
        leaky(rows, width, fan_in, below, (weights, place, fan_in + 1), above, slope)
        place += width * (fan_in + 1)
        below, fan_in = above, width
    affine(rows, 1, width, below, (weights, place, width_1), (memory.outputs, 0, 1))


@_inlined
def backward(rule, rows, first, memory, slope, more):
    """Compute the gradient, or add to it if `more`, from the first of the errors: those of the loss."""
    weights, hidden, errors, gradient = memory.weights, memory.hidden, memory.errors, memory.gradient
    n_inputs, width, depth = rule.n_inputs, rule.width, rule.depth
    inputs_1, width_1 = n_inputs + 1, width + 1
    error, units, here = (errors, 0, 1), 1, rows
    for layer in range(depth - 1, -1, -1):
        below, start = (hidden, layer * rows * width_1, width_1), width * (inputs_1 + layer * width_1)
        under = (errors, here, width)
        gated(rows, width, units, error, (weights, start, width_1), below, under, slope)
        outer(units, width, rows, error, below, (gradient, start, width_1), more)
        error, units, here = under, width, 2 * rows + rows * width - here
    x = (memory.rows, first * (n_inputs + 2), n_inputs + 2)
    outer(width, n_inputs, rows, error, x, (gradient, 0, inputs_1), more)


@_inlined
def settle(memory, rule):
    """Leave the gradient of a batch as it is: with ReLU it is whole."""


# Losses


@_inlined
def _see(seen, output, target, threshold):
    """Count a row unless it is on the right side; let outputs that are not finite leave a NaN."""
    wrong, finite = seen
    return wrong + one_unless_positive((output - threshold) * (target - threshold)), fma(output, 0.0, finite)


@_inlined
def look(size, rows, first, memory, threshold):
    """Add rows to those seen."""
    seen = load(memory.seen, 0), load(memory.seen, 1)
    for row in range(rows):
        output, target = load(memory.outputs, row), load(memory.rows, (first + row + 1) * size - 1)
        seen = _see(seen, output, target, threshold)
    store(memory.seen, 0, seen[0])
    store(memory.seen, 1, seen[1])


@_inlined
def _cross_entropy(size, rows, first, batch, memory):
    """Look, and give the derivatives of the mean over the batch of ``log(1 + exp(-target * output))``."""
    seen = load(memory.seen, 0), load(memory.seen, 1)
    for row in range(rows):
        output, target = load(memory.outputs, row), load(memory.rows, (first + row + 1) * size - 1)
        seen = _see(seen, output, target, 0.0)
        x = target * output
        x = maximum(minimum(x, broadcast(np.float32(FAR))), broadcast(np.float32(-FAR)))
        store(memory.errors, row, target * (-1.0 / batch) / (exp(x) + 1.0))
    store(memory.seen, 0, seen[0])
    store(memory.seen, 1, seen[1])


@_inlined
def _squared_error(size, rows, first, batch, memory, threshold):
    """Look, and give the derivatives of the mean over the batch of ``(output - target)²``."""
    seen = load(memory.seen, 0), load(memory.seen, 1)
    for row in range(rows):
        output, target = load(memory.outputs, row), load(memory.rows, (first + row + 1) * size - 1)
        seen = _see(seen, output, target, threshold)
        store(memory.errors, row, (output - target) * (2.0 / batch))
    store(memory.seen, 0, seen[0])
    store(memory.seen, 1, seen[1])


@_inlined
def differentiate(rule, rows, first, batch, memory):
    """Look at the rows and give the derivatives of the loss, a mean over the rows of a batch."""
    size = rule.n_inputs + 2
    if rule.bce:
        _cross_entropy(size, rows, first, batch, memory)
    else:
        _squared_error(size, rows, first, batch, memory, rule.threshold)
