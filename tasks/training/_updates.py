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

# Functions take the arrays that they need: to pass the whole memory takes long to compile.


@merged
def _reciprocal(d):
    """Give 1 / d of normal d > 0, to a relative error of 3e-7."""
    r = reciprocal_seed(d)
    for _ in range(2):
        e = fma(d * -1.0, r, 1.0)
        r = fma(r, fma(e, e, e), r)
    return r


@merged
def _adam(weights, gradient, first, second, rates, step, beta1, beta2):
    epsilon = load(rates, 1)
    for i in range(weights.size // LANES):
        g = load(gradient, i)
        m = fma(load(first, i), beta1, g * (1.0 - beta1))
        m = (m + _QUANTUM) - _QUANTUM
        v = fma(load(second, i), beta2, (g * (1.0 - beta2)) * g)
        r = _reciprocal(sqrt(v) + epsilon)
        store(first, i, m)
        store(second, i, v)
        store(weights, i, fma(m * step * -1.0, r, load(weights, i)))


@merged
def _descend(weights, gradient, first, step, momentum):
    """Descend along the decaying sum of gradients."""
    for i in range(weights.size // LANES):
        m = fma(load(first, i), momentum, load(gradient, i))
        m = (m + _QUANTUM) - _QUANTUM
        store(first, i, m)
        store(weights, i, fma(m * -1.0, step, load(weights, i)))


@merged
def _descend_ahead(weights, gradient, first, step, momentum):
    """Descend along the gradient and what the momentum leaves of the sum of gradients."""
    for i in range(weights.size // LANES):
        g = load(gradient, i)
        m = fma(load(first, i), momentum, g)
        m = (m + _QUANTUM) - _QUANTUM
        store(first, i, m)
        store(weights, i, fma(fma(m, momentum, g) * -1.0, step, load(weights, i)))


@merged
def _rms_prop(weights, gradient, second, rates, step, alpha):
    epsilon = load(rates, 1)
    for i in range(weights.size // LANES):
        g = load(gradient, i)
        v = fma(load(second, i), alpha, (g * (1.0 - alpha)) * g)
        v = (v + _QUANTUM_OF_SQUARES) - _QUANTUM_OF_SQUARES
        r = _reciprocal(sqrt(v) + epsilon)
        store(second, i, v)
        store(weights, i, fma(g * step * -1.0, r, load(weights, i)))


@_inlined
def update(memory, rule):
    """Update all parameters from the gradient and the rates."""
    weights, gradient, rates = memory.weights, memory.gradient, memory.rates
    first, second = memory.first_moment, memory.second_moment
    step = load(rates, 0) * load(rates, 2)
    if rule.optimizer == ADAM:
        _adam(weights, gradient, first, second, rates, step, rule.beta1, rule.beta2)
    elif rule.optimizer == DESCENT:
        _descend(weights, gradient, first, step, rule.beta1)
    elif rule.optimizer == NESTEROV:
        _descend_ahead(weights, gradient, first, step, rule.beta1)
    else:
        _rms_prop(weights, gradient, second, rates, step, rule.beta2)


@merged
def _penalise(weights, gradient, strength):
    """Add a multiple of the signs of weights to the gradient; that of 0 is 0."""
    zero, up = broadcast(np.float32(0)), broadcast(np.float32(strength))
    for i in range(weights.size // LANES):
        w = load(weights, i)
        sign = where_above(w, zero, up, where_above(w * -1.0, zero, up * -1.0, zero))
        store(gradient, i, load(gradient, i) + sign)


@merged
def _clip(gradient, longest, places):
    """Shorten gradients; squares are summed a few at a time, for the sake of rounding.

    Which of them depends on their places among stored parameters.
    """
    total, i = broadcast(np.float32(0)), 0
    while i < places.size:
        part, end = broadcast(np.float32(0)), places[i] // 32 * 32 + 32
        while i < places.size and places[i] < end:
            g = load(gradient, i)
            part = fma(g, g, part)
            i += 1
        total = total + part
    share = minimum(broadcast(np.float32(1)), longest / (sqrt(total) + 1e-6))
    for i in range(places.size):
        store(gradient, i, load(gradient, i) * share)


@merged
def _add_multiple(to, of, factor):
    """Add a multiple of some vectors to others."""
    for i in range(to.size // LANES):
        store(to, i, fma(load(of, i), factor, load(to, i)))


@_inlined
def regularise(memory, rule):
    """Add the L1 penalty to the gradient, clip it, and let weights decay: the order in which PyTorch does."""
    if rule.l1 > 0:
        _penalise(memory.weights, memory.gradient, rule.l1)
    if rule.clip_norm > 0:
        _clip(memory.gradient, rule.clip_norm, memory.places)
    if rule.decay > 0:
        _add_multiple(memory.gradient, memory.weights, broadcast(np.float32(rule.decay)))
    if rule.shrink > 0:
        _add_multiple(memory.weights, memory.weights, load(memory.rates, 2) * (-rule.shrink))


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
