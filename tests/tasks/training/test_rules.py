"""Decomposed units: their gradients, and the rules of their biases and scalars against plain Python."""

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from relusweep.tasks.networks import scalar_views
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import Adam, Network, Protocol, Rules, Sgd, initial_parameters, train
from relusweep.tasks.training.protocol import Rows
from relusweep.tasks.training.reference import train_reference
from relusweep.tasks.training.rules import steps_of_units

KINDS = ("decomposed_relu", "decomposed_softplus")
STILL = Sgd(learning_rate=1e-30, momentum=0.0)  # weights that do not move

every_kind = pytest.mark.parametrize("kind", KINDS)


def bend(kind, z, scalars):
    """What a unit adds to its linear activation, and its derivatives by the bias and by the scalars."""
    d = scalars[0]
    if kind == "decomposed_relu":
        return d * np.abs(z), np.stack([d * np.sign(z), np.abs(z)], axis=1)
    c = math.exp(scalars[1])
    v = c * z
    even = 2 * np.logaddexp(0, v) - 2 * math.log(2) - v
    return d * even, np.stack([c * d * np.tanh(v / 2), even, v * d * np.tanh(v / 2)], axis=1)


def outputs(network, row, x):
    """The outputs of a network of one hidden layer, unit by unit, and what the rules need of each unit."""
    unit, (n, width) = np.array(row[: network.n_weights]), (network.n_inputs, network.width)
    hidden, last = unit[: width * (n + 1)].reshape(width, n + 1), unit[width * (n + 1) :]
    scalars = scalar_views(network, np.array([row]))[0][0]
    out, seen = np.full(len(x), last[-1]), []
    for u in range(width):
        linear = x @ hidden[u, :n]
        z = linear + hidden[u, n]
        added, influences = bend(network.activation, z, scalars[u])
        out += last[u] * (linear + added)
        seen.append((z, influences))
    return out, last, seen


def stepped(network, rules, row, x, y):
    """Biases and scalars after a step of the rules, in the words of docs/neurons.md."""
    out, last, seen = outputs(network, row, x)
    n, row = network.n_inputs, np.array(row, float)
    for u, (z, influence) in enumerate(seen):
        errors = 2 * (out - y) * last[u]
        places = [u * (n + 1) + n, *network.n_weights + network.n_scalars * u + np.arange(network.n_scalars)]
        for i, place in enumerate(places):
            if i == 2 and rules.sharpness == "backpropagation":
                continue
            rate, total, weights, climb = (rules.kink_rate if i == 0 else rules.slope_rate), 0.0, 0.0, 0.0
            for rows in (z < 0, z > 0):
                weight = abs((errors * (1 + influence[:, 0]))[rows].sum())
                gradient, size = (errors * influence[:, i])[rows].sum(), abs(influence[rows, i]).sum()
                total += weight * (-rate * gradient / size if size else 0.0)
                weights, climb = weights + weight, climb + gradient
            step = total / weights if weights else 0.0
            step = 0.0 if step * climb > 0 else step
            most = abs(z).mean() if i == 0 else 1.0
            row[place] += min(max(step, -most), most)
    return row


def data(kind, n_networks=40, n_inputs=2, width=3, depth=1, n_rows=20):
    network = Network(n_inputs=n_inputs, width=width, depth=depth, activation=kind)
    numbers = np.random.default_rng(0).uniform(-1, 1, (n_rows, n_inputs + 1))
    initial = initial_parameters(network, Stream((kind,)), range(n_networks))
    return network, numbers[:, :-1], np.tile(numbers[:, -1], (n_networks, 1)), initial


def ruled(network, rules, **fields):
    """One step of the rules; weights stay."""
    still = {"epochs": 1, "optimizer": STILL}
    return Protocol(network=network, loss="mse", stop="last_epoch", rules=rules, **(still | fields))


def trained(protocol, x, y, initial, orders=None):
    """Train in float64."""
    rows = Rows(x.astype(np.float32), y.astype(np.float32))
    return train_reference(protocol, rows, initial, orders, dtype=torch.float64, keep_parameters=True)


def loss(network, row, x, y):
    return ((outputs(network, row, x)[0] - y) ** 2).mean()


@every_kind
def test_gradients_are_finite_differences(kind):
    network, x, y, initial = data(kind, n_networks=5)
    protocol = Protocol(
        network=network,
        loss="mse",
        epochs=1,
        optimizer=Sgd(learning_rate=1.0, momentum=0.0),
        stop="last_epoch",
    )
    for start, end, t in zip(
        initial.astype(float), trained(protocol, x, y, initial).parameters, y, strict=True
    ):
        steps = 1e-6 * np.eye(len(start))
        slopes = [(loss(network, start + s, x, t) - loss(network, start - s, x, t)) / 2e-6 for s in steps]
        np.testing.assert_allclose(start - end, slopes, atol=1e-6)


@every_kind
@pytest.mark.parametrize("sharpness", ["rule", "backpropagation"])
def test_steps_are_those_of_the_rules(kind, sharpness):
    network, x, y, initial = data(kind)
    initial[0, network.n_weights :] = 0  # slopes of zero
    initial[1, 2::3] += 10  # no row to the left of any kink
    rules = Rules(kink_rate=0.3, slope_rate=0.2, sharpness=sharpness)
    found = trained(ruled(network, rules), x, y, initial).parameters
    expected = [stepped(network, rules, row, x, t) for row, t in zip(initial, y, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert (found != initial).any(axis=0)[network.n_weights :: network.n_scalars].all()


@every_kind
@pytest.mark.parametrize("batch", [None, 5])
@pytest.mark.parametrize("sharpness", ["rule", "backpropagation"])
def test_lanes_follow_the_rules_in_float64(kind, batch, sharpness):
    """Pieces of a batch come to the same sums; what is decided otherwise by rounding is rare."""
    network, x, y, initial = data(kind, n_networks=100, depth=2, n_rows=45)
    rules = Rules(kink_rate=0.1, slope_rate=0.05, sharpness=sharpness)
    orders = None if batch is None else Stream(("orders",)).keys(range(100))
    for epochs, bound in ((1, 2e-6), (5, 2e-5)):
        protocol = ruled(network, rules, epochs=epochs, optimizer=Adam(learning_rate=0.01), batch=batch)
        exact = trained(protocol, x, y, initial, orders).parameters
        found = train(protocol, x, y, initial, orders=orders, engine="lanes", keep_parameters=True).parameters
        assert np.median(abs(found - exact).max(axis=1)) < bound


@every_kind
def test_each_step_lowers_the_loss_of_one_neuron(kind):
    """Small steps of the bias, the turn and the sharpness, each alone, from starts of either direction."""
    network, x, y, initial = data(kind, n_networks=200, n_inputs=1, width=1, n_rows=30)
    y[:] = np.maximum(x[:, 0] - 0.25, 0)
    rules = Rules(kink_rate=1e-3, slope_rate=1e-3)
    protocol = ruled(network, rules)
    after = trained(protocol, x, y, initial).parameters.astype(float)
    columns = [1, *range(network.n_weights, network.n_parameters)]
    falls = np.zeros((len(initial), len(columns)))
    for of_start, start, end in zip(falls, initial.astype(float), after, strict=True):
        assert (np.delete(end - start, columns) == 0).all()
        for i, column in enumerate(columns):
            moved = start + 1e-3 * np.where(np.arange(len(start)) == column, end - start, 0)
            of_start[i] = loss(network, start, x, y[0]) - loss(network, moved, x, y[0])
    assert (falls > -1e-14).all()
    assert (falls > 0).mean() > 0.7
    assert {*np.sign(initial[:, 0] * initial[:, 2])} == {*np.sign(initial[:, 4])} == {-1, 1}


# Guards


def steps(sums, errors, influences, **rates):
    """Steps of one unit of one network."""
    tensors = (torch.tensor(some, dtype=torch.float64)[None, :, None] for some in (sums, errors, influences))
    return steps_of_units(Rules(**rates), *tensors)[0, 0].tolist()


def test_no_step_is_longer_than_the_spread_of_the_rows():
    z, unit = [-1.0, 3.0], [[-0.5, 1.0], [0.5, 3.0]]
    assert steps(z, [0.0, 4.0], unit, kink_rate=0.25, slope_rate=0.2) == pytest.approx([-1.0, -0.8])
    assert steps(z, [0.0, 4.0], unit, kink_rate=9.0, slope_rate=9.0) == [-2.0, -1.0]
    assert steps(z, [0.0, -4.0], unit, kink_rate=9.0, slope_rate=9.0) == [2.0, 1.0]


def test_there_is_no_step_that_would_climb():
    """A steep side weighs more in the average than it does in the loss."""
    z, errors, turn = [-1.0, 1.0, 1.0, 1.0], [-8.0, 2.0, 2.0, 2.0], 0.5
    unit = [[turn * np.sign(v), abs(v)] for v in z]
    left, right = 0.5 * 8, 1.5 * 6
    assert (left * 8 - right * 2) / (left + right) > 0  # what the two sides ask of the turn, averaged
    assert steps(z, errors, unit)[1] == pytest.approx(0.1 * (left * 8 - right * 2) / (left + right))
    z, errors = [-1.0, 1.0, 1.0, 1.0], [-4.0, 2.0, 2.0, 2.0]
    left = 0.5 * 4
    assert (left * 4 - right * 2) / (left + right) < 0 < 4 * -1 + 6
    unit[0] = [1.5, 1.0]  # a slope of 5/2 to the left
    left = 2.5 * 4
    assert (left * 4 - right * 2) / (left + right) > 0 < 6 - 4
    assert steps(z, errors, unit)[1] == 0


def test_sides_without_rows_ask_for_nothing():
    alone = steps([1.0, 2.0], [1.0, 1.0], [[0.5, 1.0], [0.5, 2.0]])
    assert alone == pytest.approx([-0.1, -0.1])
    assert steps([0.0, 0.0], [1.0, 1.0], [[0.0, 0.0]] * 2) == [0.0, 0.0]


def test_what_is_not_a_number_stays_so():
    assert np.isnan(steps([-1.0, 1.0], [np.nan, 1.0], [[-0.5, 1.0], [0.5, 1.0]])).all()


@pytest.mark.parametrize("rules", [None, Rules(kink_rate=3.0, slope_rate=3.0)])
def test_the_sharpness_stays_above_zero(rules):
    network, x, y, initial = data("decomposed_softplus", n_networks=10)
    protocol = ruled(network, rules, epochs=200, optimizer=Adam(learning_rate=0.3))
    result = trained(protocol, x, 100 * y, initial)
    sharpness = np.exp(scalar_views(network, result.parameters)[0][..., 1])
    assert (np.abs(np.log(sharpness)) > 1).any()
    assert (sharpness > 0).all()


@every_kind
@pytest.mark.parametrize("batch", [None, 5])
def test_networks_that_stop_change_no_other(kind, batch):
    network, x, y, initial = data(kind, n_networks=12)
    protocol = Protocol(
        network=network,
        epochs=40,
        optimizer=Adam(learning_rate=0.05),
        batch=batch,
        success=0.7,
        rules=Rules(),
    )
    orders = None if batch is None else Stream(("orders",)).keys(range(12))
    every = train(protocol, x, np.sign(y), initial, orders=orders, keep_parameters=True, engine="reference")
    assert len({*every.epochs}) > 2
    for i in (0, 5):
        own = None if batch is None else orders[i : i + 1]
        alone = train(
            protocol, x, np.sign(y[i : i + 1]), initial[i : i + 1], orders=own, keep_parameters=True,
            engine="reference",
        )  # fmt: skip
        assert alone.epochs[0] == every.epochs[i]
        np.testing.assert_allclose(alone.parameters[0], every.parameters[i], rtol=1e-3, atol=1e-4)


def test_rules_of_other_units_are_refused():
    with pytest.raises(
        ValidationError, match="relu has no scalars that follow rules; allowed are decomposed"
    ):
        Protocol(network=Network(n_inputs=1, width=1, depth=1), rules=Rules())
