"""Training: optimisers, regularisation and schedules, held against loops over single networks in PyTorch."""

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from relusweep.tasks.training import (
    Adam,
    AdamW,
    Network,
    Protocol,
    RmsProp,
    Rows,
    Rules,
    Schedule,
    Sgd,
    StopReason,
    train,
)
from relusweep.tasks.training.optimizers import rate_factors
from relusweep.tasks.training.orders import following_order
from relusweep.tasks.training.reference import train_reference
from tests.tasks.training.examples import ENGINES, balls

EPOCHS = 8


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
            "schedule": Schedule(kind="cosine", every=6, floor=0.1, warmup=2),
        },
        lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
        warm(lambda o: lr_scheduler.CosineAnnealingLR(o, 6, 0.001), 2),
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


@pytest.mark.parametrize(
    ("case", "batch"), [*((case, 30) for case in CASES), ("clipped", None), ("plateau", None)]
)
def test_updates_are_those_of_pytorch(case, batch):
    fields, *of_torch = CASES[case]
    arguments = balls(10, loss="mse", epochs=EPOCHS, stop="last_epoch", batch=batch, width=4, **fields)
    exact = np.array([alone(arguments, i, *of_torch)[0] for i in range(10)])
    np.testing.assert_allclose(ours(arguments, dtype=torch.float64).parameters, exact, atol=1e-6)
    lanes, reference = (
        np.abs(train(**arguments, engine=engine, keep_parameters=True).parameters - exact).max(axis=1)
        for engine in ENGINES
    )
    assert np.median(lanes) < 1e-6
    assert (np.quantile(lanes, [0.5, 0.9]) < 3 * np.quantile(reference, [0.5, 0.9]) + 1e-7).all()


SCHEDULES = {
    "step": lambda o: lr_scheduler.StepLR(o, 7, 0.3),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 7, 0.2),
    "constant": lambda o: lr_scheduler.ConstantLR(o, 1),
}


@pytest.mark.parametrize("kind", SCHEDULES)
@pytest.mark.parametrize("warmup", [0, 1, 5])
def test_factors_are_those_of_pytorch(kind, warmup):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    torchs = (warm(SCHEDULES[kind], warmup) if warmup else SCHEDULES[kind])(optimizer)
    epochs, expected = warmup + (8 if kind == "cosine" else 40), []
    for _ in range(epochs):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        torchs.step()
    found = rate_factors(Schedule(kind=kind, warmup=warmup, every=7, factor=0.3, floor=0.2), epochs)
    found = found[np.minimum(np.arange(epochs), len(found) - 1)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_cosine_stays_down():
    assert rate_factors(Schedule(kind="cosine", every=4, floor=0.25), 100)[-1] == 0.25


# Rates and momenta with which losses fall, and rise again.
ROUGH, WILD = (0.05, 0.9), (0.5, 0.99)
STOPS = {
    "target_loss": (ROUGH, {"target_loss": 0.26}, lambda losses: losses[-1] <= 0.26),
    "divergence": (WILD, {"most_loss": 2.0}, lambda losses: losses[-1] > 2),
    "plateau": (
        ROUGH,
        {"patience": 1, "min_improvement": 0.05},
        lambda losses: has_stayed(losses, patience=1, least=0.05),
    ),
}


def has_stayed(losses, patience, least):
    """Count back from the end to the last loss that was lower."""
    lowest, last = np.inf, -1
    for epoch, loss in enumerate(losses):
        if loss < lowest * (1 - least):
            lowest, last = loss, epoch
    return len(losses) - 1 - last > patience


@pytest.mark.parametrize("batch", [None, 30])
@pytest.mark.parametrize("stop", STOPS)
def test_the_watched_loss_ends_the_training(stop, batch):
    (rate, momentum), fields, ends = STOPS[stop]
    fields = fields | {"optimizer": Sgd(learning_rate=rate, momentum=momentum), "batch": batch}
    arguments = balls(16, loss="mse", epochs=EPOCHS, stop=stop, width=4, **fields)
    longer = arguments | {"protocol": arguments["protocol"].model_copy(update={"epochs": EPOCHS + 1})}
    expected = []
    for i in range(16):
        losses = alone(longer, i, lambda p: torch.optim.SGD(p, lr=rate, momentum=momentum))[1]
        known = range(EPOCHS + (batch is None))  # with all rows, also after the last epoch
        found = [epoch for epoch in known if ends(losses[: epoch + 1])]
        expected.append((found[0] + (batch is not None), True) if found else (EPOCHS, False))
    epochs, ended = np.array(expected).T
    assert 0 < ended.sum() < 16
    assert len(set(epochs)) > 2
    for engine in ENGINES:
        result = train(**arguments, engine=engine)
        np.testing.assert_array_equal(result.epochs, epochs)
        reason = np.where(ended, StopReason[stop.upper()], StopReason.EPOCHS)
        np.testing.assert_array_equal(result.stop_reason, reason)
        if stop == "target_loss" and batch is None:
            assert (result.loss[ended == 1] <= 0.26).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batch", [None, 20])
def test_a_loss_that_is_not_a_number_ends_the_training(engine, batch):
    arguments = balls(20, epochs=5, stop="divergence", most_loss=1e30, batch=batch)
    arguments["initial"][3, 0] = np.nan
    result = train(**arguments, engine=engine)
    assert result.stop_reason[3] == StopReason.NOT_FINITE
    assert result.epochs.tolist() == [5 if i != 3 else int(batch is not None) for i in range(20)]


@pytest.mark.parametrize("loss", ["hinge", "huber", "cross_entropy"])
def test_losses_of_what_is_not_a_number_are_not_numbers(loss):
    network = Network(n_inputs=2, width=2, depth=1, n_outputs=3)
    initial = np.ones((6, network.n_parameters))
    for output in range(3):
        initial[output, 6 + 3 * output], initial[3 + output, 6 + 3 * output] = np.nan, np.inf
    targets = np.ones((6, 4) if loss == "cross_entropy" else (6, 4, 3))
    protocol = Protocol(network=network, loss=loss, epochs=2)
    for engine in ENGINES:
        result = train(protocol, np.eye(4)[:, :2], targets, initial, engine=engine)
        assert np.isnan(result.loss[:3]).all()
        assert (result.stop_reason == StopReason.NOT_FINITE).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_units_of_zeros_and_zero_weights_stay_zero(engine):
    network = Network(n_inputs=2, width=4, depth=2, widths=(2, 4))
    adamw = AdamW(learning_rate=0.1, weight_decay=0.5)
    protocol = Protocol(
        network=network, optimizer=adamw, l1=0.1, clip_norm=0.1, epochs=20, stop="last_epoch", loss="mse"
    )
    start = np.zeros((1, network.n_parameters))
    result = train(protocol, np.eye(2), np.zeros((1, 2)), start, engine=engine, keep_parameters=True)
    np.testing.assert_array_equal(result.parameters, start)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stop": "plateau"}, "stop = plateau needs patience"),
        ({"stop": "target_loss"}, "stop = target_loss needs target_loss"),
        ({"stop": "divergence"}, "stop = divergence needs most_loss"),
        ({"schedule": {"kind": "cosine"}}, "schedule cosine is over so many epochs"),
        ({"optimizer": {"learning_rate": 1, "momentum": 0, "nesterov": True}}, "nesterov is of momentum"),
        ({"rules": Rules(), "l1": 0.1}, "without a gradient"),
    ],
)
def test_what_is_lacking_is_said(fields, message):
    network = Network(n_inputs=2, width=2, depth=1, activation="decomposed_relu")
    with pytest.raises(ValueError, match=message):
        Protocol(network=network, **fields)
