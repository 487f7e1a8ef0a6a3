"""What sixteen networks do in one step, inlined by Numba: forward, backward, update; between lies `_losses`.

Every name here that is not a number holds vectors of sixteen: one entry for each lane.

A step takes the `rows` of memory from row `first` on, a few at a time, so that what lies between forward and
backward stays in the first level of the cache.
"""

import numba

from relusweep.tasks.compiled import LANES
from relusweep.tasks.training.simd import (
    fma,
    load,
    reciprocal_seed,
    sqrt,
    store,
)
from relusweep.tasks.training.tiles import affine, gated, leaky, outer

__all__ = ["backward", "forward", "set_rates", "settle", "update"]

# Adding and taking away 2**-64 rounds a moment to a multiple of 2**-87: it decays to zero instead of
# into subnormal numbers, which some processors handle a hundred times slower.
_QUANTUM = 2.0**-64

# So no call has to pass the memory.
_inlined = numba.njit(inline="always")

# The passes through the layers


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


# Optimisers


@_inlined
def _adam(memory, beta1, beta2):
    """Adam; the relative error of the reciprocal is below 3e-7."""
    step, epsilon = load(memory.rates, 0), load(memory.rates, 1)
    for i in range(memory.weights.size // LANES):
        g = load(memory.gradient, i)
        m = fma(load(memory.first_moment, i), beta1, g * (1.0 - beta1))
        m = (m + _QUANTUM) - _QUANTUM
        v = fma(load(memory.second_moment, i), beta2, (g * (1.0 - beta2)) * g)
        d = sqrt(v) + epsilon
        r = reciprocal_seed(d)
        for _ in range(2):
            e = fma(d * -1.0, r, 1.0)
            r = fma(r, fma(e, e, e), r)
        store(memory.first_moment, i, m)
        store(memory.second_moment, i, v)
        store(memory.weights, i, fma(m * step * -1.0, r, load(memory.weights, i)))


@_inlined
def _descend(memory, momentum):
    """Descend along the decaying sum of gradients."""
    step = load(memory.rates, 0)
    for i in range(memory.weights.size // LANES):
        m = fma(load(memory.first_moment, i), momentum, load(memory.gradient, i))
        m = (m + _QUANTUM) - _QUANTUM
        store(memory.first_moment, i, m)
        store(memory.weights, i, fma(m * -1.0, step, load(memory.weights, i)))


@_inlined
def update(memory, rule):
    """Update all parameters from the gradient and the rates."""
    if rule.adam:
        _adam(memory, rule.beta1, rule.beta2)
    else:
        _descend(memory, rule.beta1)


@_inlined
def set_rates(memory, schedule, update, updates):
    """Give each lane the rates of an update of its epoch."""
    for lane in range(LANES):
        following = min(memory.epoch[lane] * updates + update, schedule.shape[0] - 1)
        memory.rates[lane] = schedule[following, 0]
        memory.rates[LANES + lane] = schedule[following, 1]
