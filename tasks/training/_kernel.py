"""What sixteen networks do at once, as Numba compiles it: training, and a look at rows.

Every name here that is not a number holds vectors of sixteen: one entry for each lane. Of a data set, a row is its
inputs, a one for the bias, and its target.
"""

from collections.abc import Callable

import numba
import numpy as np

from tasks.elementary import softplus
from tasks.training.gather import gather
from tasks.training.orders import draw_steps, shuffle
from tasks.training.simd import (
    LANES,
    broadcast,
    fma,
    load,
    mask_positive,
    mask_unordered,
    maximum,
    minimum,
    one_unless_positive,
    reciprocal_seed,
    scale_by_power,
    sqrt,
    store,
)
from tasks.training.tiles import affine, gated, leaky, outer

__all__ = ["build_evaluation", "build_training"]

_ALL_LANES = (1 << LANES) - 1

# Beyond these margins a row's share of the gradient is below 1e-26, or 1 to the last bit.
_CLIP = 60.0
_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.693145751953125, 1.428606820309417e-06
_ROUND = 12582912.0  # 1.5 * 2**23: adding it leaves a whole number in the low bits
# Adding and taking away 2**-64 rounds a moment to a multiple of 2**-87: it decays to zero instead of
# into subnormal numbers, which some processors handle a hundred times slower.
_QUANTUM = 2.0**-64

_compiled = numba.njit(nogil=True, error_model="numpy")
_inlined = numba.njit(inline="always")  # so that the sizes are literals where it is called

# The passes through the layers


@_inlined
def _forward(n_inputs, width, rows, memory, depth, slope):
    """Compute the activations and the outputs of all rows in memory."""
    weights, hidden = memory.weights, memory.hidden
    inputs_1, width_1 = n_inputs + 1, width + 1
    x, h = (memory.rows, 0, n_inputs + 2), (hidden, 0, width_1)
    leaky(rows, width, n_inputs, x, (weights, 0, inputs_1), h, slope)
    for layer in range(depth - 1):
        below, above = (
            (hidden, layer * rows * width_1, width_1),
            (hidden, (layer + 1) * rows * width_1, width_1),
        )
        w = (weights, width * (inputs_1 + layer * width_1), width_1)
        leaky(rows, width, width, below, w, above, slope)
    top = (hidden, (depth - 1) * rows * width_1, width_1)
    v = (weights, width * (inputs_1 + (depth - 1) * width_1), width_1)
    affine(rows, 1, width, top, v, (memory.outputs, 0, 1))


@_inlined
def _backward(n_inputs, width, rows, memory, depth, slope):
    """Compute the gradient from the derivatives of the loss, which are the first of the errors."""
    weights, hidden, errors, gradient = memory.weights, memory.hidden, memory.errors, memory.gradient
    inputs_1, width_1 = n_inputs + 1, width + 1
    here, there = rows, rows + rows * width
    top = (hidden, (depth - 1) * rows * width_1, width_1)
    output = width * (inputs_1 + (depth - 1) * width_1)
    gated(rows, width, 1, (errors, 0, 1), (weights, output, width_1), top, (errors, here, width), slope)
    outer(1, width, rows, (errors, 0, 1), top, (gradient, output, width_1))
    for layer in range(depth - 2, -1, -1):
        below, error = (hidden, layer * rows * width_1, width_1), (errors, here, width)
        start = width * (inputs_1 + layer * width_1)
        gated(rows, width, width, error, (weights, start, width_1), below, (errors, there, width), slope)
        outer(width, width, rows, error, below, (gradient, start, width_1))
        here, there = there, here
    x = (memory.rows, 0, n_inputs + 2)
    outer(width, n_inputs, rows, (errors, here, width), x, (gradient, 0, inputs_1))


# Losses


@_inlined
def _count_wrong(size, rows, memory, threshold):
    """Add the rows on the wrong side to those seen; notice outputs that are not finite."""
    wrong, finite = load(memory.seen, 0), load(memory.seen, 1)
    for row in range(rows):
        output, target = load(memory.outputs, row), load(memory.rows, (row + 1) * size - 1)
        wrong = wrong + one_unless_positive((output - threshold) * (target - threshold))
        finite = fma(output, 0.0, finite)
    store(memory.seen, 0, wrong)
    store(memory.seen, 1, finite)


@_inlined
def _cross_entropy(size, rows, memory):
    """Give the derivatives of the mean over the rows of ``log(1 + exp(-target * output))``."""
    for row in range(rows):
        target = load(memory.rows, (row + 1) * size - 1)
        margin = target * load(memory.outputs, row)
        x = maximum(minimum(margin, broadcast(np.float32(_CLIP))), broadcast(np.float32(-_CLIP)))
        k = fma(x, _LOG2_E, _ROUND)
        whole = k - _ROUND
        r = fma(whole, -_LN2_LOW, fma(whole, -_LN2_HIGH, x))
        p = fma(fma(fma(r, 1 / 720, 1 / 120), r, 1 / 24), r, 1 / 6)
        p = fma(fma(fma(p, r, 0.5), r, 1.0), r, 1.0)
        store(memory.errors, row, target * (-1.0 / rows) / (scale_by_power(p, k) + 1.0))


@_inlined
def _squared_error(size, rows, memory):
    """Give the derivatives of the mean over the rows of ``(output - target)²``."""
    for row in range(rows):
        residual = load(memory.outputs, row) - load(memory.rows, (row + 1) * size - 1)
        store(memory.errors, row, residual * (2.0 / rows))


# Optimisers


@_compiled
def _adam(memory, beta1, beta2):
    """Update all parameters from the gradient; the reciprocal's relative error is below 3e-7."""
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
def _descend(memory, momentum):
    """Update all parameters along the decaying sum of gradients."""
    step = load(memory.rates, 0)
    for i in range(memory.weights.size // LANES):
        m = fma(load(memory.first_moment, i), momentum, load(memory.gradient, i))
        m = (m + _QUANTUM) - _QUANTUM
        store(memory.first_moment, i, m)
        store(memory.weights, i, fma(m * -1.0, step, load(memory.weights, i)))


@_compiled
def _set_rates(memory, schedule, update, updates):
    """Give each lane the rates of an update of its epoch."""
    for lane in range(LANES):
        following = min(memory.epoch[lane] * updates + update, schedule.shape[0] - 1)
        memory.rates[lane] = schedule[following, 0]
        memory.rates[LANES + lane] = schedule[following, 1]


# Lanes


@_compiled
def _own(inputs, network):
    """Give a network's inputs, of inputs that are each network's own or the same for all."""
    return inputs[min(network, inputs.shape[0] - 1)]


@_compiled
def _put_rows(room, first, step, inputs, targets):
    """Write rows to places `first`, ``first + step``, …"""
    place = first
    for row in range(targets.size):
        for i in range(inputs.shape[1]):
            room[place] = inputs[row, i]
            place += step
        room[place] = 1
        room[place + step] = targets[row]
        place += 2 * step


@_compiled
def _put_weights(memory, lane, weights):
    for i in range(weights.size):
        memory.weights[i * LANES + lane] = weights[i]


@_compiled
def _load_network(memory, lane, network, data, shuffled):
    inputs, targets = _own(data.inputs, network), data.targets[network]
    _put_weights(memory, lane, data.initial[network])
    for i in range(data.initial.shape[1]):
        memory.first_moment[i * LANES + lane] = 0
        memory.second_moment[i * LANES + lane] = 0
    if shuffled:
        _put_rows(memory.data, lane * targets.size * (inputs.shape[1] + 2), 1, inputs, targets)
        for row in range(targets.size):
            memory.order[lane, row] = row
    else:
        _put_rows(memory.rows, lane, LANES, inputs, targets)
    memory.network[lane] = network
    memory.epoch[lane] = 0


@_compiled
def _refill(memory, stopped, active, waiting, data, shuffled):
    """Give the lanes of stopped networks to the next ones that wait."""
    for lane in range(LANES):
        if stopped >> lane & 1:
            active &= ~(1 << lane)
            if waiting < data.initial.shape[0]:
                _load_network(memory, lane, waiting, data, shuffled)
                active |= 1 << lane
                waiting += 1
    return active, waiting


@_compiled
def _shuffle(memory, active, keys):
    """Draw the order of the rows in the next epoch of each network."""
    for lane in range(LANES):
        if active >> lane & 1:
            draw_steps(keys[memory.network[lane]], memory.epoch[lane], memory.words, memory.steps)
            shuffle(memory.steps, memory.order[lane])


@_compiled
def _stopped(memory, rule):
    """Tell which lanes have succeeded in time, are not finite, or have had their last epoch."""
    expired = 0
    for lane in range(LANES):
        expired |= (memory.epoch[lane] >= rule.epochs) << lane
    wrong, finite = load(memory.seen, 0), load(memory.seen, 1)
    return expired | mask_positive(rule.tolerance - wrong) | mask_unordered(finite)


@_compiled
def _record(memory, stopped, parameters, epochs):
    for lane in range(LANES):
        if stopped >> lane & 1:
            network = memory.network[lane]
            epochs[network] = memory.epoch[lane]
            for i in range(parameters.shape[1]):
                parameters[network, i] = memory.weights[i * LANES + lane]


def build_training(n_inputs: int, width: int, rows: int) -> Callable[..., None]:
    """Write the training loop for one shape and batch; the depth and the number of batches are known later."""
    size = n_inputs + 2

    def run(data, rule, schedule, memory, parameters, epochs):
        slope = broadcast(np.float32(rule.leak))
        batches = data.targets.shape[1] // rows
        shuffled = batches > 1
        # An epoch of one batch looks at the rows while it learns from them. Before one of several, batches of
        # negative number are only looked at, if that may end the training.
        first = -batches if shuffled and rule.tolerance > 0 else 0

        # Typed like what they become: Numba would compile what they are given to for literals too.
        waiting = active = np.int64(0)
        stopped = np.int64(_ALL_LANES)
        while True:
            active, waiting = _refill(memory, stopped, active, waiting, data, shuffled)
            if not active:
                break
            if shuffled:
                _shuffle(memory, active, data.keys)
            memory.seen[:] = 0
            for batch in range(first, batches):
                if shuffled:
                    start = batch % batches * rows
                    for row in range(rows):
                        gather(size, memory.data, memory.order, start + row, memory.rows, row * size)
                _forward(n_inputs, width, rows, memory, rule.depth, slope)
                if batch < 0 or not shuffled:
                    _count_wrong(size, rows, memory, rule.threshold)
                if batch == 0:
                    stopped = active & _stopped(memory, rule)
                    if stopped:
                        _record(memory, stopped, parameters, epochs)
                    if stopped == active:
                        break
                if batch >= 0:
                    if rule.bce:
                        _cross_entropy(size, rows, memory)
                    else:
                        _squared_error(size, rows, memory)
                    _backward(n_inputs, width, rows, memory, rule.depth, slope)
                    _set_rates(memory, schedule, batch, batches)
                    if rule.adam:
                        _adam(memory, rule.beta1, rule.beta2)
                    else:
                        _descend(memory, rule.beta1)
            for lane in range(LANES):
                memory.epoch[lane] += 1

    return run


@_compiled
def _tally(memory, lane, count, size, rule):
    """Give right rows, the sum of their losses, and whether the outputs are finite, of one lane."""
    right, total, finite = 0, 0.0, True
    threshold = np.float32(rule.threshold)
    for row in range(count):
        output = memory.outputs[row * LANES + lane]
        target = memory.rows[((row + 1) * size - 1) * LANES + lane]
        right += (output - threshold) * (target - threshold) > 0
        finite &= np.isfinite(output)
        if rule.bce:
            total += softplus(-np.float64(target * output))
        else:
            total += (np.float64(output) - np.float64(target)) ** 2
    return right, total, finite


def build_evaluation(n_inputs: int, width: int, rows: int) -> Callable[..., None]:
    """Write the look at any number of rows, some at a time."""
    size = n_inputs + 2

    def run(data, rule, memory, right, loss, finite):
        slope = broadcast(np.float32(rule.leak))
        n_networks, n_rows = data.targets.shape
        for first in range(0, n_networks, LANES):
            lanes = min(LANES, n_networks - first)
            for lane in range(lanes):
                _put_weights(memory, lane, data.initial[first + lane])
            for start in range(0, n_rows, rows):
                count = min(rows, n_rows - start)
                for lane in range(lanes):
                    inputs = _own(data.inputs, first + lane)[start : start + count]
                    targets = data.targets[first + lane, start : start + count]
                    _put_rows(memory.rows, lane, LANES, inputs, targets)
                _forward(n_inputs, width, rows, memory, rule.depth, slope)
                for lane in range(lanes):
                    some, total, fine = _tally(memory, lane, count, size, rule)
                    right[first + lane] += some
                    loss[first + lane] += total
                    finite[first + lane] &= fine

    return run
