"""What an update makes of the gradients of sixteen networks, inlined by Numba.

Every name here that is not a number holds vectors of sixteen: one entry for each lane. ``memory.rates`` holds
three of them: the step of an update and its epsilon, and what the schedule multiplies the step by.
"""

import numba
import numpy as np

from relusweep.tasks.compiled import LANES
from relusweep.tasks.training.simd import (
    broadcast,
    fma,
    load,
    merged,
    minimum,
    reciprocal_seed,
    sqrt,
    store,
    where_above,
)

__all__ = ["ADAM", "DESCENT", "NESTEROV", "RMSPROP", "regularise", "set_factors", "set_rates", "update"]

ADAM, DESCENT, NESTEROV, RMSPROP = 0, 1, 2, 3

# Adding and taking away 2**-64 rounds a moment to a multiple of 2**-87: it decays to zero instead of
# into subnormal numbers, which some processors handle a hundred times slower. A mean of squares is rounded
# to a multiple of 2**-123, whose root is below all epsilons.
_QUANTUM, _QUANTUM_OF_SQUARES = 2.0**-64, 2.0**-100

_inlined = numba.njit(inline="always")

# Optimisers


@_inlined
def _reciprocal(d):
    """Give 1 / d of normal d > 0, to a relative error of 3e-7."""
    r = reciprocal_seed(d)
    for _ in range(2):
        e = fma(d * -1.0, r, 1.0)
        r = fma(r, fma(e, e, e), r)
    return r


@_inlined
def _adam(memory, step, beta1, beta2):
    epsilon = load(memory.rates, 1)
    for i in range(memory.weights.size // LANES):
        g = load(memory.gradient, i)
        m = fma(load(memory.first_moment, i), beta1, g * (1.0 - beta1))
        m = (m + _QUANTUM) - _QUANTUM
        v = fma(load(memory.second_moment, i), beta2, (g * (1.0 - beta2)) * g)
        r = _reciprocal(sqrt(v) + epsilon)
        store(memory.first_moment, i, m)
        store(memory.second_moment, i, v)
        store(memory.weights, i, fma(m * step * -1.0, r, load(memory.weights, i)))


@_inlined
def _descend(memory, step, momentum):
    """Descend along the decaying sum of gradients."""
    for i in range(memory.weights.size // LANES):
        m = fma(load(memory.first_moment, i), momentum, load(memory.gradient, i))
        m = (m + _QUANTUM) - _QUANTUM
        store(memory.first_moment, i, m)
        store(memory.weights, i, fma(m * -1.0, step, load(memory.weights, i)))


@_inlined
def _descend_ahead(memory, step, momentum):
    """Descend along the gradient and what the momentum leaves of the sum of gradients."""
    for i in range(memory.weights.size // LANES):
        g = load(memory.gradient, i)
        m = fma(load(memory.first_moment, i), momentum, g)
        m = (m + _QUANTUM) - _QUANTUM
        store(memory.first_moment, i, m)
        store(memory.weights, i, fma(fma(m, momentum, g) * -1.0, step, load(memory.weights, i)))


@_inlined
def _rms_prop(memory, step, alpha):
    epsilon = load(memory.rates, 1)
    for i in range(memory.weights.size // LANES):
        g = load(memory.gradient, i)
        v = fma(load(memory.second_moment, i), alpha, (g * (1.0 - alpha)) * g)
        v = (v + _QUANTUM_OF_SQUARES) - _QUANTUM_OF_SQUARES
        r = _reciprocal(sqrt(v) + epsilon)
        store(memory.second_moment, i, v)
        store(memory.weights, i, fma(g * step * -1.0, r, load(memory.weights, i)))


@_inlined
def update(memory, rule):
    """Update all parameters from the gradient and the rates."""
    step = load(memory.rates, 0) * load(memory.rates, 2)
    if rule.optimizer == ADAM:
        _adam(memory, step, rule.beta1, rule.beta2)
    elif rule.optimizer == DESCENT:
        _descend(memory, step, rule.beta1)
    elif rule.optimizer == NESTEROV:
        _descend_ahead(memory, step, rule.beta1)
    else:
        _rms_prop(memory, step, rule.beta2)


# Regularisation


@merged
def regularise(memory, rule):
    """Add the L1 penalty to the gradient, clip it, and let weights decay: the order in which PyTorch does."""
    count, zero = memory.weights.size // LANES, broadcast(np.float32(0))
    if rule.l1 > 0:
        up = broadcast(np.float32(rule.l1))
        for i in range(count):
            w = load(memory.weights, i)
            sign = where_above(w, zero, up, where_above(w * -1.0, zero, up * -1.0, zero))
            store(memory.gradient, i, load(memory.gradient, i) + sign)
    if rule.clip_norm > 0:
        share = rule.clip_norm / (_norm(memory, count) + 1e-6)
        share = minimum(broadcast(np.float32(1)), share)
        for i in range(count):
            store(memory.gradient, i, load(memory.gradient, i) * share)
    if rule.decay > 0:
        for i in range(count):
            w = load(memory.weights, i)
            store(memory.gradient, i, fma(w, rule.decay, load(memory.gradient, i)))
    if rule.shrink > 0:
        less = load(memory.rates, 2) * (-rule.shrink)
        for i in range(count):
            w = load(memory.weights, i)
            store(memory.weights, i, fma(w, less, w))


@merged
def _norm(memory, count):
    """Give the length of the gradient, its squares summed a few at a time for the sake of rounding."""
    total = broadcast(np.float32(0))
    for start in range(0, count, 32):
        part = broadcast(np.float32(0))
        for i in range(start, min(start + 32, count)):
            g = load(memory.gradient, i)
            part = fma(g, g, part)
        total = total + part
    return sqrt(total)


# Rates


@_inlined
def set_rates(memory, schedule, update, updates):
    """Give each lane the rates of an update of its epoch."""
    for lane in range(LANES):
        following = min(memory.epoch[lane] * updates + update, schedule.shape[0] - 1)
        memory.rates[lane] = schedule[following, 0]
        memory.rates[LANES + lane] = schedule[following, 1]


@_inlined
def set_factors(memory, factors):
    """Give each lane what the schedule multiplies the step by in its epoch."""
    for lane in range(LANES):
        factor = factors[min(memory.epoch[lane], factors.size - 1)]
        memory.rates[2 * LANES + lane] = factor * memory.reduced[lane]
