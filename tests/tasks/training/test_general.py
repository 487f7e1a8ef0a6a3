"""Several outputs, other losses, weights, short batches, skip connections: against PyTorch's own loop."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from relusweep.tasks.networks import layer_views
from relusweep.tasks.training import Adam, Network, Protocol, Rows, Sgd, StopReason, train
from relusweep.tasks.training.curves import curve
from relusweep.tasks.training.orders import following_order
from relusweep.tasks.training.reference import train_reference
from tests.tasks.blocks import digest
from tests.tasks.training.examples import ENGINES, GENERAL, equal_bits, general

every_engine = pytest.mark.parametrize("engine", ENGINES)
every_case = pytest.mark.parametrize("case", GENERAL)

ACTIVATIONS = {
    "relu": nn.functional.leaky_relu,
    "silu": nn.functional.silu,
    "softplus": nn.functional.softplus,
}


class Plain(nn.Module):
    """One network in float64, of `nn.Linear` alone, without units of zeros."""

    def __init__(self, network, row):
        super().__init__()
        self.network, place = network, 0
        self.layers = nn.ModuleList()
        for (rows, columns), (fan_out, fan_in) in zip(network.layers, network.true_layers, strict=True):
            block = torch.tensor(row[place : place + rows * (columns + 1)], dtype=torch.float64)
            block = block.reshape(rows, columns + 1)[:fan_out]
            layer = nn.Linear(fan_in, fan_out, dtype=torch.float64)
            layer.weight.data, layer.bias.data = block[:, :fan_in].clone(), block[:, -1].clone()
            self.layers.append(layer)
            place += rows * (columns + 1)

    def forward(self, x):
        h, names = x, self.network.activation.split("-")
        for i, layer in enumerate(self.layers):
            z = layer(torch.cat([h, x], dim=1) if i and self.network.skip == "input" else h)
            if i < self.network.depth:
                name = names[i % len(names)]
                a = ACTIVATIONS[name](z, *([self.network.leak] if name == "relu" else []))
                h = a + h if i and self.network.skip == "residual" else a
        return z

    def row(self):
        """Its parameters, in their places."""
        found = []
        for (rows, columns), layer in zip(self.network.layers, self.layers, strict=True):
            block = np.zeros((rows, columns + 1))
            block[: layer.out_features, : layer.in_features] = layer.weight.detach()
            block[: layer.out_features, -1] = layer.bias.detach()
            found.append(block.ravel())
        return np.concatenate(found)


def of_torch(protocol, outputs, targets, weights):
    """The loss by PyTorch's own, a mean over rows of weight × loss."""
    each = {
        "bce": lambda: nn.BCEWithLogitsLoss(reduction="none")(outputs, (targets + 1) / 2).mean(dim=1),
        "mse": lambda: nn.MSELoss(reduction="none")(outputs, targets).mean(dim=1),
        "huber": lambda: nn.HuberLoss("none", protocol.huber_delta)(outputs, targets).mean(dim=1),
        "hinge": lambda: (1 - targets * outputs).clamp(min=0).mean(dim=1),
        "cross_entropy": lambda: nn.CrossEntropyLoss(reduction="none")(outputs, targets[:, 0].long()),
    }
    return (each[protocol.loss]() * weights).mean()


def data(arguments, i):
    y = torch.tensor(arguments["targets"][i], dtype=torch.float64).reshape(len(arguments["inputs"]), -1)
    w = torch.ones(len(y)) if arguments["weights"] is None else torch.tensor(arguments["weights"][i])
    return TensorDataset(torch.tensor(arguments["inputs"], dtype=torch.float64), y, w.double())


def by_hand(arguments, i):
    """Train one network as everybody does: a loop over a DataLoader, with the engine's orders."""
    protocol, rows = arguments["protocol"], data(arguments, i)
    model = Plain(protocol.network, arguments["initial"][i])
    rate, order = protocol.optimizer.learning_rate, np.arange(len(rows))
    kind = torch.optim.Adam if isinstance(protocol.optimizer, Adam) else torch.optim.SGD
    optimizer = kind(model.parameters(), lr=rate)
    for epoch in range(protocol.epochs):
        following_order(arguments["orders"][i], epoch, order)
        sampler = order.tolist() if protocol.batch else None
        for x, y, w in DataLoader(rows, batch_size=protocol.batch or len(rows), sampler=sampler):
            optimizer.zero_grad()
            of_torch(protocol, model(x), y, w).backward()
            optimizer.step()
    return model


def exact(arguments):
    """The result of the reference in float64."""
    protocol, initial = arguments["protocol"], arguments["initial"]
    rows = Rows(*(arguments[name] for name in ("inputs", "targets", "weights")))
    orders = arguments["orders"] if protocol.batch else None
    return train_reference(protocol, rows, initial, orders, keep_parameters=True, dtype=torch.float64)


@every_case
def test_the_reference_is_pytorchs_loop(case):
    arguments = general(
        case, n_networks=3, epochs=4, stop="last_epoch", optimizer=Sgd(learning_rate=0.1, momentum=0)
    )
    result = exact(arguments)
    for i in range(3):
        model = by_hand(arguments, i)
        np.testing.assert_allclose(result.parameters[i], model.row(), rtol=1e-6, atol=1e-7)
        x, y, w = data(arguments, i).tensors
        outputs = model(x)
        loss = of_torch(arguments["protocol"], outputs, y, w)
        assert result.loss[i] == pytest.approx(loss.item(), rel=1e-5)
        assert result.rows_right[i] == right(arguments["protocol"], outputs.detach().numpy(), y.numpy(), w)


def right(protocol, outputs, targets, weights):
    """Count right rows, one by one."""
    count = 0
    for o, t, w in zip(outputs, targets, weights.tolist(), strict=True):
        if protocol.loss == "cross_entropy":
            own = int(t[0])
            is_right = all(o[own] > other for k, other in enumerate(o) if k != own)
        else:
            is_right = all(a * b > 0 for a, b in zip(o, t, strict=True))
        count += is_right or w == 0
    return count


@every_engine
@every_case
def test_gradients_equal_finite_differences(engine, case):
    descent = Sgd(learning_rate=1, momentum=0)
    arguments = general(case, n_networks=17, epochs=1, stop="last_epoch", optimizer=descent, batch=None)
    result = train(**arguments, engine=engine, keep_parameters=True)
    protocol = arguments["protocol"]
    start, (x, y, w) = arguments["initial"][16].astype(float), data(arguments, 16).tensors

    def loss(row):
        return of_torch(protocol, Plain(protocol.network, row)(x), y, w).item()

    steps = 1e-6 * np.eye(len(start))
    numeric = [(loss(start + step) - loss(start - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose(start - result.parameters[16], numeric, atol=3e-6)


@every_case
def test_lanes_follows_float64_as_closely_as_pytorch_does(case):
    for epochs, bound in ((1, 1e-7), (6, 1e-6)):
        optimizer = Adam(learning_rate=0.01, epsilon=1e-4)
        arguments = general(case, n_networks=60, epochs=epochs, stop="last_epoch", optimizer=optimizer)
        expected, errors = exact(arguments), {}
        for engine in ENGINES:
            result = train(**arguments, engine=engine, keep_parameters=True)
            np.testing.assert_allclose(result.loss, expected.loss, rtol=1e-4)
            assert (result.rows_right == expected.rows_right).mean() > 0.95
            error = np.abs(result.parameters - expected.parameters).max(axis=1)
            errors[engine] = np.quantile(error, [0.5, 0.9])
        assert errors["lanes"][0] < 10 * bound
        assert (errors["lanes"] < 3 * errors["reference"] + bound).all()


@pytest.mark.parametrize("case", [case for case in GENERAL if "unequal" in case])
def test_units_of_zeros_stay_zero(case):
    arguments = general(case, n_networks=5, epochs=10, stop="last_epoch")
    network = arguments["protocol"].network
    there = np.zeros((1, network.n_parameters), bool)
    for layer in layer_views(network, there):
        layer.weights[:] = layer.biases[:] = True
    for engine in ENGINES:
        parameters = train(**arguments, engine=engine, keep_parameters=True).parameters
        assert not parameters[:, ~there[0]].any()
        assert (parameters != arguments["initial"])[:, there[0]].mean() > 0.9


@every_case
def test_order_and_partition_change_no_bit(case):
    arguments = general(case, n_networks=37, epochs=4, success=0.9)
    arguments["initial"][5, 0] = np.nan
    whole = train(**arguments, engine="lanes", keep_parameters=True, snapshots=(0, 2))
    order = np.random.default_rng(0).permutation(37)
    for part in np.split(order, [3, 20]):
        some = {name: arguments[name][part] for name in ("targets", "initial", "orders")}
        if arguments["weights"] is not None:
            some["weights"] = arguments["weights"][part]
        found = train(**arguments | some, engine="lanes", keep_parameters=True, snapshots=(0, 2))
        assert equal_bits([a[part] for a in whole if a is not None], [a for a in found if a is not None])


@every_case
def test_curves_are_those_of_autograd(case):
    arguments = general(case, n_networks=18, epochs=4, success=0.8)
    snapshots = train(**arguments, snapshots=(0, 3)).snapshots
    snapshots[4, 1, -1] = np.inf
    protocol, weights = arguments["protocol"], arguments["weights"]
    found = curve(protocol, arguments["inputs"], arguments["targets"], snapshots, weights)
    assert np.isnan(found.rows_right[4, 1])
    for i in (0, 17):
        x, y, w = data(arguments, i).tensors
        for point in range(2):
            if np.isnan(snapshots[i, point]).any():
                assert all(np.isnan(values[i, point]) for values in found)
                continue
            model = Plain(protocol.network, snapshots[i, point])
            outputs = model(x)
            loss = of_torch(protocol, outputs, y, w)
            loss.backward()
            norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm().item()
            assert found.loss[i, point] == pytest.approx(loss.item(), rel=1e-5)
            assert found.gradient_norm[i, point] == pytest.approx(norm, rel=1e-4)
            share = right(protocol, outputs.detach().numpy(), y.numpy(), w) / len(y)
            assert found.rows_right[i, point] == pytest.approx(share, rel=1e-6)


@every_engine
def test_whole_weights_are_repeated_rows(engine):
    arguments = general("three outputs", n_networks=5, epochs=20, stop="last_epoch", success=0.6)
    times = np.array([2, 0, 1, 1, 3] * 4 + [1, 0, 2])
    weights = times * len(times) / times.sum()
    weighted = train(**arguments | {"weights": weights}, engine=engine, keep_parameters=True)
    repeated = {"inputs": np.repeat(arguments["inputs"], times, axis=0)}
    repeated["targets"] = np.repeat(arguments["targets"], times, axis=1)
    result = train(**arguments | repeated, engine=engine, keep_parameters=True)
    np.testing.assert_allclose(weighted.parameters, result.parameters, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(weighted.loss, result.loss, rtol=1e-5)


@every_engine
@pytest.mark.parametrize("loss", ["bce", "hinge", "cross_entropy"])
def test_rows_of_weight_0_do_not_matter_to_success(engine, loss):
    """Constant outputs that are right on half of the rows."""
    network = Network(n_inputs=1, width=1, depth=1, n_outputs=2)
    initial = np.zeros((1, network.n_parameters))
    initial[0, [-3, -1]] = 2, 1  # the biases of the outputs
    y = [[[1, 1]] * 3 + [[1, -1]] * 3] if loss != "cross_entropy" else [[0] * 3 + [1] * 3]
    protocol = Protocol(network=network, loss=loss, epochs=0)
    arguments = {"inputs": np.zeros((6, 1)), "targets": y, "initial": initial, "engine": engine}
    assert train(protocol, **arguments).rows_right.tolist() == [3]
    result = train(protocol, **arguments, weights=[1, 2, 3, 0, 0, 0])
    assert (result.rows_right[0], result.success_epoch[0]) == (6, 0)


@every_engine
def test_the_largest_output_must_be_above_all_others(engine):
    network = Network(n_inputs=1, width=1, depth=1, n_outputs=3)
    initial = np.zeros((2, network.n_parameters))
    initial[:, [-5, -3, -1]] = [[1, 1, 0], [2, 1, 0]]
    protocol = Protocol(network=network, loss="cross_entropy", epochs=0)
    result = train(protocol, np.zeros((4, 1)), [[0, 1, 2, 0]] * 2, initial, engine=engine)
    assert result.rows_right.tolist() == [0, 2]
    own = np.array([[1, 1, 0, 1], [2, 1, 0, 2]])
    total = np.log(np.exp([[1, 1, 0], [2, 1, 0]]).sum(axis=1))
    np.testing.assert_allclose(result.loss, (total[:, None] - own).mean(axis=1), rtol=1e-6)


@every_engine
@pytest.mark.parametrize("case", ["classes", "huber of three outputs", "hinge"])
def test_outputs_that_are_not_finite_end_a_network(engine, case):
    arguments = general(case, n_networks=5, epochs=3)
    arguments["initial"][2, -1] = np.inf  # the bias of the last output
    result = train(**arguments, engine=engine)
    assert (result.stop_reason == StopReason.NOT_FINITE).tolist() == [i == 2 for i in range(5)]
    assert result.epochs[2] == 0 or arguments["protocol"].batch


@pytest.mark.parametrize(
    ("case", "change", "message"),
    [
        (
            "three outputs",
            {"targets": np.zeros((5, 23))},
            r"allowed is \(n_networks, n_rows = 23, n_targets = 3\)",
        ),
        (
            "classes",
            {"targets": np.zeros((5, 23, 4))},
            r"shape \(5, 23, 4\); allowed is \(n_networks, n_rows = 23\)",
        ),
        ("classes", {"targets": np.full((5, 23), 4)}, r"hold \[4.0\].*cross_entropy allowed.* 0 to 3"),
        ("classes", {"targets": np.full((5, 23), 0.5)}, r"hold \[0.5\]"),
        ("hinge", {"targets": np.zeros((5, 23))}, r"hold \[0.0\]; with loss = hinge allowed are -1 and \+1"),
        ("weights", {"weights": np.ones(22)}, r"weights have shape \(22,\); allowed is \(n_rows = 23,\) or"),
        ("weights", {"weights": -np.ones(23)}, r"weights hold \[-1.0\]; allowed are finite numbers from 0"),
        ("weights", {"weights": np.full(23, np.nan)}, r"weights hold \[nan\]"),
        ("weights", {"weights": np.eye(5, 23) * 0}, "all weights of a network are 0"),
    ],
)
def test_what_is_not_allowed_is_refused(case, change, message):
    with pytest.raises(ValueError, match=message):
        train(**general(case, n_networks=5) | change)


def test_cross_entropy_needs_an_output_for_each_class():
    with pytest.raises(ValueError, match="got n_outputs = 1, allowed is 2 or more, or loss = bce"):
        Protocol(network=Network(n_inputs=1, width=1, depth=1), loss="cross_entropy")
    network = Network(n_inputs=1, width=1, depth=1, n_outputs=2)
    with pytest.raises(ValueError, match="threshold is 0\\.5; loss = cross_entropy parts its classes at 0"):
        Protocol(network=network, loss="cross_entropy", threshold=0.5)


FROZEN = {
    "classes, short batches, weights": "1d681ef55101c983",
    "huber of three outputs": "2540f8c60923460f",
    "inputs to every layer, other units": "31d20b4a8fd15738",
    "residual": "6c2b88bf4061c5d9",
    "unequal widths by layer": "78f7f0553384d1bb",
}


@pytest.mark.parametrize("case", FROZEN)
def test_the_bits_are_frozen(case):
    """A change here is a change of results: it calls for a new result-schema version."""
    result = train(
        **general(case, n_networks=20, epochs=5, success=0.9), engine="lanes", keep_parameters=True
    )
    assert digest(array for array in result if array is not None) == FROZEN[case]
