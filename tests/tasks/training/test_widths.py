"""Hidden layers of unequal widths: rectangular networks with units of zeros, trained like the small ones."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from relusweep.tasks.boolean.truth_tables import inputs
from relusweep.tasks.regions import linear_pieces
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import Adam, Network, Protocol, Rows, Sgd, initial_parameters, train
from relusweep.tasks.training.reference import train_reference
from tests.tasks.training.examples import ENGINES, equal_bits

X = inputs(4)
N = 20
OPTIMIZERS = {"adam": Adam(learning_rate=0.01), "sgd": Sgd(learning_rate=0.1, momentum=0.9)}
TORCH = {
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
}


def unequal(widths=(3, 6, 2), n_inputs=4, **fields):
    return Network(n_inputs=n_inputs, width=max(widths), depth=len(widths), widths=widths, **fields)


def starts(network, trials=range(N)):
    return initial_parameters(network, Stream(("widths",)), trials)


def targets():
    words = Stream(("targets",)).words(range(N), len(X))
    return np.where(words & 1, 1.0, -1.0)


def mine(network):
    """For each parameter whether it belongs to a unit that is there: written out, layer after layer."""
    there = []
    widths = [network.n_inputs, *network.widths, 1]
    rectangle = [network.n_inputs, *[network.width] * network.depth, 1]
    for (fan_in, fan_out), (wide_in, wide_out) in zip(pairwise(widths), pairwise(rectangle), strict=True):
        for unit in range(wide_out):
            there += [unit < fan_out and i < fan_in for i in range(wide_in)] + [unit < fan_out]
    return np.array(there)


def sequential(network, row):
    """The small network itself, in float64, from the numbers that are not of units of zeros."""
    modules = []
    for fan_in, fan_out in pairwise([network.n_inputs, *network.widths, 1]):
        modules += [nn.Linear(fan_in, fan_out, dtype=torch.float64), nn.LeakyReLU(network.leak)]
    model, place = nn.Sequential(*modules[:-1]), 0
    small = torch.tensor(row[mine(network)], dtype=torch.float64)
    with torch.no_grad():
        for layer in model[::2]:
            size = layer.out_features * (layer.in_features + 1)
            matrix = small[place : place + size].reshape(layer.out_features, -1)
            layer.weight[:], layer.bias[:] = matrix[:, :-1], matrix[:, -1]
            place += size
    assert place == len(small)
    return model


def trained(model, optimizer, y, epochs):
    """The loss after some epochs, and the parameters."""
    x, y = torch.tensor(X, dtype=torch.float64), torch.tensor(y)
    updates = TORCH[optimizer](model.parameters())
    for _ in range(epochs):
        updates.zero_grad()
        nn.functional.softplus(-y * model(x)[:, 0], threshold=1e9).mean().backward()
        updates.step()
    loss = nn.functional.softplus(-y * model(x)[:, 0], threshold=1e9).mean().item()
    rows = [torch.cat([layer.weight, layer.bias[:, None]], dim=1).ravel() for layer in model[::2]]
    return loss, torch.cat(rows).detach().numpy()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("leak", [0.0, 0.1])
def test_a_network_trains_like_the_small_one(optimizer, leak):
    network, y = unequal(leak=leak), targets()
    protocol = Protocol(network=network, optimizer=OPTIMIZERS[optimizer], epochs=100, stop="last_epoch")
    rows, initial = Rows(X.astype(np.float32), y.astype(np.float32)), starts(network)
    result = train_reference(protocol, rows, initial, keep_parameters=True, dtype=torch.float64)
    expected = [trained(sequential(network, initial[i]), optimizer, y[i], 100) for i in range(N)]
    np.testing.assert_allclose(result.loss, [loss for loss, _ in expected], rtol=1e-6)  # float32
    np.testing.assert_allclose(
        result.parameters[:, mine(network)], [row for _, row in expected], rtol=1e-6, atol=1e-9
    )
    assert np.std([loss for loss, _ in expected]) > 0.01


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batch", [None, 4])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("leak", [0.0, 0.1])
def test_units_of_zeros_stay_zero(engine, batch, optimizer, leak):
    network = unequal(leak=leak)
    protocol = Protocol(
        network=network, optimizer=OPTIMIZERS[optimizer], batch=batch, epochs=50, stop="last_epoch"
    )
    orders, initial = Stream(("orders",)).keys(range(N)), starts(network)
    result = train(protocol, X, targets(), initial, orders=orders, engine=engine, keep_parameters=True)
    removed = ~mine(network)
    assert not result.parameters[:, removed].any()
    assert (result.parameters != initial)[:, ~removed].mean() > 0.5


@pytest.mark.parametrize("activation", ["abs", "gelu", "silu", "tanh"])
def test_units_of_zeros_of_other_activations_stay_zero(activation):
    network = unequal(activation=activation)
    protocol = Protocol(network=network, epochs=50, stop="last_epoch")
    result = train(protocol, X, targets(), starts(network), keep_parameters=True)
    assert not result.parameters[:, ~mine(network)].any()


def test_lanes_follows_float64_in_the_first_epochs():
    network, y = unequal(leak=0.1), targets()
    protocol = Protocol(network=network, epochs=10, stop="last_epoch")
    rows, initial = Rows(X.astype(np.float32), y.astype(np.float32)), starts(network)
    exact = train_reference(protocol, rows, initial, keep_parameters=True, dtype=torch.float64)
    result = train(protocol, X, y, initial, engine="lanes", keep_parameters=True)
    error = abs(result.parameters - exact.parameters).max(axis=1)
    assert np.median(error) < 1e-5


def rectangle(network):
    """The network of the same numbers whose units of zeros are units like any others."""
    return network.model_copy(update={"widths": None})


@pytest.mark.parametrize("fields", [{"leak": 0.1}, {"activation": "tanh"}])
@pytest.mark.parametrize("settings", [{"clip_norm": 0.01}, {"batch": 5, "l1": 0.01}], ids=str)
def test_units_that_are_left_out_change_no_bit(fields, settings):
    network, orders = unequal((3, 9, 2), **fields), Stream(("orders",)).keys(range(N))
    results = [
        train(
            Protocol(network=shape, epochs=20, stop="last_epoch", **settings),
            *(X, targets(), starts(network)),
            orders=orders,
            engine="lanes",
            keep_parameters=True,
            snapshots=(3,),
        )
        for shape in (network, rectangle(network))
    ]
    assert equal_bits(*results)


def test_numbers_in_units_of_zeros_are_refused():
    network, initial = unequal(), starts(unequal())
    initial[2, ~mine(network)] = 1
    with pytest.raises(ValueError, match=r"hold \d+ numbers that are not 0 in units of zeros of widths"):
        train(Protocol(network=network), X, targets(), initial)


@pytest.mark.parametrize("init", ["he_normal", "orthogonal", "pytorch"])
def test_starts_are_drawn_in_the_true_shapes(init):
    network = unequal((2, 5), init=init)
    drawn = starts(network, range(4000))
    there = mine(network)
    assert not drawn[:, ~there].any()
    assert drawn[:, there].all()
    second = drawn[:, 25:55].reshape(-1, 5, 6)[:, :, :2].astype(float)  # of fan_in 2, fan_out 5
    deviation = {"he_normal": 1.0, "pytorch": np.sqrt(1 / 6), "orthogonal": np.sqrt(1 / 5)}[init]
    assert second.std() == pytest.approx(deviation, rel=0.02)


def test_equal_widths_are_a_width():
    assert Network(n_inputs=4, width=3, depth=2, widths=(3, 3)) == Network(n_inputs=4, width=3, depth=2)
    assert unequal((3, 3)).widths is None
    assert starts(unequal((3, 3))).tobytes() == starts(Network(n_inputs=4, width=3, depth=2)).tobytes()


def test_other_widths_draw_other_starts():
    first = [starts(unequal(widths))[:, 0].tobytes() for widths in [(3, 2), (2, 3), (3, 1)]]
    assert len({*first, starts(Network(n_inputs=4, width=3, depth=2))[:, 0].tobytes()}) == 4


def test_units_of_zeros_bend_nothing():
    network = unequal((2, 4), n_inputs=1)
    for row in starts(network).astype(float):
        pieces = linear_pieces(network, row, -2, 2)
        model = sequential(network, row)
        x = (pieces.start + pieces.stop) / 2
        outputs = model(torch.tensor(x)[:, None])[:, 0].detach().numpy()
        np.testing.assert_allclose(pieces.slope * x + pieces.intercept, outputs, atol=1e-12)
        assert len(x) <= (2 + 1) * (4 + 1)


def test_a_network_survives_json():
    network = unequal(init="pytorch", activation="tanh")
    assert Network.model_validate_json(network.model_dump_json()) == network


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"widths": (3, 2, 1)}, r"widths are \(3, 2, 1\); allowed is one for each of depth = 2"),
        ({"widths": (2, 1)}, "the largest being width = 3"),
        ({"widths": (3, 0)}, "greater than or equal to 1"),
    ],
)
def test_widths_that_cannot_be_are_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        Network(n_inputs=4, width=3, depth=2, **fields)
