"""Several outputs, other losses, weights, short batches, skip connections: against PyTorch's own loop."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from relusweep.tasks.training import Adam, Rows, Sgd
from relusweep.tasks.training.orders import following_order
from relusweep.tasks.training.reference import train_reference
from tests.tasks.training.examples import ENGINES, GENERAL, general

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
            if i == self.network.depth:
                return z
            name = names[i % len(names)]
            a = ACTIVATIONS[name](z, *([self.network.leak] if name == "relu" else []))
            h = a + h if i and self.network.skip == "residual" else a

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
