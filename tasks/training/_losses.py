"""What sixteen networks lose, and which rows are right: in vectors while they train, at the end in float64.

A row of data is its inputs, a one for the bias, its targets and, where rows have weights, its weight. The
outputs of a row lie one after another, and so do the derivatives of the loss by them, `slopes` of the memory.
"""

import numba
import numpy as np

from relusweep.tasks.compiled import LANES
from relusweep.tasks.elementary import exp as exp_of_one
from relusweep.tasks.elementary import log, softplus
from relusweep.tasks.training.functions import FAR, exp
from relusweep.tasks.training.simd import (
    broadcast,
    fma,
    load,
    maximum,
    merged,
    minimum,
    one_unless_positive,
    store,
    where_above,
)

__all__ = ["CODES", "differentiate", "look", "tally"]

_BCE, _MSE, _HUBER, _HINGE, _CROSS_ENTROPY = range(5)
CODES = {
    "bce": _BCE,
    "mse": _MSE,
    "huber": _HUBER,
    "hinge": _HINGE,
    "cross_entropy": _CROSS_ENTROPY,
}
"""What a rule calls losses."""

_FARTHEST = 700.0  # below zero, of an exponential of float64

_inlined = numba.njit(inline="always")


@_inlined
def _targets_of(rule, row):
    """Give the place of a row's first target."""
    return row * rule.size + rule.n_inputs + 1


@_inlined
def _is_class(target, k):
    """Give 1 where the target is class k, else 0."""
    one = broadcast(np.float32(1))
    apart = target - broadcast(np.float32(k))
    return maximum(one - apart * apart, broadcast(np.float32(0)))


@merged
def _wrong_class(rule, memory, own, target):
    """Give 1 unless the output of the class is above all others."""
    zero, nothing = broadcast(np.float32(0)), broadcast(np.float32(-np.inf))
    of_class, of_others = nothing, nothing
    for k in range(rule.n_outputs):
        output, is_class = load(memory.outputs, own + k), _is_class(target, k)
        of_class = where_above(is_class, zero, output, of_class)
        of_others = where_above(is_class, zero, of_others, maximum(output, of_others))
    return one_unless_positive(of_class - of_others)


@_inlined
def _see(rule, row, first, memory, seen):
    """Count a row unless it is right; let outputs that are not finite leave a NaN."""
    wrong, finite = seen
    place, own = _targets_of(rule, first + row), row * rule.n_outputs
    this = broadcast(np.float32(0))
    if rule.loss == _CROSS_ENTROPY:
        this = _wrong_class(rule, memory, own, load(memory.rows, place))
    for k in range(rule.n_outputs):
        output = load(memory.outputs, own + k)
        if rule.loss != _CROSS_ENTROPY:
            target = load(memory.rows, place + k)
            product = (output - rule.threshold) * (target - rule.threshold)
            this = maximum(this, one_unless_positive(product))
        finite = fma(output, 0.0, finite)
    if rule.weighted:
        zero, one = broadcast(np.float32(0)), broadcast(np.float32(1))
        this = this * where_above(load(memory.rows, place + rule.n_targets), zero, one, zero)
    return wrong + this, finite


@_inlined
def _see_one(threshold, output, target, seen):
    """Do the same for a single output of a row without a weight."""
    wrong, finite = seen
    product = (output - threshold) * (target - threshold)
    return wrong + one_unless_positive(product), fma(output, 0.0, finite)


@_inlined
def look(rule, rows, first, memory):
    """Add rows to those seen."""
    seen = load(memory.seen, 0), load(memory.seen, 1)
    if rule.single:
        for row in range(rows):
            target = load(memory.rows, _targets_of(rule, first + row))
            seen = _see_one(rule.threshold, load(memory.outputs, row), target, seen)
    else:
        for row in range(rows):
            seen = _see(rule, row, first, memory, seen)
    store(memory.seen, 0, seen[0])
    store(memory.seen, 1, seen[1])


@_inlined
def _slope_of_logit(output, target, count):
    x = target * output
    x = maximum(minimum(x, broadcast(np.float32(FAR))), broadcast(np.float32(-FAR)))
    return target * (-1.0 / count) / (exp(x) + 1.0)


@merged
def _slope(rule, output, target, count):
    """Give the derivative of a loss that has one target for each output, by `count`."""
    if rule.loss == _BCE:
        return _slope_of_logit(output, target, count)
    if rule.loss == _HINGE:
        zero, one = broadcast(np.float32(0)), broadcast(np.float32(1))
        slope = where_above(one - target * output, zero, target * (-1.0 / count), zero)
        return fma(output, 0.0, slope)  # NaN of what is not finite
    if rule.loss == _HUBER:
        most, error = broadcast(np.float32(rule.delta)), output - target
        return maximum(most * -1.0, minimum(most, error)) * (1.0 / count)
    return (output - target) * (2.0 / count)


@merged
def _differentiate_classes(rule, memory, own, target, count):
    """Give softmax minus 1 at the class, by `count`."""
    largest, total = load(memory.outputs, own), broadcast(np.float32(0))
    for k in range(1, rule.n_outputs):
        largest = maximum(load(memory.outputs, own + k), largest)
    for k in range(rule.n_outputs):
        below = maximum(broadcast(np.float32(-FAR)), load(memory.outputs, own + k) - largest)
        share = exp(below)
        store(memory.slopes, own + k, share)
        total = total + share
    for k in range(rule.n_outputs):
        share = load(memory.slopes, own + k) / total
        store(memory.slopes, own + k, (share - _is_class(target, k)) * (1.0 / count))


@_inlined
def differentiate(rule, rows, first, batch, memory):
    """Look at the rows and give the derivatives of the loss, a mean over the rows of a batch."""
    seen = load(memory.seen, 0), load(memory.seen, 1)
    if rule.single and rule.loss == _BCE:
        for row in range(rows):
            output, target = load(memory.outputs, row), load(memory.rows, _targets_of(rule, first + row))
            seen = _see_one(0.0, output, target, seen)
            store(memory.slopes, row, _slope_of_logit(output, target, batch))
    elif rule.single and rule.loss == _MSE:
        for row in range(rows):
            output, target = load(memory.outputs, row), load(memory.rows, _targets_of(rule, first + row))
            seen = _see_one(rule.threshold, output, target, seen)
            store(memory.slopes, row, (output - target) * (2.0 / batch))
    else:
        seen = _differentiate_any(rule, rows, first, batch, memory, seen)
    store(memory.seen, 0, seen[0])
    store(memory.seen, 1, seen[1])


@merged
def _differentiate_any(rule, rows, first, batch, memory, seen):
    """Do so for any losses, outputs and weights."""
    for row in range(rows):
        seen = _see(rule, row, first, memory, seen)
        place, own = _targets_of(rule, first + row), row * rule.n_outputs
        if rule.loss == _CROSS_ENTROPY:
            _differentiate_classes(rule, memory, own, load(memory.rows, place), batch)
        else:
            for k in range(rule.n_outputs):
                output, target = load(memory.outputs, own + k), load(memory.rows, place + k)
                store(memory.slopes, own + k, _slope(rule, output, target, batch * rule.n_outputs))
        if rule.weighted:
            weight = load(memory.rows, place + rule.n_targets)
            for k in range(rule.n_outputs):
                store(memory.slopes, own + k, load(memory.slopes, own + k) * weight)
    return seen


@_inlined
def tally(rule, rows, first, memory):
    """Add rows, and their losses, to the right ones of each lane; see if the outputs are finite."""
    if not rule.single or rule.loss > _MSE:
        _tally_any(rule, rows, first, memory)
        return
    threshold = np.float32(rule.threshold)
    for row in range(rows):
        place, own = _targets_of(rule, first + row) * LANES, row * LANES
        for lane in range(LANES):  # of simple steps, so that it becomes vector code
            output, target = memory.outputs[own + lane], memory.rows[place + lane]
            memory.right[lane] += (output - threshold) * (target - threshold) > 0
            memory.finite[lane] &= np.isfinite(output)
            if rule.loss == _BCE:
                memory.total[lane] += softplus(-np.float64(target * output))
            else:
                memory.total[lane] += (np.float64(output) - np.float64(target)) ** 2


@merged
def _tally_any(rule, rows, first, memory):
    """Do so for any losses, outputs and weights."""
    for row in range(rows):
        place, own = _targets_of(rule, first + row) * LANES, row * rule.n_outputs * LANES
        for lane in range(LANES):
            if rule.loss == _CROSS_ENTROPY:
                right, loss = _judge_class(rule, memory, own + lane, memory.rows[place + lane])
            else:
                right, loss = _judge(rule, memory, own + lane, place + lane)
            if rule.weighted:
                weight = memory.rows[place + rule.n_targets * LANES + lane]
                right, loss = right or weight == 0, loss * np.float64(weight)
            memory.right[lane] += right
            memory.total[lane] += loss
            for k in range(rule.n_outputs):
                output = memory.outputs[own + k * LANES + lane]
                memory.finite[lane] &= np.isfinite(output)
                memory.total[lane] += 0.0 if output == output else np.nan  # max() may lose it


@_inlined
def _judge(rule, memory, own, place):
    """Say of one network whether all outputs of a row are right, and their mean loss."""
    threshold, right, total = np.float32(rule.threshold), True, 0.0
    for k in range(rule.n_outputs):
        output, target = memory.outputs[own + k * LANES], memory.rows[place + k * LANES]
        right = right and (output - threshold) * (target - threshold) > 0
        total += _loss(rule, output, target)
    return right, total / rule.n_outputs


@_inlined
def _loss(rule, output, target):
    if rule.loss == _BCE:
        return softplus(-np.float64(target * output))
    if rule.loss == _HINGE:
        return max(0.0, 1.0 - np.float64(target * output))
    error = np.float64(output) - np.float64(target)
    if rule.loss == _HUBER and abs(error) > rule.delta:
        return rule.delta * (abs(error) - 0.5 * rule.delta)
    return error**2 * (0.5 if rule.loss == _HUBER else 1.0)


@_inlined
def _judge_class(rule, memory, own, target):
    """Say of one network whether the output of a row's class is the largest, and its cross-entropy."""
    of_class, others = np.float64(memory.outputs[own + np.int64(target) * LANES]), -np.inf
    for k in range(rule.n_outputs):
        if k != np.int64(target):
            others = max(others, np.float64(memory.outputs[own + k * LANES]))
    largest, total = max(of_class, others), 0.0
    for k in range(rule.n_outputs):
        total += exp_of_one(max(np.float64(memory.outputs[own + k * LANES]) - largest, -_FARTHEST))
    return of_class > others, largest - of_class + log(total)
