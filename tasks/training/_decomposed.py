"""Decomposed units of sixteen networks: both ways through them, and the rules of their biases and scalars.

What the rows of a batch add up to lies in `sides` of the memory, `SUMS` vectors of each unit: of the rows to
the left of the kink, then of those to the right, the sums of `_Side`; at last that of the distances from the
kink. `relusweep.tasks.training.rules` says what the rules do with them.
"""

import numpy as np

from relusweep.tasks.training._layers import BEFORE, HIDDEN, UNITS, WEIGHTS, WIDE, place_of_sums
from relusweep.tasks.training.functions import clip, exp, softplus
from relusweep.tasks.training.simd import broadcast, fma, load, maximum, merged, minimum, store, where_above

__all__ = ["DECOMPOSED_RELU", "DECOMPOSED_SOFTPLUS", "SUMS", "activate", "give_back", "settle"]

DECOMPOSED_RELU, DECOMPOSED_SOFTPLUS = 11, 12

_OF_SIDE = 7
SUMS = 2 * _OF_SIDE + 1

_TWO_LN2 = 1.3862943611198906
_MOST_TURN = 1.0


@merged
def _zero():
    return broadcast(np.float32(0))


@merged
def _abs(x):
    return maximum(x, x * -1.0)


@merged
def _places(rule, memory, layer, unit):
    """Give the places of a unit's bias and of its first scalar among the parameters, and of its sums."""
    layers = memory.layers
    fan_in = rule.n_inputs if layer == 0 else layers[layer - 1, WIDE] - 1
    unit_of_all = layers[layer, BEFORE] + unit
    bias = layers[layer, WEIGHTS] + unit * (fan_in + 1) + fan_in
    return bias, rule.n_weights + unit_of_all * rule.n_scalars, unit_of_all * SUMS


@merged
def _scalars(rule, memory, scalars):
    """Give turn and sharpness."""
    turn = load(memory.weights, scalars)
    if rule.activation == DECOMPOSED_RELU:
        return turn, broadcast(np.float32(1))
    return turn, exp(clip(load(memory.weights, scalars + 1)))


@merged
def _bend(rule, v):
    """Give the bend at v, for a turn of one, and its derivative by v; absolute errors are below 2e-6."""
    if rule.activation == DECOMPOSED_RELU:
        zero, one = _zero(), broadcast(np.float32(1))
        return _abs(v), where_above(v, zero, one, zero) - where_above(v * -1.0, zero, one, zero)
    value, rising = softplus(v)
    return fma(value, 2.0, -_TWO_LN2) - v, fma(rising, 2.0, -1.0)


@merged
def activate(rule, rows, layer, unit, memory):
    """Turn the sums of a unit into its activations; the sums stay."""
    bias, scalars, _ = _places(rule, memory, layer, unit)
    q = load(memory.weights, bias)
    turn, sharpness = _scalars(rule, memory, scalars)
    layers, first = memory.layers, place_of_sums(rule, memory, layer) + unit
    for row in range(rows):
        z = load(memory.sums, first + row * layers[layer, UNITS])
        value, _ = _bend(rule, sharpness * z)
        place = layers[layer, HIDDEN] + row * layers[layer, WIDE] + unit
        store(memory.hidden, place, fma(turn, value, z - q))


@merged
def _added(side, of_side, error, v, value, slope):
    """Add a row to the sums of a side, where it lies on it: `of_side` is 1, and else 0."""
    e = error * of_side
    size = _abs(slope) * of_side
    return (
        side[0] + e,
        fma(e, slope, side[1]),
        side[2] + size,
        fma(e, value, side[3]),
        fma(of_side, value, side[4]),
        fma(e, v * slope, side[5]),
        fma(_abs(v), size, side[6]),
    )


@merged
def _read(sides, place, more):
    """Give the sums of a side so far."""
    zero = _zero()
    if not more:
        return zero, zero, zero, zero, zero, zero, zero
    return (
        load(sides, place),
        load(sides, place + 1),
        load(sides, place + 2),
        load(sides, place + 3),
        load(sides, place + 4),
        load(sides, place + 5),
        load(sides, place + 6),
    )


@merged
def _write(sides, place, side):
    for i in range(_OF_SIDE):
        store(sides, place + i, side[i])


@merged
def give_back(rule, rows, layer, unit, memory, more):
    """Turn errors of a unit's activations into those of its sums, and sum up what its rows say of it."""
    _, scalars, sides = _places(rule, memory, layer, unit)
    turn, sharpness = _scalars(rule, memory, scalars)
    steepness = turn * sharpness
    zero, one = _zero(), broadcast(np.float32(1))
    left, right = _read(memory.sides, sides, more), _read(memory.sides, sides + _OF_SIDE, more)
    far = load(memory.sides, sides + 2 * _OF_SIDE) if more else zero
    units, first = memory.layers[layer, UNITS], place_of_sums(rule, memory, layer)
    for row in range(rows):
        error = load(memory.errors, row * units + unit)
        place = first + row * units + unit
        z = load(memory.sums, place)
        v = sharpness * z
        value, slope = _bend(rule, v)
        store(memory.sums, place, error * fma(steepness, slope, 1.0))
        right = _added(right, where_above(z, zero, one, zero), error, v, value, slope)
        left = _added(left, where_above(z * -1.0, zero, one, zero), error, v, value, slope)
        far = far + _abs(z)
    _write(memory.sides, sides, left)
    _write(memory.sides, sides + _OF_SIDE, right)
    store(memory.sides, sides + 2 * _OF_SIDE, far)


@merged
def settle(memory, rule, batch):
    """Give the gradient of biases and scalars or, where they follow rules, step and leave none."""
    one = broadcast(np.float32(1))
    for layer in range(rule.depth):
        for unit in range(memory.layers[layer, UNITS]):
            bias, scalars, sides = _places(rule, memory, layer, unit)
            turn, sharpness = _scalars(rule, memory, scalars)
            steepness = turn * sharpness
            for i in range(1 + rule.n_scalars):
                # Influences of bias, turn and sharpness are these times slope, bend, and v times slope.
                factor = steepness if i == 0 else one if i == 1 else turn
                place = bias if i == 0 else scalars + i - 1
                _settle_one(rule, batch, memory, sides, i, place, steepness, factor)


@merged
def _settle_one(rule, batch, memory, sides, i, place, steepness, factor):
    """Give the gradient at a place, or make the step of its rule."""
    left, right, zero = sides, sides + _OF_SIDE, _zero()
    on_left = factor * load(memory.sides, left + 1 + 2 * i)
    on_right = factor * load(memory.sides, right + 1 + 2 * i)
    if rule.kink_rate == 0 or (i == 2 and not rule.sharp_by_rule):
        store(memory.gradient, place, on_left + on_right)
    else:
        of_left = _abs(fma(steepness, load(memory.sides, left + 1), load(memory.sides, left)))
        of_right = _abs(fma(steepness, load(memory.sides, right + 1), load(memory.sides, right)))
        size = _abs(factor)
        left_asks = _quotient(on_left, size * load(memory.sides, left + 2 + 2 * i))
        right_asks = _quotient(on_right, size * load(memory.sides, right + 2 + 2 * i))
        both = _quotient(fma(of_left, left_asks, of_right * right_asks), of_left + of_right)
        step = both * (-(rule.kink_rate if i == 0 else rule.slope_rate) * batch)
        step = where_above(step * (on_left + on_right) * -1.0, zero, step, zero)
        most = broadcast(np.float32(_MOST_TURN))
        if i == 0:
            most = load(memory.sides, sides + 2 * _OF_SIDE) * (1.0 / batch)
        step = minimum(most, maximum(most * -1.0, step))
        store(memory.weights, place, load(memory.weights, place) + step)
        store(memory.gradient, place, zero)


@merged
def _quotient(a, b):
    """Divide by b from 0 on, and give 0 by 0."""
    return where_above(b, _zero(), a / b, _zero())
