"""What `relusweep.tasks.training.penalties` adds to the gradient, in the lanes of the kernel of `_units`.

``memory.running`` holds one vector that is 1 from the second update on, and four of each hidden unit: running
mean and variance, and of the rows of the batch so far the sums of ``h - mean`` and of its square.
"""

import numba
import numpy as np

from relusweep.tasks.training._layers import BEFORE, HIDDEN, UNITS, WEIGHTS, WIDE
from relusweep.tasks.training.protocol import PULL_DECAY
from relusweep.tasks.training.simd import broadcast, fma, load, maximum, merged, sqrt, store, where_above

__all__ = ["add_orthogonality", "follow", "pull"]

_inlined = numba.njit(inline="always")


@merged
def pull(rule, rows, layer, batch, memory):
    """Add the pull to the errors of a layer's activations, and let the rows count."""
    zero, running = broadcast(np.float32(0)), memory.running
    strength = load(running, 0) * broadcast(np.float32(rule.pull / batch))
    layers, units = memory.layers, memory.layers[layer, UNITS]
    for unit in range(units):
        place = 1 + 4 * (layers[layer, BEFORE] + unit)
        mean, reach = load(running, place), sqrt(load(running, place + 1)) * 2.0
        total, squares = load(running, place + 2), load(running, place + 3)
        for row in range(rows):
            h = load(memory.hidden, layers[layer, HIDDEN] + row * layers[layer, WIDE] + unit)
            away, error = h - mean, row * units + unit
            past = away - where_above(away, zero, reach, reach * -1.0)
            store(memory.errors, error, fma(strength, past, load(memory.errors, error)))
            total, squares = total + away, fma(away, away, squares)
        store(running, place + 2, total)
        store(running, place + 3, squares)


@merged
def follow(rule, batch, memory):
    """Bring running means and variances up to the batch."""
    zero, one, running = broadcast(np.float32(0)), broadcast(np.float32(1)), memory.running
    share, rate = broadcast(np.float32(1 / batch)), fma(load(running, 0), -PULL_DECAY, one)
    for place in range(1, 1 + 4 * memory.layers[rule.depth, BEFORE], 4):
        mean, variance = load(running, place), load(running, place + 1)
        shift = load(running, place + 2) * share
        spread = maximum(load(running, place + 3) * share - shift * shift, zero)
        store(running, place, fma(rate, shift, mean))
        store(running, place + 1, fma(rate, spread - variance, variance))
        store(running, place + 2, zero)
        store(running, place + 3, zero)
    store(running, 0, one)


@merged
def add_orthogonality(rule, memory):
    """Add the derivative of the penalty on rows that are not orthogonal to the gradient."""
    fan_in = rule.n_inputs
    for layer in range(rule.depth):
        place, n_rows = memory.layers[layer, WEIGHTS], memory.layers[layer, UNITS] * rule.group
        _invert_lengths(memory, place, n_rows, fan_in)
        for i in range(n_rows):
            for j in range(i):
                _part(rule, memory, place + i * (fan_in + 1), place + j * (fan_in + 1), i, j, fan_in)
        fan_in = memory.layers[layer, WIDE] - 1


@_inlined
def _invert_lengths(memory, place, n_rows, fan_in):
    zero, one = broadcast(np.float32(0)), broadcast(np.float32(1))
    for i in range(n_rows):
        square = zero
        for k in range(place + i * (fan_in + 1), place + i * (fan_in + 1) + fan_in):
            weight = load(memory.weights, k)
            square = fma(weight, weight, square)
        store(memory.inverse_lengths, i, where_above(square, zero, one / sqrt(square), zero))


@_inlined
def _part(rule, memory, one, other, i, j, fan_in):
    """Add the share of two rows, of which the penalty has twice the square of the cosine of their angle."""
    weights, gradient = memory.weights, memory.gradient
    of_one, of_other = load(memory.inverse_lengths, i), load(memory.inverse_lengths, j)
    cosine = broadcast(np.float32(0))
    for k in range(fan_in):
        cosine = fma(load(weights, one + k), load(weights, other + k), cosine)
    cosine = cosine * of_one * of_other
    slope = cosine * broadcast(np.float32(4 * rule.orthogonality))
    for k in range(fan_in):
        a, b = load(weights, one + k) * of_one, load(weights, other + k) * of_other
        store(gradient, one + k, fma(slope * of_one, b - cosine * a, load(gradient, one + k)))
        store(gradient, other + k, fma(slope * of_other, a - cosine * b, load(gradient, other + k)))
