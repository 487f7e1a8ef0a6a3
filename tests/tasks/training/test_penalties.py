"""The pull to the corners of a cube and the penalty on rows that are not orthogonal, in both engines."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from relusweep.tasks.networks import Network, initial_parameters, layer_views
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import Protocol, Sgd, train
from relusweep.tasks.training.curves import curve
from relusweep.tasks.training.penalties import Pull, orthogonality
from relusweep.tasks.training.protocol import Rows
from relusweep.tasks.training.reference import train_reference

DESCENT = {"loss": "mse", "stop": "last_epoch"}
UNITS = {
    "relu": {"leak": 0.1},
    "vrelu": {"activation": "vrelu"},
    "maximum": {"activation": "maximum", "group": 3},
    "silu": {"activation": "silu"},
}


def network(units="relu", width=4, depth=2, **fields):
    return Network(n_inputs=2, width=width, depth=depth, **UNITS[units], **fields)


def sample(of, n_networks=3, n_rows=30):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (n_rows, 2)).astype(np.float32)
    y = np.tile(np.sin(3 * x[:, 0]) * x[:, 1], (n_networks, 1)).astype(np.float32)
    return x, y, initial_parameters(of, Stream(("penalties",)), range(n_networks))


def by_hand(of, row):
    """The penalty in plain NumPy: twice the squared cosines of the angles of every two rows."""
    total = 0.0
    for weights, _ in list(layer_views(of, row[None]))[:-1]:
        rows = weights[0] / np.linalg.norm(weights[0], axis=1, keepdims=True)
        total += np.square(rows @ rows.T - np.eye(len(rows))).sum()
    return total


@pytest.mark.parametrize("units", ["relu", "maximum"])
def test_the_penalty_and_its_derivative_are_those_of_the_formula(units):
    of = network(units, width=3)
    row = np.random.default_rng(1).normal(size=of.n_parameters)
    parameters = torch.tensor(row[None], requires_grad=True)
    penalty = orthogonality(of, parameters)
    assert penalty.item() == pytest.approx(by_hand(of, row), rel=1e-12)
    penalty.sum().backward()
    steps = 1e-6 * np.eye(of.n_parameters)
    expected = [(by_hand(of, row + step) - by_hand(of, row - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose(parameters.grad[0].numpy(), expected, atol=1e-8)


def test_derivatives_at_weights_near_zero_are_finite():
    network = Network(n_inputs=2, width=2, depth=1)
    parameters = torch.full((1, network.n_parameters), 1e-18, requires_grad=True)
    orthogonality(network, parameters).sum().backward()
    assert parameters.grad.isfinite().all()


def test_orthogonal_rows_have_no_penalty_and_rows_of_zeros_no_derivative():
    of = Network(n_inputs=2, width=2, depth=1)
    rows = [[3.0, 4, 9, -8, 6, 9, 1, 1, 1], [0, 0, 1, 1, 2, 1, 1, 1, 1]]
    parameters = torch.tensor(rows, requires_grad=True)
    penalty = orthogonality(of, parameters)
    assert penalty.tolist() == [pytest.approx(0, abs=1e-12), 0]
    penalty.sum().backward()
    assert torch.isfinite(parameters.grad).all()
    assert not parameters.grad[1].any()


def pulled(strength, updates, rate=0.5):
    """A linear unit of x = ±1, whose output counts for nothing: what moves it is the pull alone."""
    of = Network(n_inputs=1, width=1, depth=1, leak=1)
    protocol = Protocol(
        network=of, optimizer=Sgd(learning_rate=rate, momentum=0), epochs=updates, pull=strength, **DESCENT
    )
    rows = Rows(np.array([[-1], [1]], np.float32), np.zeros((1, 2), np.float32))
    start = np.array([[0.5, 0.25, 0, 0]], np.float32)
    result = train_reference(protocol, rows, start, keep_parameters=True, dtype=torch.float64)
    return result.parameters[0]


def test_the_pull_draws_to_two_deviations_from_the_mean():
    """Mean 1/4 and deviation 1/2 of the first update: the second draws −1/4 and 3/4 to −3/4 and 5/4."""
    assert pulled(1.0, 1).tolist() == [0.5, 0.25, 0, 0]
    weight, bias, *_ = pulled(1.0, 2)
    assert bias == 0.25
    # the mean over the rows of o' (o − corner) is 1/2, and a step goes against it
    assert weight == pytest.approx(0.5 + 0.5 * 0.5)
    corners, before = np.array([-0.75, 1.25]), np.array([-0.25, 0.75])
    after = bias + weight * np.array([-1, 1])
    assert (np.abs(after - corners) < np.abs(before - corners)).all()


def test_running_means_and_deviations_are_averages_over_updates():
    """The formula by hand: the pull of the third update knows two."""
    strength, rate, decay = 0.3, 0.5, 0.9
    weight, bias, running = 0.5, 0.25, None
    x = np.array([-1.0, 1.0])
    for _ in range(5):
        o = weight * x + bias
        slope = np.zeros(2)
        if running is not None:
            mean, variance = running
            corner = mean + np.where(o > mean, 2, -2) * np.sqrt(variance)
            slope = strength * np.array([((o - corner) * x).mean(), (o - corner).mean()])
        now = np.array([o.mean(), o.var()])
        running = now if running is None else decay * running + (1 - decay) * now
        weight, bias = np.array([weight, bias]) - rate * slope
    assert pulled(strength, 5)[:2] == pytest.approx([weight, bias], rel=1e-6)


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("batch", [30, 10])
def test_both_engines_agree(units, batch):
    of = network(units)
    x, y, initial = sample(of)
    keys = np.arange(3, dtype=np.uint64)
    protocol = Protocol(
        network=of, optimizer=Sgd(learning_rate=0.05, momentum=0.9), epochs=6, batch=batch,
        pull=0.02, orthogonality=0.03, **DESCENT,
    )  # fmt: skip
    ends = [
        train(protocol, x, y, initial, orders=keys, engine=engine, keep_parameters=True)
        for engine in ("lanes", "reference")
    ]
    np.testing.assert_allclose(ends[0].parameters, ends[1].parameters, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(ends[0].loss, ends[1].loss, rtol=1e-4)
    for option in ("pull", "orthogonality"):
        without = protocol.model_copy(update={option: 0.0})
        other = train(without, x, y, initial, orders=keys, engine="lanes", keep_parameters=True)
        assert np.abs(other.parameters - ends[0].parameters).max() > 1e-3


def test_lanes_that_are_used_again_begin_without_a_mean():
    """Twenty networks in sixteen lanes are each one alone."""
    of = network()
    x, y, initial = sample(of, n_networks=20)
    protocol = Protocol(network=of, epochs=8, pull=0.1, orthogonality=0.1, **DESCENT)
    together = train(protocol, x, y, initial, engine="lanes", keep_parameters=True)
    alone = train(protocol, x, y[17:18], initial[17:18], engine="lanes", keep_parameters=True)
    np.testing.assert_array_equal(alone.parameters[0], together.parameters[17])


def test_the_norm_of_the_gradient_is_that_of_the_loss():
    of = network()
    x, y, initial = sample(of)
    plain = Protocol(network=of, epochs=1, **DESCENT)
    found = [
        curve(protocol, x, y, initial[:, None]).gradient_norm
        for protocol in (plain, plain.model_copy(update={"pull": 1.0, "orthogonality": 1.0}))
    ]
    np.testing.assert_array_equal(*found)


def test_networks_that_stop_change_no_other():
    of = network()
    x, y, initial = sample(of)
    protocol = Protocol(network=of, loss="bce", epochs=30, success=0.6, pull=0.05, orthogonality=0.05)
    targets = np.where(np.random.default_rng(3).random(y.shape) < 0.5, -1, 1)
    targets[0] = 1
    together = train(protocol, x, targets, initial, engine="reference", keep_parameters=True)
    assert together.epochs[0] < together.epochs.max()
    last = int(together.epochs.argmax())
    alone = train(protocol, x, targets[[last]], initial[[last]], engine="reference", keep_parameters=True)
    np.testing.assert_allclose(alone.parameters[0], together.parameters[last], rtol=1e-4, atol=1e-5)


def test_a_pull_without_strength_is_none():
    assert Pull(0.0).penalty([torch.ones(2, 3, 4)]).tolist() == [0, 0]
