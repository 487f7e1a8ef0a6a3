"""The passes through layers of any activation of `CODES`, of which a second kernel of the same text is made.

With penalties, which `_penalties` adds, networks of ReLU are trained here too.

Where `_steps` ends a product with ReLU, these leave the sums z and go over them once more: a pass writes
activations, and into the place of the sums what the way back needs of them. On the way back a second pass
turns that, with the errors of the activations, into errors of the sums, in the same place.

To add an activation that is a function of one sum: its function in `_OF_ONE_SUM`, and a call of its pass in
`_activate`. Others need a code, and a branch in `_activate_others` and in `_return`.
"""

import numba
import numpy as np

from relusweep.tasks.training._decomposed import (
    DECOMPOSED_RELU,
    DECOMPOSED_SOFTPLUS,
    activate,
    give_back,
)
from relusweep.tasks.training._decomposed import settle as settle_decomposed
from relusweep.tasks.training._layers import BEFORE, HIDDEN, UNITS, WEIGHTS, WIDE, place_of_sums
from relusweep.tasks.training._penalties import add_orthogonality, follow, pull
from relusweep.tasks.training.functions import (
    absolute,
    gelu,
    hard_tanh,
    identity,
    sigmoid,
    silu,
    softplus,
    tanh,
)
from relusweep.tasks.training.simd import (
    broadcast,
    fma,
    load,
    load_beside,
    maximum,
    merged,
    minimum,
    store,
    store_beside,
    where_above,
)
from relusweep.tasks.training.tiles import affine, outer, returned, scaled

__all__ = ["CODES", "backward", "forward", "settle"]

_OF_ONE_SUM = {
    "abs": absolute,
    "hard_tanh": hard_tanh,
    "identity": identity,
    "softplus": softplus,
    "silu": silu,
    "gelu": gelu,
    "tanh": tanh,
    "sigmoid": sigmoid,
}
_RELU, _VRELU, _MAXIMUM = 0, 1 + len(_OF_ONE_SUM), 2 + len(_OF_ONE_SUM)
CODES = {
    "relu": _RELU,
    **{name: code for code, name in enumerate(_OF_ONE_SUM, start=1)},
    "vrelu": _VRELU,
    "maximum": _MAXIMUM,
    "decomposed_relu": DECOMPOSED_RELU,
    "decomposed_softplus": DECOMPOSED_SOFTPLUS,
}
"""What a rule calls activations; ReLU without penalties has a kernel of its own."""

_inlined = numba.njit(inline="always")


@_inlined
def _scalars_of(rule, memory, layer, unit):
    """Give the place of a unit's first scalar among the parameters."""
    return rule.n_weights + (memory.layers[layer, BEFORE] + unit) * rule.n_scalars


@_inlined
def _compete(sums, place, group):
    """Give the largest of a unit's sums, and leave in their place 1 for the first largest, 0 for others."""
    zero, one = broadcast(np.float32(0)), broadcast(np.float32(1))
    best, winner = load(sums, place), zero
    for k in range(1, group):
        z = load(sums, place + k)
        winner = where_above(z, best, broadcast(np.float32(k)), winner)
        best = where_above(z, best, z, best)
    for k in range(group):
        apart = winner - broadcast(np.float32(k))
        store(sums, place + k, maximum(one - apart * apart, zero))
    return best


def _over(code, function):
    """Make the pass of an activation that is a function of one sum, and leaves its derivative.

    Two rows are taken at a time, so that the processor need not wait for the steps of one chain; where one is
    left, it is taken twice.
    """

    @merged
    def over(rule, rows, layer, memory):
        if memory.codes[layer] == code:
            first, units = place_of_sums(rule, memory, layer), memory.layers[layer, UNITS]
            above, wide = memory.layers[layer, HIDDEN], memory.layers[layer, WIDE]
            for unit in range(units):
                for row in range(0, rows, 2):
                    other = min(row + 1, rows - 1)
                    places = first + row * units + unit, first + other * units + unit
                    h, slope = function(load_beside(memory.sums, places))
                    store_beside(memory.hidden, (above + row * wide + unit, above + other * wide + unit), h)
                    store_beside(memory.sums, places, slope)

    return over


_absolute, _hard_tanh, _identity, _softplus, _silu, _gelu, _tanh, _sigmoid = (
    _over(CODES[name], function) for name, function in _OF_ONE_SUM.items()
)


@merged
def _activate(rule, rows, layer, memory):
    """Turn the sums of a layer into activations, and leave in their place what the way back needs.

    That is the sum itself of activations with scalars, and the derivative of others.
    """
    _absolute(rule, rows, layer, memory)
    _hard_tanh(rule, rows, layer, memory)
    _identity(rule, rows, layer, memory)
    _softplus(rule, rows, layer, memory)
    _silu(rule, rows, layer, memory)
    _gelu(rule, rows, layer, memory)
    _tanh(rule, rows, layer, memory)
    _sigmoid(rule, rows, layer, memory)
    _activate_others(rule, rows, layer, memory)


@merged
def _activate_others(rule, rows, layer, memory):
    sums, zero = memory.sums, broadcast(np.float32(0))
    if _RELU < memory.codes[layer] < _VRELU:
        return
    layers, units, first = memory.layers, memory.layers[layer, UNITS], place_of_sums(rule, memory, layer)
    for unit in range(units):
        if rule.activation >= DECOMPOSED_RELU:
            activate(rule, rows, layer, unit, memory)
            continue
        scalars = _scalars_of(rule, memory, layer, unit)
        for row in range(rows):
            place = first + (row * units + unit) * rule.group
            z = load(sums, place)
            if memory.codes[layer] == _RELU:
                leak = broadcast(np.float32(rule.leak))
                h, kept = maximum(z, leak * z), where_above(z, zero, broadcast(np.float32(1)), leak)
            elif rule.activation == _VRELU:
                left, right = load(memory.weights, scalars), load(memory.weights, scalars + 1)
                h, kept = where_above(z, zero, right, left) * z, z
            else:
                h = _compete(sums, place, rule.group)
                kept = load(sums, place)
            store(memory.hidden, layers[layer, HIDDEN] + row * layers[layer, WIDE] + unit, h)
            store(sums, place, kept)


@_inlined
def _skip(rule, rows, first, layer, memory):
    """Put what skips layers where the next one takes it; their widths are equal."""
    width, wide = memory.layers[layer, UNITS], memory.layers[layer, WIDE]
    for row in range(rows):
        place = memory.layers[layer, HIDDEN] + row * wide
        for i in range(wide - 1 - width):
            store(memory.hidden, place + width + i, load(memory.rows, (first + row) * rule.size + i))
        if rule.residual and layer > 0:
            below = place - rule.piece * wide
            for unit in range(width):
                h = load(memory.hidden, place + unit)
                store(memory.hidden, place + unit, h + load(memory.hidden, below + unit))


@_inlined
def _keep(rule, rows, memory):
    """Put the errors of a layer's activations behind where those of the layer below come to lie."""
    for place in range(rows * rule.width):
        store(memory.errors, rows * rule.width + place, load(memory.errors, place))


@_inlined
def _add_kept(rule, rows, memory):
    """Add what was kept to the errors of the activations below, of which it was a term."""
    for place in range(rows * rule.width):
        kept = load(memory.errors, rows * rule.width + place)
        store(memory.errors, place, load(memory.errors, place) + kept)


@merged
def _return(rule, rows, layer, memory, more):
    """Turn errors of a layer's activations into those of its sums, and into the gradient of its scalars."""
    units, group = memory.layers[layer, UNITS], rule.group
    for unit in range(units):
        scalars = _scalars_of(rule, memory, layer, unit)
        if rule.activation == _VRELU:
            _return_slopes(rule, rows, layer, unit, memory, scalars, more)
        elif rule.activation >= DECOMPOSED_RELU:
            give_back(rule, rows, layer, unit, memory, more)
        else:
            for row in range(rows):
                error = load(memory.errors, row * units + unit)
                first = place_of_sums(rule, memory, layer) + (row * units + unit) * group
                for place in range(first, first + group):
                    store(memory.sums, place, error * load(memory.sums, place))


@_inlined
def _return_slopes(rule, rows, layer, unit, memory, scalars, more):
    zero = broadcast(np.float32(0))
    left, right = load(memory.weights, scalars), load(memory.weights, scalars + 1)
    of_left = of_right = zero
    if more:
        of_left, of_right = load(memory.gradient, scalars), load(memory.gradient, scalars + 1)
    units = memory.layers[layer, UNITS]
    for row in range(rows):
        error = load(memory.errors, row * units + unit)
        place = place_of_sums(rule, memory, layer) + row * units + unit
        z = load(memory.sums, place)
        of_left = fma(error, minimum(zero, z), of_left)
        of_right = fma(error, maximum(zero, z), of_right)
        store(memory.sums, place, error * where_above(z, zero, right, left))
    store(memory.gradient, scalars, of_left)
    store(memory.gradient, scalars + 1, of_right)


@_inlined
def forward(rule, rows, first, memory, slope):
    """Compute the activations and the outputs."""
    weights, layers, n_outputs = memory.weights, memory.layers, rule.n_outputs
    below, fan_in = (memory.rows, first * rule.size, rule.size), rule.n_inputs
    for layer in range(rule.depth):
        n_sums = layers[layer, UNITS] * rule.group
        sums = (memory.sums, place_of_sums(rule, memory, layer), n_sums)
        affine(rows, n_sums, fan_in, below, (weights, layers[layer, WEIGHTS], fan_in + 1), sums)
        _activate(rule, rows, layer, memory)
        if rule.skips:
            _skip(rule, rows, first, layer, memory)
        below, fan_in = (memory.hidden, layers[layer, HIDDEN], layers[layer, WIDE]), layers[layer, WIDE] - 1
    last = (weights, layers[rule.depth, WEIGHTS], fan_in + 1)
    affine(rows, n_outputs, fan_in, below, last, (memory.outputs, 0, n_outputs))


@_inlined
def backward(rule, rows, first, batch, memory, slope, more):
    """Compute the gradient, or add to it if `more`, from the slopes of the loss."""
    weights, gradient, layers = memory.weights, memory.gradient, memory.layers
    error, units = (memory.slopes, 0, rule.n_outputs), rule.n_outputs
    for layer in range(rule.depth - 1, -1, -1):
        width, wide, start = layers[layer, UNITS], layers[layer, WIDE], layers[layer + 1, WEIGHTS]
        below, under = (memory.hidden, layers[layer, HIDDEN], wide), (memory.errors, 0, width)
        n_sums, skipped = width * rule.group, rule.residual and layer < rule.depth - 1
        sums = (memory.sums, place_of_sums(rule, memory, layer), n_sums)
        at_once = memory.codes[layer] < _VRELU and rule.pull == 0 and not rule.residual
        if skipped:
            _keep(rule, rows, memory)
        if at_once:
            scaled(rows, width, units, error, (weights, start, wide), sums)
        else:
            returned(rows, width, units, error, (weights, start, wide), under)
        if skipped:
            _add_kept(rule, rows, memory)
        if rule.pull > 0:
            pull(rule, rows, layer, batch, memory)
        outer(units, wide - 1, rows, error, below, (gradient, start, wide), more)
        if not at_once:
            _return(rule, rows, layer, memory, more)
        error, units = sums, n_sums
    x = (memory.rows, first * rule.size, rule.size)
    outer(units, rule.n_inputs, rows, error, x, (gradient, 0, rule.n_inputs + 1), more)


@_inlined
def settle(memory, rule, batch):
    """Finish the gradient of a batch of so many rows."""
    if rule.activation >= DECOMPOSED_RELU:
        settle_decomposed(memory, rule, batch)
    if rule.pull > 0:
        follow(rule, batch, memory)
    if rule.orthogonality > 0:
        add_orthogonality(rule, memory)
