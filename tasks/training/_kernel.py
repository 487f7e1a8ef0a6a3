"""The loop that trains sixteen networks at a time and the one that looks at them, as Numba compiles them.

Sizes are known only when they run, so each is compiled once for networks and batches of all sizes. Both are
there twice: for ReLU, whose passes are those of `_steps`, and for the activations of `_units`.
"""

from types import FunctionType

import numba
import numpy as np

from relusweep.tasks.compiled import LANES
from relusweep.tasks.training import _units
from relusweep.tasks.training._losses import differentiate, look, tally
from relusweep.tasks.training._steps import backward, forward, settle
from relusweep.tasks.training._updates import regularise, set_factors, set_rates, update
from relusweep.tasks.training._watch import forget, watch
from relusweep.tasks.training.gather import fetch, gather
from relusweep.tasks.training.orders import shuffle
from relusweep.tasks.training.simd import broadcast, load, mask_positive, mask_unordered, store

__all__ = ["look_at_networks", "look_at_units", "train_networks", "train_units"]

_ALL_LANES = (1 << LANES) - 1

_compiled = numba.njit(nogil=True, error_model="numpy")
_inlined = numba.njit(inline="always")


@_inlined
def _own(inputs, network):
    """Tell which inputs are a network's, of inputs that are each network's own or the same for all."""
    return min(network, inputs.shape[0] - 1)


@_inlined
def _put_numbers(rows, place, lane, end, numbers, network, row):
    """Write a row of networks into lanes to the last; what is the same for all is written into all lanes."""
    for i in range(numbers.shape[2]):
        if numbers.shape[0] == 1:
            store(rows, place + i, broadcast(numbers[0, row, i]))
        else:
            for k in range(end - lane):
                rows[(place + i) * LANES + lane + k] = numbers[network + k, row, i]


@_compiled
def _put_rows(rows, lane, end, data, network, start, stop):
    """Write rows of networks, from one on, into lanes, each with room for a one before the targets."""
    place = 0
    for row in range(start, stop):
        _put_numbers(rows, place, lane, end, data.inputs, network, row)
        place += data.inputs.shape[2] + 1
        _put_numbers(rows, place, lane, end, data.targets, network, row)
        place += data.targets.shape[2]


@_inlined
def _put_weights(memory, lane, weights):
    for i in range(memory.places.size):
        memory.weights[i * LANES + lane] = weights[memory.places[i]]


@_inlined
def _take_weights(memory, lane, weights):
    """Keep the weights of a lane, with zeros for the units of zeros."""
    for i in range(weights.size):
        weights[i] = 0
    for i in range(memory.places.size):
        weights[memory.places[i]] = memory.weights[i * LANES + lane]


@_inlined
def _await(memory, lane, point, points):
    memory.point[lane] = point
    memory.due[lane] = points[point] if point < points.size else -1


@_inlined
def _take_rows(memory, lane, network, data):
    """Keep a network's rows, to be drawn from; those that are the same for all are the first lane's."""
    inputs, targets = data.inputs[_own(data.inputs, network)], data.targets[_own(data.targets, network)]
    for row in range(inputs.shape[0]):
        memory.order[lane, row] = row
        if lane < memory.data.shape[0]:
            for i in range(inputs.shape[1]):
                memory.data[lane, row, i] = inputs[row, i]
            for k in range(targets.shape[1]):
                memory.data[lane, row, inputs.shape[1] + k] = targets[row, k]


@_inlined
def _load_network(memory, lane, network, data, shuffled):
    _put_weights(memory, lane, data.initial[network])
    for i in range(memory.places.size):
        memory.first_moment[i * LANES + lane] = 0
        memory.second_moment[i * LANES + lane] = 0
    for i in range(memory.running.size // LANES):
        memory.running[i * LANES + lane] = 0
    if shuffled:
        _take_rows(memory, lane, network, data)
    else:
        _put_rows(memory.rows, lane, lane + 1, data, network, 0, data.inputs.shape[1])
    memory.network[lane] = network
    memory.epoch[lane] = 0
    forget(memory, lane)
    _await(memory, lane, 0, data.points)


@_inlined
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


@_inlined
def _shuffle(memory, active, keys):
    """Draw the order of the rows in the next epoch of each network."""
    for lane in range(LANES):
        if active >> lane & 1:
            shuffle(keys[memory.network[lane]], memory.epoch[lane], memory.words, memory.order[lane])


@_inlined
def _gather_rows(rule, rows, memory, place):
    """Put the rows from a place on in each lane's order where steps find them."""
    for row in range(rows):
        first, numbers = row * rule.size, rule.size - 1
        gather(memory.data, memory.order, place + row, memory.rows, first, numbers, rule.n_inputs)


@_inlined
def _fetch_rows(start, end, memory):
    """Have rows on their way while the processor computes; those behind the last one are drawn later."""
    for place in range(start, min(end, memory.order.shape[1])):
        fetch(memory.data, memory.order, place)


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


@_inlined
def _record(memory, stopped, ended, parameters, epochs, watched):
    for lane in range(LANES):
        if stopped >> lane & 1:
            network = memory.network[lane]
            epochs[network] = memory.epoch[lane]
            watched[network] = ended >> lane & 1 != 0
            _take_weights(memory, lane, parameters[network])


@_inlined
def _due(memory):
    """Tell which lanes have had as many epochs as their next point says."""
    due = 0
    for lane in range(LANES):
        due |= (memory.epoch[lane] == memory.due[lane]) << lane
    return due


@_inlined
def _take_snapshots(memory, due, points, snapshots):
    """Keep the weights of lanes, and say when they are due again."""
    for lane in range(LANES):
        if due >> lane & 1:
            network, point = memory.network[lane], memory.point[lane]
            _await(memory, lane, point + 1, points)
            _take_weights(memory, lane, snapshots[network, point])


def train_networks(data, rule, schedule, factors, memory, parameters, epochs, watched):
    """Train all networks; those that end leave their lane to the next ones."""
    slope, zero = broadcast(np.float32(rule.leak)), broadcast(np.float32(0))
    n_rows = data.inputs.shape[1]
    batches = -(-n_rows // rule.batch)
    # Where success ends the training, an epoch begins with a look at all batches: at the first while it
    # learns from it, at the others, which have negative numbers then, before.
    beginning = 1 - batches if rule.early else 0

    # Typed like what they become: Numba would compile what they are given to for literals too.
    waiting = active = ended = np.int64(0)
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
        if rule.scheduled:
            set_factors(memory, factors)
        for batch in range(beginning, batches):
            set_rates(memory, schedule, max(batch, 0), batches)
            begin = (batch % batches) * rule.batch
            rows = min(rule.batch, n_rows - begin)
            for start in range(0, rows, rule.piece):
                some = min(rule.piece, rows - start)
                first, following = start, begin + start + some
                if batches > 1:
                    first = 0
                    _gather_rows(rule, some, memory, following - some)
                    # Half of them at a time: the processor keeps only so many rows on their way.
                    _fetch_rows(following, following + some // 2, memory)
                forward(rule, some, first, memory, slope)
                if batches > 1:
                    _fetch_rows(following + some // 2, following + some, memory)
                if batch < 0:
                    look(rule, some, first, memory)
                    continue
                if rule.watched:
                    tally(rule, some, first, memory)
                differentiate(rule, some, first, rows, memory)
                backward(rule, some, first, rows, memory, slope, start > 0)
            if batch < 0:
                continue
            if batch == 0:
                due = active & _due(memory)
                if due:
                    _take_snapshots(memory, due, data.points, data.snapshots)
                if rule.watched and batches == 1:
                    ended = watch(memory, rule, n_rows)
                stopped = active & (_stopped(memory, rule, rule.early or batches == 1) | ended)
                if stopped:
                    _record(memory, stopped, ended, parameters, epochs, watched)
                if stopped == active:
                    break
            settle(memory, rule, rows)
            if rule.regularised:
                regularise(memory, rule)
            update(memory, rule)
        if rule.watched and batches > 1:
            ended = watch(memory, rule, n_rows) & ~stopped
        for lane in range(LANES):
            memory.epoch[lane] += 1


@_inlined
def _squares(memory):
    for i in range(memory.gradient.size // LANES):
        for lane in range(LANES):
            memory.squares[lane] += np.float64(memory.gradient[i * LANES + lane]) ** 2


@_inlined
def _take_outputs(memory, lanes, outputs, first, start, count):
    """Keep the outputs of some rows of the networks from the first on: (n_networks, n_rows, n_outputs)."""
    for lane in range(lanes):
        for row in range(count):
            for k in range(outputs.shape[2]):
                place = (row * outputs.shape[2] + k) * LANES + lane
                outputs[first + lane, start + row, k] = memory.outputs[place]


def look_at_networks(data, rule, memory, parameters, right, total, finite, squares, outputs):
    """Look at all rows with several parameters of each network, and at the gradient if `squares` has room.

    If `outputs` has room, they are all that is given.
    """
    slope = broadcast(np.float32(rule.leak))
    n_networks, n_rows = parameters.shape[0], data.inputs.shape[1]
    for first in range(0, n_networks, LANES):
        lanes = min(LANES, n_networks - first)
        for point in range(parameters.shape[1]):
            for lane in range(lanes):
                _put_weights(memory, lane, parameters[first + lane, point])
            memory.right[:] = 0
            memory.total[:] = 0
            memory.finite[:] = True
            memory.squares[:] = 0
            for start in range(0, n_rows, rule.piece):
                count = min(rule.piece, n_rows - start)
                if point == 0 or n_rows > rule.piece:
                    _put_rows(memory.rows, 0, lanes, data, first, start, start + count)
                forward(rule, count, 0, memory, slope)
                if outputs.size:
                    _take_outputs(memory, lanes, outputs, first, start, count)
                else:
                    tally(rule, count, 0, memory)
                if squares.size:
                    differentiate(rule, count, 0, n_rows, memory)
                    backward(rule, count, 0, n_rows, memory, slope, start > 0)
            if squares.size:
                settle(memory, rule, n_rows)
                _squares(memory)
            for lane in range(lanes):
                right[first + lane, point] = memory.right[lane]
                total[first + lane, point] = memory.total[lane]
                finite[first + lane, point] = memory.finite[lane]
                if squares.size:
                    squares[first + lane, point] = memory.squares[lane]


def _with_units(kernel, name):
    """Give a kernel of the same text with the passes of `_units`."""
    passes = {"forward": _units.forward, "backward": _units.backward, "settle": _units.settle}
    function = FunctionType(kernel.__code__, globals() | passes, name)
    function.__qualname__ = name
    return function


train_units = _with_units(train_networks, "train_units")
look_at_units = _with_units(look_at_networks, "look_at_units")
