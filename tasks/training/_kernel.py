"""The training loop of sixteen networks, as Numba compiles it.

Every name here that is not a number holds vectors of sixteen: one entry for each lane.
"""

from collections.abc import Callable

import numba
import numpy as np

from tasks.elementary import softplus
from tasks.training.protocol import StopReason
from tasks.training.simd import (
    LANES,
    broadcast,
    fma,
    load,
    mask_positive,
    mask_unordered,
    maximum,
    minimum,
    reciprocal_seed,
    scale_by_power,
    sqrt,
    store,
)
from tasks.training.tiles import affine, gated, leaky, outer

__all__ = ["build"]

_ALL_LANES = (1 << LANES) - 1
_SUCCESS, _EPOCHS, _NOT_FINITE = (int(reason) for reason in StopReason)

# Beyond these margins a row's share of the gradient is below 1e-26, or 1 to the last bit.
_CLIP = 60.0
_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.693145751953125, 1.428606820309417e-06
_ROUND = 12582912.0  # 1.5 * 2**23: adding it leaves a whole number in the low bits
# Adding and taking away 2**-64 rounds a moment to a multiple of 2**-87: it decays to zero instead of
# into subnormal numbers, which some processors handle a hundred times slower.
_QUANTUM = 2.0**-64

_compiled = numba.njit(nogil=True, error_model="numpy")


@_compiled
def _adam(memory, betas):
    """Update all parameters from the gradient; the reciprocal's relative error is below 3e-7."""
    beta1, beta2 = betas
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


@_compiled
def _loss_derivative(memory, rows):
    """Turn logits into margins and derivatives; tell which lanes are right on all rows, which not finite."""
    least = broadcast(np.float32(np.inf))
    finite = broadcast(np.float32(0.0))
    for row in range(rows):
        target = load(memory.targets, row)
        margin = target * load(memory.errors, row)
        store(memory.margins, row, margin)
        least = minimum(margin, least)
        finite = fma(margin, 0.0, finite)
        x = maximum(minimum(margin, broadcast(np.float32(_CLIP))), broadcast(np.float32(-_CLIP)))
        k = fma(x, _LOG2_E, _ROUND)
        whole = k - _ROUND
        r = fma(whole, -_LN2_LOW, fma(whole, -_LN2_HIGH, x))
        p = fma(fma(fma(r, 1 / 720, 1 / 120), r, 1 / 24), r, 1 / 6)
        p = fma(fma(fma(p, r, 0.5), r, 1.0), r, 1.0)
        store(memory.errors, row, target * (-1.0 / rows) / (scale_by_power(p, k) + 1.0))
    return mask_positive(least), mask_unordered(finite)


@_compiled
def _load_network(memory, lane, initial, targets):
    for i in range(initial.size):
        place = i * LANES + lane
        memory.weights[place] = initial[i]
        memory.first_moment[place] = 0
        memory.second_moment[place] = 0
    for row in range(targets.size):
        memory.targets[row * LANES + lane] = targets[row]


@_compiled
def _record(memory, lane, reason, rows, recorded, kept):
    success_epoch, rows_right, loss, stop_reason, epochs = recorded
    network, epoch = memory.network[lane], memory.epoch[lane]
    total = 0.0
    for row in range(rows):
        margin = memory.margins[row * LANES + lane]
        rows_right[network] += margin > 0
        total += softplus(-np.float64(margin))
    loss[network] = total / rows
    if reason == _SUCCESS:
        success_epoch[network] = epoch
    stop_reason[network] = reason
    epochs[network] = epoch
    if kept.size:
        for i in range(kept.shape[1]):
            kept[network, i] = memory.weights[i * LANES + lane]


@_compiled
def _set_rates(memory, schedule):
    """Give each lane the rates of its next update; tell which lanes have none left."""
    limit = schedule.shape[0] - 1
    expired = 0
    for lane in range(LANES):
        following = min(memory.epoch[lane], limit - 1)
        memory.rates[lane] = schedule[following, 0]
        memory.rates[LANES + lane] = schedule[following, 1]
        expired |= (memory.epoch[lane] >= limit) << lane
    return expired


@_compiled
def _record_stopped(memory, stopped, right, broken, rows, recorded, kept):
    for lane in range(LANES):
        bit = 1 << lane
        if stopped & bit:
            reason = _NOT_FINITE if broken & bit else _SUCCESS if right & bit else _EPOCHS
            _record(memory, lane, reason, rows, recorded, kept)


@_compiled
def _refill(memory, stopped, active, waiting, initial, targets):
    """Give the lanes of stopped networks to the next ones that wait."""
    for lane in range(LANES):
        if stopped >> lane & 1:
            active &= ~(1 << lane)
            if waiting < initial.shape[0]:
                _load_network(memory, lane, initial[waiting], targets[waiting])
                memory.network[lane] = waiting
                memory.epoch[lane] = 0
                active |= 1 << lane
                waiting += 1
    return active, waiting


def build(n_inputs: int, width: int, rows: int) -> Callable[..., None]:
    """Write the training loop for one shape; the depth is known when it runs."""
    inputs_1, width_1 = n_inputs + 1, width + 1

    def run(targets, initial, depth, leak, betas, schedule, memory, recorded, kept):
        weights, activations, errors, gradient = (
            memory.weights,
            memory.activations,
            memory.errors,
            memory.gradient,
        )
        slope = broadcast(np.float32(leak))
        hidden_size = width * width_1
        hidden = width * inputs_1  # first parameter of the second hidden layer
        output = hidden + (depth - 1) * hidden_size
        layer_size = rows * width_1
        first = rows * inputs_1  # first activation of the first hidden layer
        last = first + (depth - 1) * layer_size

        # Typed like what they become: Numba would compile what they are given to for literals too.
        waiting = active = np.int64(0)
        stopped = np.int64(_ALL_LANES)
        while True:
            if stopped:
                active, waiting = _refill(memory, stopped, active, waiting, initial, targets)
            if not active:
                break

            x, w, h = (activations, 0, inputs_1), (weights, 0, inputs_1), (activations, first, width_1)
            leaky(rows, width, n_inputs, x, w, h, slope)
            for layer in range(depth - 1):
                below = (activations, first + layer * layer_size, width_1)
                u = (weights, hidden + layer * hidden_size, width_1)
                above = (activations, first + (layer + 1) * layer_size, width_1)
                leaky(rows, width, width, below, u, above, slope)
            top, v, z = (activations, last, width_1), (weights, output, width_1), (errors, 0, 1)
            affine(rows, 1, width, top, v, z)

            right, broken = _loss_derivative(memory, rows)
            expired = _set_rates(memory, schedule)
            stopped = active & (right | broken | expired)
            if stopped:
                _record_stopped(memory, stopped, right, broken, rows, recorded, kept)
            for lane in range(LANES):
                memory.epoch[lane] += 1

            here, there = rows, rows + rows * width
            gated(rows, width, 1, z, v, top, (errors, here, width), slope)
            outer(1, width_1, rows, z, top, (gradient, output, width_1))
            for layer in range(depth - 2, -1, -1):
                below = (activations, first + layer * layer_size, width_1)
                start = hidden + layer * hidden_size
                error = (errors, here, width)
                gated(
                    rows, width, width, error, (weights, start, width_1), below, (errors, there, width), slope
                )
                outer(width, width_1, rows, error, below, (gradient, start, width_1))
                here, there = there, here
            outer(width, inputs_1, rows, (errors, here, width), x, (gradient, 0, inputs_1))
            _adam(memory, betas)

    return run
