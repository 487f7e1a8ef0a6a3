"""Training: what the two engines must agree on, and both with calculus."""

import math

import numpy as np
import pytest
import torch

from relusweep.tasks.training import Adam, Rows, Sgd, train
from relusweep.tasks.training.reference import train_reference
from tests.tasks.training.examples import ENGINES, UNITS, balls, boolean, logits, loss

every_engine = pytest.mark.parametrize("engine", ENGINES)


def numeric_gradient(protocol, parameters, x, y):
    def at(place):
        return loss(protocol, logits(protocol.network, place, x), y)

    steps = 1e-6 * np.eye(len(parameters))
    return [(at(parameters + h) - at(parameters - h)) / 2e-6 for h in steps]


@every_engine
@pytest.mark.parametrize(
    ("n", "width", "depth", "leak"), [(4, 3, 1, 0.1), (4, 5, 3, 0.0), (3, 7, 2, 0.3), (1, 2, 1, 0.1)]
)
def test_gradients_equal_finite_differences(engine, n, width, depth, leak):
    # Without memory and with epsilon 1, one step of rate 1 is g / (|g| + 1): the gradient can be read off.
    adam = Adam(learning_rate=1, beta1=0, beta2=0, epsilon=1)
    function = 0b0110_1000_1001_0110 & 2 ** (2**n) - 1 | 1
    protocol, x, y, initial = boolean(n, width, depth, 20, leak, function, epochs=1, optimizer=adam)
    result = train(protocol, x, y, initial, engine=engine, keep_parameters=True)
    trained = result.epochs == 1
    assert trained.sum() > 5
    for i in np.flatnonzero(trained):
        step = initial[i].astype(float) - result.parameters[i]
        gradient = step / (1 - abs(step))
        np.testing.assert_allclose(gradient, numeric_gradient(protocol, initial[i], x, y[i]), atol=2e-6)


@every_engine
def test_gradients_of_squared_errors_equal_finite_differences(engine):
    descent = Sgd(learning_rate=1, momentum=0)
    arguments = balls(20, loss="mse", epochs=1, optimizer=descent, stop="last_epoch")
    result = train(**arguments, engine=engine, keep_parameters=True)
    for i, start in enumerate(arguments["initial"]):
        x, y = arguments["inputs"][i], arguments["targets"][i]
        numeric = numeric_gradient(arguments["protocol"], start, x, y)
        np.testing.assert_allclose(start - result.parameters[i], numeric, atol=3e-6)


@pytest.mark.parametrize("leak", [0.0, 0.1])
@pytest.mark.parametrize(("width", "depth"), [(2, 2), (5, 3), (10, 5)])
def test_parameters_follow_float64_as_closely_as_pytorch_does(width, depth, leak):
    """Kinks crossed early or late make errors grow with the epochs: compare their distributions."""
    for epochs, bound in ((1, 1e-7), (10, 1e-6), (50, 1e-5)):
        arguments = boolean(4, width, depth, 200, leak, epochs=epochs)
        protocol, x, y, initial = arguments
        rows = Rows(x.astype(np.float32), y.astype(np.float32))
        exact = train_reference(protocol, rows, initial, keep_parameters=True, dtype=torch.float64)
        errors = {}
        for engine in ENGINES:
            result = train(*arguments, engine=engine, keep_parameters=True)
            alike = result.epochs == exact.epochs
            assert alike.mean() > 0.98
            error = np.abs(result.parameters - exact.parameters)[alike].max(axis=1)
            errors[engine] = np.quantile(error, [0.5, 0.9])
        assert errors["lanes"][0] < 10 * bound
        assert (errors["lanes"] < 3 * errors["reference"] + bound).all()


@pytest.mark.parametrize("loss", ["bce", "mse"])
@pytest.mark.parametrize("optimizer", [Adam(learning_rate=0.01), Sgd(learning_rate=0.1, momentum=0.9)])
@pytest.mark.parametrize("own", [True, False])
def test_batches_follow_float64_as_closely_as_pytorch_does(loss, optimizer, own):
    follow_float64(width=4, own=own, loss=loss, optimizer=optimizer, batch=20)


OF_SUMS = ("abs", "hard_tanh", "gelu", "tanh", "sigmoid", "identity")
"""Functions of one sum, which share their passes: one setting shows that they fit these."""


@pytest.mark.parametrize("units", [units for units in UNITS if units not in OF_SUMS])
@pytest.mark.parametrize("batch", [None, 20])
@pytest.mark.parametrize("optimizer", [Adam(learning_rate=0.01), Sgd(learning_rate=0.01, momentum=0.5)])
def test_other_units_follow_float64_as_closely_as_pytorch_does(units, batch, optimizer):
    follow_float64(width=7, units=units, loss="mse", optimizer=optimizer, batch=batch)


@pytest.mark.parametrize("units", OF_SUMS)
def test_functions_of_a_sum_follow_float64_as_closely_as_pytorch_does(units):
    optimizer = Sgd(learning_rate=0.01, momentum=0.5)
    follow_float64(60, width=7, units=units, loss="mse", optimizer=optimizer, batch=20)


def follow_float64(n_networks=200, **setting):
    for epochs, bound in ((1, 1e-7), (10, 1e-6)):
        arguments = balls(n_networks, epochs=epochs, stop="last_epoch", **setting)
        rows = Rows(*(np.ascontiguousarray(arguments[name], np.float32) for name in ("inputs", "targets")))
        exact = train_reference(
            arguments["protocol"],
            rows,
            arguments["initial"],
            arguments["orders"] if setting["batch"] else None,
            keep_parameters=True,
            dtype=torch.float64,
        )
        errors = {}
        for engine in ENGINES:
            result = train(**arguments, engine=engine, keep_parameters=True)
            error = np.abs(result.parameters - exact.parameters).max(axis=1)
            errors[engine] = np.quantile(error, [0.5, 0.9])
        assert errors["lanes"][0] < 10 * bound
        assert (errors["lanes"] < 3 * errors["reference"] + bound).all()


@pytest.mark.slow
@pytest.mark.parametrize("leak", [0.0, 0.1])
@pytest.mark.parametrize(("n", "width", "depth", "epochs"), [(3, 3, 1, 150), (4, 4, 2, 600)])
def test_success_rates_agree(n, width, depth, epochs, leak):
    arguments = boolean(n, width, depth, 2000, leak, epochs=epochs)
    rates = [(train(*arguments, engine=engine).success_epoch >= 0).mean() for engine in ENGINES]
    deviation = math.sqrt(2 * rates[0] * (1 - rates[0]) / 2000)
    assert 0.05 < rates[0] < 0.95
    assert abs(rates[0] - rates[1]) < 4 * deviation
