"""The operations of the text for devices, compiled as OpenCL for the processor, beside those of the lanes."""

from typing import NamedTuple

import numba
import numpy as np
import pytest

from relusweep.tasks.compiled import LANES
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import _losses, _units, _updates, functions, orders
from relusweep.tasks.training.simd import bank, load, store
from tests.tasks.training.device.operations import compiled

KERNELS = """
KERNEL activations(int code, float leak, GLOBAL const float *z, GLOBAL float *value, GLOBAL float *slope) {
    size_t i = get_global_id(0);
    float of_slope;
    value[i] = activation_of(code, z[i], leak, &of_slope);
    slope[i] = of_slope;
}
KERNEL losses(int loss, int count, float delta, GLOBAL const float *output, GLOBAL const float *target,
              GLOBAL float *slope, GLOBAL double *lost) {
    size_t i = get_global_id(0);
    slope[i] = slope_of(loss, output[i], target[i], share_of_loss(loss, count), delta);
    lost[i] = loss_of(loss, output[i], target[i], (double)delta);
}
KERNEL updates(int kind, float step, float epsilon, float decay1, float rest1, float decay2, float rest2,
               GLOBAL const float *gradient, GLOBAL float *weights, GLOBAL float *first,
               GLOBAL float *second) {
    size_t i = get_global_id(0);
    float m = first[i], v = second[i];
    weights[i] = updated(kind, weights[i], gradient[i], &m, &v, step, epsilon, decay1, rest1, decay2, rest2);
    first[i] = m;
    second[i] = v;
}
KERNEL words(ulong key, uint epoch, GLOBAL uint *found) {
    uint block = get_global_id(0), four[4];
    philox(key, epoch, block, four);
    for (int i = 0; i < 4; ++i) found[i * get_global_size(0) + block] = four[i];
}
"""
SPECIAL = [
    0,
    1e-45,
    1e-40,
    1.2e-38,
    1e-20,
    0.5,
    1,
    2,
    9.5,
    10.954451,
    59.99,
    60,
    61,
    88,
    700,
    3e38,
    np.inf,
    np.nan,
]
SIGNED = np.array([*SPECIAL, *(-x for x in SPECIAL)], np.float32)


def numbers(name, count=2**13):
    """Numbers of all kinds: special ones, any bits, and some about one; all NaN are that of arithmetic."""
    words = Stream((name,)).words(range(2), count)
    found = np.concatenate([SIGNED, words[0].view(np.float32), np.float32(words[1] * 2.0**-28 - 8)])
    return np.where(np.isnan(found), np.float32(np.nan), found)


def pairs(name):
    """Pairs of them, among which are all of special ones."""
    first, second = numbers(f"first {name}"), numbers(f"second {name}")
    special = np.meshgrid(SIGNED, SIGNED)
    return [np.concatenate([s.ravel(), x]) for s, x in zip(special, (first, second), strict=True)]


def assert_same(found, expected):
    """Equal bits, but that one NaN is as good as another."""
    bits = np.uint32 if expected.dtype == np.float32 else np.uint64
    same = (found.view(bits) == expected.view(bits)) | (np.isnan(found) & np.isnan(expected))
    assert found.dtype == expected.dtype
    assert same.all(), (found[~same][:5], expected[~same][:5])


def in_lanes(array):
    """Copy an array into vectors."""
    vectors = bank(-(-array.size // LANES))
    vectors[: array.size] = array
    return vectors


def room(like):
    """Make room for as many."""
    return bank(like.size // LANES)


@pytest.fixture(scope="module")
def kernels():
    return compiled(KERNELS, "activations", "losses", "updates", "words")


NAMES = {
    "abs": functions.absolute,
    "hard_tanh": functions.hard_tanh,
    "identity": functions.identity,
    "softplus": functions.softplus,
    "silu": functions.silu,
    "gelu": functions.gelu,
    "tanh": functions.tanh,
    "sigmoid": functions.sigmoid,
}


@pytest.mark.parametrize("activation", NAMES)
def test_activations_have_the_bits_of_the_lanes(kernels, activation):
    function = NAMES[activation]

    @numba.njit
    def loop(z, value, slope):
        for i in range(z.size // LANES):
            of_value, of_slope = function(load(z, i))
            store(value, i, of_value)
            store(slope, i, of_slope)

    z = in_lanes(numbers(activation))
    expected = room(z), room(z)
    loop(z, *expected)
    found = room(z), room(z)
    kernels.activations(z.size, np.int32(_units.CODES[activation]), np.float32(0), z, *found)
    for one, other in zip(found, expected, strict=True):
        assert_same(one, other)


class Loss(NamedTuple):
    """What of a rule the losses need."""

    loss: int
    delta: float


@numba.njit
def lose(rule, count, outputs, targets, slopes, lost):
    for i in range(outputs.size // LANES):
        store(slopes, i, _losses._slope(rule, load(outputs, i), load(targets, i), count))
    for i in range(outputs.size):
        lost[i] = _losses._loss(rule, outputs[i], targets[i])


@pytest.mark.parametrize("loss", ["bce", "mse", "huber", "hinge"])
def test_losses_have_the_bits_of_the_lanes(kernels, loss):
    outputs, targets = map(in_lanes, pairs(loss))
    expected = room(outputs), np.empty(outputs.size)
    rule = Loss(_losses.CODES[loss], 0.75)
    lose(rule, 7, outputs, targets, *expected)
    found = room(outputs), np.empty(outputs.size)
    kernels.losses(outputs.size, np.int32(rule.loss), np.int32(7), np.float32(0.75), outputs, targets, *found)
    for one, other in zip(found, expected, strict=True):
        assert_same(one, other)


class Update(NamedTuple):
    """What of a rule the updates need."""

    optimizer: int
    beta1: float
    beta2: float


class Memory(NamedTuple):
    """What they update."""

    weights: np.ndarray
    gradient: np.ndarray
    first_moment: np.ndarray
    second_moment: np.ndarray
    rates: np.ndarray


update = numba.njit(lambda memory, rule: _updates.update(memory, rule))


@pytest.mark.parametrize("optimizer", ["ADAM", "DESCENT", "NESTEROV", "RMSPROP"])
def test_updates_have_the_bits_of_the_lanes(kernels, optimizer):
    rule = Update(getattr(_updates, optimizer), 0.9, 0.999)
    gradient, weights = map(in_lanes, pairs(optimizer))
    first, second = map(in_lanes, pairs(f"moments of {optimizer}"))
    second[:] = abs(second)
    rates = in_lanes(np.repeat(np.array([0.003, 1e-8, 0.7], np.float32), LANES))
    found = [in_lanes(array) for array in (weights, first, second)]
    memory = Memory(weights, gradient, first, second, rates)
    update(memory, rule)
    constants = [np.float32(rates[0] * rates[-1]), rates[LANES]]
    constants += [np.float32(x) for beta in rule[1:] for x in (beta, 1 - beta)]
    kernels.updates(gradient.size, np.int32(rule.optimizer), *constants, gradient, *found)
    for one, other in zip(found, (memory.weights, memory.first_moment, memory.second_moment), strict=True):
        assert_same(one, other)


def test_words_of_orders_are_those_of_the_lanes(kernels):
    key, epoch = 0x0123456789ABCDEF, 4_000_000_007
    expected, found = np.empty((2, 4, 304), np.uint32)
    orders.philox_blocks(np.uint64(key), epoch, expected)
    kernels.words(304, np.uint64(key), np.uint32(epoch), found)
    np.testing.assert_array_equal(found, expected)
