"""What the tests train on, and a forward pass that shares nothing with the engines."""

import numpy as np

from relusweep.tasks.boolean.truth_tables import inputs, parity, truth_table
from relusweep.tasks.problems import boolean as functions
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import Network, Protocol, initial_parameters

ENGINES = ("lanes", "reference")


def boolean(n, width, depth, n_networks, leak=0.1, function=None, **protocol):
    """Arguments of `train` for one function of n inputs."""
    network = Network(n_inputs=n, width=width, depth=depth, leak=leak)
    function = parity(n) if function is None else function
    table = truth_table(np.array([function], np.uint64), n)
    targets = np.repeat(table, n_networks, axis=0)
    initial = functions.initial_parameters(network, 0, function, range(n_networks))
    return Protocol(network=network, **protocol), inputs(n), targets, initial


UNITS = {
    "softplus": {"activation": "softplus"},
    "silu": {"activation": "silu"},
    "vrelu": {"activation": "vrelu"},
    "maximum": {"activation": "maximum", "group": 3},
    "decomposed_relu": {"activation": "decomposed_relu"},
    "decomposed_softplus": {"activation": "decomposed_softplus"},
    **{name: {"activation": name} for name in ("abs", "hard_tanh", "gelu", "tanh", "sigmoid", "identity")},
}
"""Fields of networks of the activations that the engine lanes has beside ReLU."""


def balls(n_networks, n_rows=60, width=3, own=True, units=None, **protocol):
    """Arguments of `train`, by name, for balls in the plane: rows, test rows and orders for each network.

    Networks have one layer of leaky ReLU, or two of `units`.
    """
    fields = {"depth": 1, "leak": 0.1} if units is None else {"depth": 2, **UNITS[units]}
    network = Network(n_inputs=2, width=width, **fields)
    squares = protocol.get("loss") == "mse"
    protocol |= {"network": network, "threshold": 0.5 if squares else 0.0}

    def draw(rows, name):
        words = Stream((name,)).words(range(n_networks), 2 * rows)
        x = (words * 2.0**-31 - 1).reshape(n_networks, rows, 2)
        x = x if own else np.broadcast_to(x[:1], x.shape)
        inside = (x**2).sum(axis=2) < 2 / 3
        return x if own else x[0], np.where(inside, 1, 0 if squares else -1)

    x, y = draw(n_rows, "rows")
    return {
        "protocol": Protocol(**protocol),
        "inputs": x,
        "targets": y,
        "initial": initial_parameters(network, Stream(("balls",)), range(n_networks)),
        "orders": Stream(("orders",)).keys(range(n_networks)),
        "test": draw(37, "test rows"),
    }


def some(arguments, networks):
    """Those arguments for some of the networks."""

    def of(rows):
        x, y = rows
        return x[networks] if x.ndim == 3 else x, y[networks]

    x, y = of((arguments["inputs"], arguments["targets"]))
    mine = {name: arguments[name][networks] for name in ("initial", "orders")}
    return arguments | mine | {"inputs": x, "targets": y, "test": of(arguments["test"])}


def logits(network, parameters, x):
    """A forward pass of one network in float64."""
    h, place = np.asarray(x, float), 0
    for i, (fan_out, fan_in) in enumerate(network.layers):
        layer = parameters[place : place + fan_out * (fan_in + 1)].reshape(fan_out, fan_in + 1)
        z = h @ layer[:, :fan_in].T + layer[:, fan_in]
        h = np.where(z > 0, z, network.leak * z) if i < network.depth else z
        place += layer.size
    return h[:, 0]


def loss(protocol, outputs, y):
    """The mean loss of one network."""
    if protocol.loss == "mse":
        return ((outputs - y) ** 2).mean()
    return np.logaddexp(0, -y * outputs).mean()


def equal_bits(a, b):
    return all(
        (x is None and y is None) or (x.dtype == y.dtype and x.tobytes() == y.tobytes())
        for x, y in zip(a, b, strict=True)
    )


GENERAL = {
    "three outputs": {"n_outputs": 3, "loss": "mse"},
    "signs of two outputs, short batches": {"n_outputs": 2, "loss": "bce", "batch": 10},
    "classes": {"n_outputs": 4, "loss": "cross_entropy"},
    "classes, short batches, weights": {"n_outputs": 3, "loss": "cross_entropy", "batch": 8, "weights": True},
    "hinge": {"loss": "hinge", "batch": 7},
    "hinge of two outputs, weights": {"n_outputs": 2, "loss": "hinge", "weights": True},
    "huber": {"loss": "huber", "huber_delta": 0.5, "weights": True},
    "huber of three outputs": {"n_outputs": 3, "loss": "huber", "huber_delta": 0.5, "activation": "silu"},
    "weights": {"loss": "bce", "weights": True, "batch": 10},
    "weights, other units": {"loss": "mse", "activation": "softplus", "weights": True, "batch": 9},
    "inputs to every layer": {"skip": "input", "loss": "mse"},
    "inputs to every layer, other units": {"skip": "input", "activation": "silu", "n_outputs": 2},
    "residual": {"skip": "residual", "loss": "mse", "batch": 9},
    "residual, other units": {"skip": "residual", "activation": "softplus", "n_outputs": 2, "loss": "mse"},
    "activations by layer": {"activation": "softplus-relu-silu", "leak": 0.2, "loss": "mse", "batch": 9},
    "unequal widths of softplus": {"activation": "softplus", "widths": (4, 5, 2), "loss": "mse"},
    "unequal widths by layer": {"activation": "relu-silu-softplus", "widths": (2, 5, 3), "n_outputs": 2},
}
"""Fields of networks and protocols of three hidden layers, with or without weights of rows."""


def general(case, n_networks=20, n_rows=23, **protocol):
    """Arguments of `train`, by name, for a case of `GENERAL`: rows of all networks, targets of each."""
    of_network = {"activation", "leak", "n_outputs", "skip", "widths"}
    fields = {"n_outputs": 1, "loss": "bce"} | GENERAL[case] | protocol
    weighted = fields.pop("weights", False)
    shape = {name: value for name, value in fields.items() if name in of_network}
    network = Network(n_inputs=3, width=5, depth=3, **shape)
    rule = {name: value for name, value in fields.items() if name not in of_network}
    x = Stream(("general rows",)).words(range(1), 3 * n_rows).reshape(n_rows, 3) * 2.0**-31 - 1
    words = Stream(("general targets",)).words(range(n_networks), n_rows * network.n_outputs)
    numbers = words.reshape(n_networks, n_rows, network.n_outputs) * 2.0**-30 - 2
    if rule["loss"] in ("bce", "hinge"):
        numbers = np.where(numbers > 0, 1, -1)
    if rule["loss"] == "cross_entropy":
        numbers = np.floor((numbers + 2) / 4 * network.n_outputs)[..., :1]
    draws = Stream(("general weights",)).words(range(n_networks), n_rows) * 2.0**-31
    return {
        "protocol": Protocol(network=network, **rule),
        "inputs": x.astype(np.float32),
        "targets": np.float32(numbers if numbers.shape[2] > 1 else numbers[..., 0]),
        "initial": initial_parameters(network, Stream(("general",)), range(n_networks)),
        "orders": Stream(("orders",)).keys(range(n_networks)),
        "weights": np.where(draws < 0.3, 0, draws).astype(np.float32) if weighted else None,
    }
