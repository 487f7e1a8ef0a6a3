"""Training: optimisers, regularisation and schedules, held against loops over single networks in PyTorch."""

from functools import cache

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from relusweep.tasks.training import Adam, AdamW, Network, Protocol, RmsProp, Rows, Schedule, Sgd, train
from relusweep.tasks.training.optimizers import rate_factors
from relusweep.tasks.training.orders import following_order
from relusweep.tasks.training.reference import train_reference
from tests.tasks.training.examples import ENGINES, UNITS, balls, boolean, equal_bits, some

EPOCHS = 12


def warm(main, epochs):
    """Put PyTorch's linear rise before a schedule."""

    def of(optimizer):
        parts = [lr_scheduler.LinearLR(optimizer, 1 / (epochs + 1), total_iters=epochs), main(optimizer)]
        return lr_scheduler.SequentialLR(optimizer, parts, [epochs])

    return of


# What we call it, PyTorch's optimiser, and its schedule.
CASES = {
    "adam": (
        {"optimizer": Adam(learning_rate=0.01, weight_decay=0.1)},
        lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1),
    ),
    "adamw": (
        {"optimizer": AdamW(learning_rate=0.01, weight_decay=0.1)},
        lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    ),
    "nesterov": (
        {"optimizer": Sgd(learning_rate=0.05, momentum=0.8, nesterov=True, weight_decay=0.01)},
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.01),
    ),
    "rmsprop": (
        {"optimizer": RmsProp(learning_rate=0.002, alpha=0.9, weight_decay=0.01)},
        lambda p: torch.optim.RMSprop(p, lr=0.002, alpha=0.9, weight_decay=0.01),
    ),
    "clipped": (
        {"optimizer": Sgd(learning_rate=0.2, momentum=0.5), "clip_norm": 0.1, "l1": 0.01},
        lambda p: torch.optim.SGD(p, lr=0.2, momentum=0.5),
    ),
    "step": (
        {
            "optimizer": Adam(learning_rate=0.01),
            "schedule": Schedule(kind="step", every=3, factor=0.5, warmup=2),
        },
        lambda p: torch.optim.Adam(p, lr=0.01),
        warm(lambda o: lr_scheduler.StepLR(o, 3, 0.5), 2),
    ),
    "cosine": (
        {
            "optimizer": AdamW(learning_rate=0.01, weight_decay=0.1),
            "schedule": Schedule(kind="cosine", every=10, floor=0.1, warmup=3),
        },
        lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
        warm(lambda o: lr_scheduler.CosineAnnealingLR(o, 10, 0.001), 3),
    ),
    "plateau": (
        {
            "optimizer": AdamW(learning_rate=0.05, weight_decay=0.1),
            "schedule": Schedule(kind="plateau", patience=1, threshold=0.1, factor=0.5, floor=0.2),
        },
        lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.1),
        lambda o: lr_scheduler.ReduceLROnPlateau(
            o, patience=1, threshold=0.1, factor=0.5, min_lr=0.01, eps=0
        ),
    ),
}


class Alone(torch.nn.Module):
    """One network, as a tutorial would write it."""

    def __init__(self, network, row):
        super().__init__()
        self.layers, place = torch.nn.ModuleList(), 0
        for fan_out, fan_in in network.layers:
            linear = torch.nn.Linear(fan_in, fan_out, dtype=torch.float64)
            of_layer = row[place : place + fan_out * (fan_in + 1)].reshape(fan_out, fan_in + 1)
            with torch.no_grad():
                linear.weight[:] = torch.tensor(of_layer[:, :-1])
                linear.bias[:] = torch.tensor(of_layer[:, -1])
            self.layers.append(linear)
            place += fan_out * (fan_in + 1)
        self.leak = network.leak

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.nn.functional.leaky_relu(layer(x), self.leak)
        return self.layers[-1](x)[:, 0]

    def row(self):
        parts = [torch.cat([of.weight, of.bias[:, None]], 1).flatten() for of in self.layers]
        return torch.cat(parts).detach().numpy()


def alone(arguments, network, of_torch, schedule=None):
    """Train one network in float64; give its parameters, and the watched losses of its epochs."""
    protocol = arguments["protocol"]
    model = Alone(protocol.network, arguments["initial"][network])
    x, y = (torch.tensor(np.float32(arguments[name][network])).double() for name in ("inputs", "targets"))
    optimizer, order, watched = of_torch(model.parameters()), np.arange(len(y)), []
    schedule = schedule and schedule(optimizer)
    for epoch in range(protocol.epochs):
        total = 0.0
        if protocol.batch:
            following_order(arguments["orders"][network], epoch, order)
        for part in torch.tensor(order).split(protocol.batch or len(y)):
            loss = ((model(x[part]) - y[part]) ** 2).mean()
            total += loss.item() * len(part) / len(y)
            optimizer.zero_grad()
            (loss + protocol.l1 * sum(p.abs().sum() for p in model.parameters())).backward()
            if protocol.clip_norm:
                torch.nn.utils.clip_grad_norm_(model.parameters(), protocol.clip_norm)
            optimizer.step()
        watched.append(total)
        if isinstance(schedule, lr_scheduler.ReduceLROnPlateau):
            schedule.step(total)
        elif schedule:
            schedule.step()
    return model.row(), watched


def ours(arguments, **options):
    """Train all of them by the reference."""
    rows = Rows(*(np.ascontiguousarray(arguments[name], np.float32) for name in ("inputs", "targets")))
    keys = arguments["orders"] if arguments["protocol"].batch else None
    return train_reference(
        arguments["protocol"], rows, arguments["initial"], keys, keep_parameters=True, **options
    )


@pytest.mark.parametrize("batch", [None, 20])
@pytest.mark.parametrize("case", CASES)
def test_updates_are_those_of_pytorch(case, batch):
    fields, *of_torch = CASES[case]
    arguments = balls(24, loss="mse", epochs=EPOCHS, stop="last_epoch", batch=batch, width=4, **fields)
    exact = np.array([alone(arguments, i, *of_torch)[0] for i in range(24)])
    np.testing.assert_allclose(ours(arguments, dtype=torch.float64).parameters, exact, atol=1e-6)
    lanes, reference = (
        np.abs(train(**arguments, engine=engine, keep_parameters=True).parameters - exact).max(axis=1)
        for engine in ENGINES
    )
    assert np.median(lanes) < 1e-6
    assert (np.quantile(lanes, [0.5, 0.9]) < 3 * np.quantile(reference, [0.5, 0.9]) + 1e-7).all()
