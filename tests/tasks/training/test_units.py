"""What the engine lanes makes of activations beside ReLU: functions, limits, ties and units of zeros."""

import math

import numba
import numpy as np
import pytest
import torch
from scipy.special import expit, ndtr

from relusweep.tasks import activations
from relusweep.tasks.compiled import LANES
from relusweep.tasks.networks import layer_views, scalar_views
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import (
    Network,
    Protocol,
    Sgd,
    StopReason,
    functions,
    initial_parameters,
    train,
)
from relusweep.tasks.training.functions import FAR, silu, softplus
from relusweep.tasks.training.simd import bank, load, store
from tests.tasks.training.examples import UNITS, balls


def over(function):
    """Loop over vectors: the function and its derivative."""

    @numba.njit
    def loop(z, value, slope):
        for i in range(z.size // LANES):
            of_value, of_slope = function(load(z, i))
            store(value, i, of_value)
            store(slope, i, of_slope)

    def apply(z):
        banks = [bank(-(-z.size // LANES)) for _ in range(3)]
        banks[0][: z.size] = z
        loop(*banks)
        return [found[: z.size] for found in banks[1:]]

    return apply


SOFTPLUS, SILU = over(softplus), over(silu)
SIGMOID, TANH, GELU = over(functions.sigmoid), over(functions.tanh), over(functions.gelu)
NORMAL = 2e-38  # smaller numbers have fewer places


def every(step):
    """Every so-manieth float32."""
    z = np.arange(0, 2**32, step, dtype=np.uint64).astype(np.uint32).view(np.float32)
    return z[np.isfinite(z)]


def errors(step):
    """Largest errors over every so-manieth float32, as functions.py states them, and those below -FAR."""
    z = every(step)
    x, there = z.astype(float), z >= -FAR
    t = np.exp(-abs(x))
    rising, falling = np.where(x > 0, 1, t) / (1 + t), np.where(x > 0, t, 1) / (1 + t)
    with np.errstate(over="ignore", invalid="ignore"):  # far below, where errors are not relative
        exact = np.maximum(x, 0) + np.log1p(t), rising, x * rising, rising * (1 + x * falling)
    found = np.array([*SOFTPLUS(z), *SILU(z)], float)
    normal = abs(x) > NORMAL
    near = [abs(f - e)[there & normal] for f, e in zip(found, exact, strict=True)]
    for i in range(3):
        near[i] /= abs(exact[i])[there & normal]
    return [error.max() for error in near], abs(found[:, ~there]).max(axis=1)


@pytest.mark.parametrize("step", [9973, pytest.param(61, marks=pytest.mark.slow)])
def test_functions_have_the_stated_errors(step):
    near, below = errors(step)
    assert (np.array(near) < [4e-7, 4e-7, 4e-7, 3e-7]).all()
    assert (below < [1e-26, 1e-26, 6e-25, 6e-25]).all()


def test_functions_tend_to_their_limits():
    z = np.array([np.inf, 3e38, 100, -np.inf, -3e38, np.nan], np.float32)
    (above, one), (above_too, one_too) = SOFTPLUS(z), SILU(z)
    for values, slopes in ((above, one), (above_too, one_too)):
        np.testing.assert_array_equal(values[:3], z[:3])
        assert (slopes[1:3] == 1).all()
        assert (abs(values[3:5]) < 6e-25).all()
        assert np.isnan(values[5])
    assert (above[3:5] > 0).all()
    assert SILU(np.zeros(1, np.float32))[0][0] == 0


def relative(found, exact, there):
    return (abs(found - exact)[there] / abs(exact)[there]).max()


@pytest.mark.parametrize("step", [9973, pytest.param(61, marks=pytest.mark.slow)])
def test_sigmoid_has_the_stated_errors(step):
    z = every(step)
    x, inside = z.astype(float), abs(z) <= FAR
    h, slope = (found.astype(float) for found in SIGMOID(z))
    assert relative(h, expit(x), z >= -FAR) < 5e-7
    assert relative(slope, expit(x) * expit(-x), inside) < 5e-7
    assert h[z < -FAR].max() < 1e-26
    assert slope[~inside].max() < 1e-26
    assert h.max() == 1


@pytest.mark.parametrize("step", [9973, pytest.param(61, marks=pytest.mark.slow)])
def test_tanh_has_the_stated_errors(step):
    z = every(step)
    x = z.astype(float)
    h, slope = (found.astype(float) for found in TANH(z))
    assert relative(h, np.tanh(x), abs(x) > NORMAL) < 4e-7
    with np.errstate(over="ignore"):
        assert abs(slope - 1 / np.cosh(x) ** 2).max() < 7e-7
    assert abs(h).max() == 1
    assert slope.min() == 0
    far = abs(z) >= 9.5
    np.testing.assert_array_equal(h[far], np.sign(x[far]))
    assert not slope[far].any()


@pytest.mark.parametrize("step", [9973, pytest.param(61, marks=pytest.mark.slow)])
def test_gelu_has_the_stated_errors(step):
    z = every(step)
    x, there = z.astype(float), (z >= -10.95) & (abs(z) > NORMAL)
    h, slope = (found.astype(float) for found in GELU(z))
    assert relative(h, x * ndtr(x), there) < 8e-7
    with np.errstate(over="ignore"):
        exact = ndtr(x) + x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    assert abs(slope - exact).max() < 4e-7
    assert h[z < -10.95].min() > -1e-25
    assert h[z < -10.95].max() < 0
    np.testing.assert_array_equal(h[z > 11], x[z > 11])


KINKS = [
    -np.inf,
    -3e38,
    -2,
    -1,
    -np.nextafter(np.float32(1), np.float32(0)),
    -0.0,
    0,
    0.5,
    1,
    7,
    np.inf,
    np.nan,
]


@pytest.mark.parametrize(
    ("function", "torch_function"),
    [
        (functions.absolute, torch.abs),
        (functions.hard_tanh, torch.nn.functional.hardtanh),
        (functions.identity, lambda z: 1 * z),
    ],
)
def test_functions_with_kinks_and_their_derivatives_are_those_of_pytorch(function, torch_function):
    z = torch.tensor(KINKS, dtype=torch.float32, requires_grad=True)
    expected = torch_function(z)
    (slopes,) = torch.autograd.grad(expected[:-1].sum(), z)
    h, slope = over(function)(np.array(KINKS, np.float32))
    np.testing.assert_array_equal(h, expected.detach().numpy())
    np.testing.assert_array_equal(slope[:-1], slopes[:-1].numpy())


@pytest.mark.parametrize("function", [SIGMOID, TANH, GELU])
def test_what_smooth_functions_make_of_nan_is_nan(function):
    (h,), _ = function(np.array([np.nan], np.float32))
    assert np.isnan(h)


def trained(network, initial, x, y, engine="lanes", **protocol):
    rule = Protocol(network=network, loss="mse", stop="last_epoch", **protocol)
    return train(rule, x, y, initial, engine=engine, keep_parameters=True)


def rows(n_networks, n_rows=12):
    words = Stream(("rows of units",)).words(range(n_networks), 3 * n_rows) * 2.0**-31 - 1
    return words[0, : 2 * n_rows].reshape(n_rows, 2), words[:, 2 * n_rows :]


SHAPE = {"n_inputs": 2, "width": 4, "depth": 3}
STEP = {"epochs": 1, "optimizer": Sgd(learning_rate=0.01, momentum=0)}


def test_starts_of_two_slopes_are_relu():
    x, y = rows(20)
    relu, two = Network(**SHAPE), Network(**SHAPE, activation="vrelu")
    initial = initial_parameters(two, Stream(("slopes",)), range(20))
    for left, right in (scalars.T for scalars in [*scalar_views(two, initial)]):
        assert not left.any()
        assert (right == 1).all()
    weights, slopes = np.split(initial, [two.n_weights], axis=1)
    expected, found = (trained(*of, x, y, **STEP).parameters for of in ((relu, weights), (two, initial)))
    assert found[:, : two.n_weights].tobytes() == expected.tobytes()
    assert (found[:, two.n_weights :] != slopes).mean() > 0.5


def test_the_maximum_of_a_sum_and_zero_is_relu():
    x, y = rows(20)
    relu, two = Network(**SHAPE), Network(**SHAPE, activation="maximum", group=2)
    weights = initial_parameters(relu, Stream(("maxima",)), range(20))
    initial = np.zeros((20, two.n_parameters), np.float32)

    def pairs(of_relu, of_two):
        for small, large in zip(layer_views(relu, of_relu), layer_views(two, of_two), strict=True):
            yield from zip(small, (of[:, :: 1 + (of.shape[1] > 1)] for of in large), strict=True)

    for small, large in pairs(weights, initial):
        large[:] = small
    results = (trained(*of, x, y, **STEP).parameters for of in ((relu, weights), (two, initial)))
    for small, large in pairs(*results):
        np.testing.assert_array_equal(large, small)


@pytest.mark.parametrize("engine", ["lanes", "reference"])
def test_of_equal_sums_the_first_learns(engine):
    network = Network(n_inputs=1, width=1, depth=1, activation="maximum", group=3)
    initial = np.array([[0, 0, 1, 1, 1, 1, 1, 0]], np.float32)  # sums 0, x + 1 and x + 1; the output is h
    rule = {"epochs": 1, "optimizer": Sgd(learning_rate=0.5, momentum=0)}
    result = trained(network, initial, [[1.0]], [[1.0]], engine, **rule)
    np.testing.assert_array_equal(result.parameters, [[0, 0, 0, 0, 1, 1, -1, -1]])


@pytest.mark.parametrize("units", [name for name in UNITS if activations.load(name).zero_at_zero])
def test_units_of_zeros_stay_zero(units):
    network = Network(n_inputs=2, width=5, depth=3, widths=(3, 5, 2), **UNITS[units])
    initial = initial_parameters(network, Stream(("zeros",)), range(20))
    result = trained(network, initial, *rows(20), epochs=50)
    kept = np.zeros((1, network.n_parameters), bool)
    for layer in layer_views(network, kept):
        layer.weights[:] = layer.biases[:] = True
    for scalars in scalar_views(network, kept):
        scalars[:] = True
    np.testing.assert_array_equal(result.parameters[:, ~kept[0]], initial[:, ~kept[0]])
    assert (result.parameters != initial)[:, kept[0]].mean() > 0.7


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("row", [0, 1])
def test_what_is_not_a_number_is_found(units, row):
    arguments = balls(20, units=units, epochs=3)
    arguments["initial"][3, 3 * row] = np.nan  # of a unit's first or second sum
    result = train(**arguments)
    assert (result.stop_reason == StopReason.NOT_FINITE).tolist() == [i == 3 for i in range(20)]
