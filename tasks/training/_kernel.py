"""The loops that train and look at sixteen networks at a time, as Numba compiles them."""

from collections.abc import Callable

import numba
import numpy as np

from relusweep.tasks.compiled import LANES
from relusweep.tasks.elementary import softplus
from relusweep.tasks.training._steps import backward, differentiate, forward, look, set_rates, update
from relusweep.tasks.training.gather import fetch, gather
from relusweep.tasks.training.orders import shuffle
from relusweep.tasks.training.simd import broadcast, load, mask_positive, mask_unordered, store

__all__ = ["build_evaluation", "build_gradient", "build_training", "piece"]

_ALL_LANES = (1 << LANES) - 1
_FEWEST, _MOST = 4, 16  # rows of a piece

_compiled = numba.njit(nogil=True, error_model="numpy")
_inlined = numba.njit(inline="always")


def piece(batch: int) -> int:
    """Give how many rows of a batch go forward and backward at a time: all where no divisor is fit."""
    return next((rows for rows in range(_MOST, _FEWEST - 1, -1) if batch % rows == 0), batch)


@_compiled
def _own(inputs, network):
    """Tell which inputs are a network's, of inputs that are each network's own or the same for all."""
    return min(network, inputs.shape[0] - 1)


@_compiled
def _put_rows(rows, lane, inputs, targets):
    """Write rows into a lane, each with room for a one before the target."""
    place = lane
    for row in range(targets.size):
        for i in range(inputs.shape[1]):
            rows[place] = inputs[row, i]
            place += LANES
        rows[place + LANES] = targets[row]
        place += 2 * LANES


@_compiled
def _put_weights(memory, lane, weights):
    for i in range(weights.size):
        memory.weights[i * LANES + lane] = weights[i]


@_compiled
def _load_network(memory, lane, network, data, shuffled):
    inputs, targets = data.inputs[_own(data.inputs, network)], data.targets[network]
    _put_weights(memory, lane, data.initial[network])
    for i in range(data.initial.shape[1]):
        memory.first_moment[i * LANES + lane] = 0
        memory.second_moment[i * LANES + lane] = 0
    if shuffled:
        for row in range(targets.size):
            for i in range(inputs.shape[1]):
                memory.data[lane, row, i] = inputs[row, i]
            memory.data[lane, row, inputs.shape[1]] = targets[row]
            memory.order[lane, row] = row
    else:
        _put_rows(memory.rows, lane, inputs, targets)
    memory.network[lane] = network
    memory.epoch[lane] = 0
    memory.point[lane] = 0


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
            shuffle(keys[memory.network[lane]], memory.epoch[lane], memory.words, memory.order[lane])


@_inlined
def _gather_rows(size, rows, memory, place):
    """Put the rows from a place on in each lane's order where steps find them."""
    for row in range(rows):
        gather(size, memory.data, memory.order, place + row, memory.rows, row * (size + 1))


@_inlined
def _fetch_rows(size, start, end, memory):
    """Have rows on their way while the processor computes; those behind the last one are drawn later."""
    for place in range(start, min(end, memory.order.shape[1])):
        fetch(size, memory.data, memory.order, place)


@_inlined
def _stopped(memory, rule, looked):
    """Tell which lanes have had their last epoch or, if seen, have succeeded in time or are not finite."""
    stopped = 0
    for lane in range(LANES):
        stopped |= (memory.epoch[lane] >= rule.epochs) << lane
    right, broken = mask_positive(rule.wrong - load(memory.seen, 0)), mask_unordered(load(memory.seen, 1))
    if looked:
        stopped |= broken
    if rule.early:
        stopped |= right
    return stopped


@_compiled
def _record(memory, stopped, parameters, epochs):
    for lane in range(LANES):
        if stopped >> lane & 1:
            network = memory.network[lane]
            epochs[network] = memory.epoch[lane]
            for i in range(parameters.shape[1]):
                parameters[network, i] = memory.weights[i * LANES + lane]


@_compiled
def _take_snapshots(memory, active, points, snapshots):
    """Keep the weights of lanes that have had as many epochs as their next point says."""
    for lane in range(LANES):
        if active >> lane & 1:
            network, point = memory.network[lane], memory.point[lane]
            if point < points.size and points[point] == memory.epoch[lane]:
                memory.point[lane] = point + 1
                for i in range(snapshots.shape[2]):
                    snapshots[network, point, i] = memory.weights[i * LANES + lane]


def build_training(n_inputs: int, width: int, rows: int) -> Callable[..., None]:
    """Write the training loop for one shape and batch; the depth is known when it runs."""
    size, stored = n_inputs + 2, n_inputs + 1
    some = piece(rows)
    more = int(some < rows)  # whether gradients add up over pieces
    half = some // 2

    def run(data, rule, schedule, memory, parameters, epochs):
        slope, zero = broadcast(np.float32(rule.leak)), broadcast(np.float32(0))
        batches = data.targets.shape[1] // rows
        # Where success ends the training, an epoch begins with a look at all batches: at the first while it
        # learns from it, at the others, which have negative numbers then, before.
        beginning = 1 - batches if rule.early else 0

        # Typed like what they become: Numba would compile what they are given to for literals too.
        waiting = active = np.int64(0)
        stopped = np.int64(_ALL_LANES)
        while True:
            if stopped:
                active, waiting = _refill(memory, stopped, active, waiting, data, batches > 1)
            if not active:
                break
            if batches > 1:
                _shuffle(memory, active, data.keys)
            store(memory.seen, 0, zero)
            store(memory.seen, 1, zero)
            for batch in range(beginning, batches):
                if more:
                    for i in range(memory.gradient.size // LANES):
                        store(memory.gradient, i, zero)
                for start in range(0, rows, some):
                    first, following = start, (batch % batches) * rows + start + some
                    if batches > 1:
                        first = 0
                        _gather_rows(stored, some, memory, following - some)
                        # Half of them at a time: the processor keeps only so many rows on their way.
                        _fetch_rows(stored, following, following + half, memory)
                    forward(n_inputs, width, some, first, memory, rule.depth, slope)
                    if batches > 1:
                        _fetch_rows(stored, following + half, following + some, memory)
                    if batch < 0:
                        look(size, some, first, memory, rule.threshold)
                        continue
                    differentiate(size, some, first, rows, memory, rule)
                    backward(n_inputs, width, some, first, memory, rule.depth, slope, more)
                if batch < 0:
                    continue
                if batch == 0:
                    if data.points.size:
                        _take_snapshots(memory, active, data.points, data.snapshots)
                    stopped = active & _stopped(memory, rule, rule.early or batches == 1)
                    if stopped:
                        _record(memory, stopped, parameters, epochs)
                    if stopped == active:
                        break
                set_rates(memory, schedule, batch, batches)
                update(memory, rule)
            for lane in range(LANES):
                memory.epoch[lane] += 1

    return run


@_compiled
def _tally(memory, lane, count, size, rule, network, right, total, finite):
    """Add the right rows of a lane and their losses to its network's; see if the outputs are finite."""
    threshold = np.float32(rule.threshold)
    for row in range(count):
        output = memory.outputs[row * LANES + lane]
        target = memory.rows[((row + 1) * size - 1) * LANES + lane]
        right[network] += (output - threshold) * (target - threshold) > 0
        finite[network] &= np.isfinite(output)
        if rule.bce:
            total[network] += softplus(-np.float64(target * output))
        else:
            total[network] += (np.float64(output) - np.float64(target)) ** 2


def build_evaluation(n_inputs: int, width: int, rows: int) -> Callable[..., None]:
    """Write the look at any number of rows, some at a time."""
    size = n_inputs + 2

    def run(data, rule, memory, right, total, finite):
        slope = broadcast(np.float32(rule.leak))
        n_networks, n_rows = data.targets.shape
        for first in range(0, n_networks, LANES):
            lanes = min(LANES, n_networks - first)
            for lane in range(lanes):
                _put_weights(memory, lane, data.initial[first + lane])
            for start in range(0, n_rows, rows):
                count = min(rows, n_rows - start)
                for lane in range(lanes):
                    inputs = data.inputs[_own(data.inputs, first + lane), start : start + count]
                    targets = data.targets[first + lane, start : start + count]
                    _put_rows(memory.rows, lane, inputs, targets)
                forward(n_inputs, width, rows, 0, memory, rule.depth, slope)
                for lane in range(lanes):
                    _tally(memory, lane, count, size, rule, first + lane, right, total, finite)

    return run


@_compiled
def _squares(memory, lane):
    total = 0.0
    for i in range(memory.gradient.size // LANES):
        total += np.float64(memory.gradient[i * LANES + lane]) ** 2
    return total


def build_gradient(n_inputs: int, width: int, rows: int) -> Callable[..., None]:
    """Write the gradient of the mean loss over any multiple of some rows: its squared norm."""
    size = n_inputs + 2

    def run(data, rule, memory, squares):
        slope, zero = broadcast(np.float32(rule.leak)), broadcast(np.float32(0))
        n_networks, n_rows = data.targets.shape
        for first in range(0, n_networks, LANES):
            lanes = min(LANES, n_networks - first)
            for lane in range(lanes):
                _put_weights(memory, lane, data.initial[first + lane])
            for i in range(memory.gradient.size // LANES):
                store(memory.gradient, i, zero)
            for start in range(0, n_rows, rows):
                for lane in range(lanes):
                    inputs = data.inputs[_own(data.inputs, first + lane), start : start + rows]
                    _put_rows(memory.rows, lane, inputs, data.targets[first + lane, start : start + rows])
                forward(n_inputs, width, rows, 0, memory, rule.depth, slope)
                differentiate(size, rows, 0, n_rows, memory, rule)
                backward(n_inputs, width, rows, 0, memory, rule.depth, slope, 1)
            for lane in range(lanes):
                squares[first + lane] = _squares(memory, lane)

    return run
