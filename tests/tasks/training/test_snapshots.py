"""Snapshots are what a shorter training ends with; curves are what autograd gives there."""

import numpy as np
import pytest
import torch

from relusweep.tasks.streams import Stream
from relusweep.tasks.training import (
    Network,
    Protocol,
    Restarts,
    Sgd,
    StopReason,
    initial_parameters,
    train,
    train_with_restarts,
)
from relusweep.tasks.training.curves import curve
from relusweep.tasks.training.reference import judge, logits
from tests.tasks.training.examples import ENGINES, UNITS, balls, boolean, equal_bits, some

EPOCHS = (0, 1, 7, 20, 30)
SETTINGS = {
    "whole": {"batch": None, "success": 0.7},
    "batches": {"batch": 20, "success": 0.7},
    "last epoch": {"batch": 12, "loss": "mse", "stop": "last_epoch"},
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_snapshot_is_the_end_of_a_shorter_training(engine, setting):
    arguments = balls(30, **SETTINGS[setting], epochs=20)
    whole = train(**arguments, engine=engine, keep_parameters=True, snapshots=EPOCHS)
    for at, epochs in enumerate(EPOCHS):
        protocol = arguments["protocol"].model_copy(update={"epochs": epochs})
        short = train(**arguments | {"protocol": protocol}, engine=engine, keep_parameters=True)
        there = whole.epochs >= epochs
        if engine == "lanes":
            np.testing.assert_array_equal(whole.snapshots[there, at], short.parameters[there])
        else:  # whose products of stacks depend on how many networks there are
            np.testing.assert_allclose(
                whole.snapshots[there, at], short.parameters[there], rtol=1e-4, atol=1e-5
            )
        assert np.isnan(whole.snapshots[~there, at]).all()
    at_end = whole.snapshots[:, list(EPOCHS).index(20)]
    np.testing.assert_array_equal(at_end[whole.epochs == 20], whole.parameters[whole.epochs == 20])
    if setting != "last epoch":
        early = whole.stop_reason == StopReason.SUCCESS
        assert early.any()
        assert not early.all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("setting", SETTINGS)
def test_snapshots_change_nothing_else(engine, setting):
    arguments = balls(30, **SETTINGS[setting], epochs=20)
    plain = train(**arguments, engine=engine, keep_parameters=True)
    watched = train(**arguments, engine=engine, keep_parameters=True, snapshots=EPOCHS)
    assert plain.snapshots is None
    assert equal_bits(plain, watched._replace(snapshots=None))


def test_the_end_of_each_network_can_be_a_snapshot():
    protocol, x, y, initial = boolean(2, 3, 1, 40, epochs=400)
    whole = train(protocol, x, y, initial, keep_parameters=True, snapshots=range(401))
    assert len(set(whole.epochs)) > 10
    ends = whole.snapshots[np.arange(40), whole.epochs]
    assert ends.tobytes() == whole.parameters.tobytes()


@pytest.mark.parametrize("engine", ENGINES)
def test_snapshots_of_restarts_are_those_of_the_kept_try(engine):
    network = Network(n_inputs=1, width=2, depth=2)
    protocol = Protocol(
        network=network,
        loss="mse",
        optimizer=Sgd(learning_rate=0.1, momentum=0.0),
        epochs=20,
        stop="last_epoch",
    )
    x = np.linspace(-1, 1, 16)[:, None]
    y, test = np.tile(np.sin(3 * x[:, 0]), (5, 1)), (x / 2, np.tile(np.sin(1.5 * x[:, 0]), (5, 1)))
    starts = [Stream(("snapshots of restarts", i)) for i in range(5)]
    rule = Restarts(bar=0.2, most=30, further_epochs=10)
    options = {"engine": engine, "test": test, "keep_parameters": True, "snapshots": (0, 25)}
    found = train_with_restarts(protocol, rule, x, y, starts, **options)
    assert found.tries.max() > 1
    kept = [initial_parameters(network, s, range(t - 1, t)) for s, t in zip(starts, found.tries, strict=True)]
    longer = protocol.model_copy(update={"epochs": 30})
    assert equal_bits(found.training, train(longer, x, y, np.concatenate(kept), **options))


@pytest.mark.parametrize("wrong", [(3, 1), (1, 1), (-1, 2)])
def test_epochs_that_do_not_ascend_are_refused(wrong):
    with pytest.raises(ValueError, match="allowed are epochs from 0, ascending, each once"):
        train(**balls(2), snapshots=wrong)


def exact(protocol, x, y, parameters):
    """Loss, share of right rows and norm of the gradient, in float64."""
    row = torch.tensor(parameters, dtype=torch.float64, requires_grad=True)
    outputs = logits(protocol.network, row, torch.as_tensor(x, dtype=torch.float64))
    losses, right = judge(protocol, outputs, torch.as_tensor(y, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(losses.sum(), row)
    return losses.detach(), right / y.shape[1], gradient.norm(dim=1)


CURVES = {
    "cross-entropy": {},
    "squared error of 61 rows": {"loss": "mse", "n_rows": 61},
    "the same rows for all": {"own": False},
    "tanh": {"activation": "tanh"},
    **{units: {"units": units} for units in UNITS},
}


@pytest.mark.parametrize("kind", CURVES)
def test_curves_are_those_of_autograd(kind):
    fields = dict(CURVES[kind])
    activation = fields.pop("activation", None)
    arguments = balls(20, **fields, epochs=30, success=0.7)
    if activation:
        network = arguments["protocol"].network.model_copy(update={"activation": activation, "leak": 0.0})
        arguments["protocol"] = arguments["protocol"].model_copy(update={"network": network})
    protocol, x, y = (arguments[name] for name in ("protocol", "inputs", "targets"))
    snapshots = train(**arguments, snapshots=EPOCHS).snapshots
    found = curve(protocol, x, y, snapshots)
    x, y = (a.astype(np.float32) for a in (x, y))
    for at in range(len(EPOCHS)):
        there = ~np.isnan(snapshots[:, at]).any(axis=1)
        own = x[there] if x.ndim == 3 else x
        loss, share, norm = exact(protocol, own, y[there], snapshots[there, at])
        np.testing.assert_allclose(found.loss[there, at], loss, rtol=1e-5)
        np.testing.assert_allclose(found.rows_right[there, at], share, rtol=1e-6)
        np.testing.assert_allclose(found.gradient_norm[there, at], norm, rtol=1e-4)
        assert all(np.isnan(values[~there, at]).all() for values in found)
    assert all(values.dtype == np.float32 and values.shape == (20, len(EPOCHS)) for values in found)


def test_curves_do_not_depend_on_the_block():
    arguments = balls(20, epochs=20, success=0.7)
    snapshots = train(**arguments, snapshots=EPOCHS).snapshots
    order = np.random.default_rng(0).permutation(20)[:13]
    part = some(arguments, order)
    whole = curve(arguments["protocol"], arguments["inputs"], arguments["targets"], snapshots)
    of_part = curve(part["protocol"], part["inputs"], part["targets"], snapshots[order])
    assert equal_bits([values[order] for values in whole], of_part)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_outputs_that_are_not_finite_have_no_right_rows(activation):
    arguments = balls(20, epochs=5)
    network = arguments["protocol"].network.model_copy(update={"activation": activation, "leak": 0.0})
    protocol = arguments["protocol"].model_copy(update={"network": network})
    snapshots = train(**arguments, snapshots=(0, 5)).snapshots
    snapshots[:10, 1, -1] = np.inf  # the last bias: all outputs are infinite, and those of one class right
    found = curve(protocol, arguments["inputs"], arguments["targets"], snapshots)
    np.testing.assert_array_equal(np.isnan(found.rows_right[:, 1]), np.arange(20) < 10)
    assert not np.isnan(found.rows_right[:, 0]).any()
