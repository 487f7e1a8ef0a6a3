"""Seconds of an epoch, and to a loss, of decomposed neurons beside usual ones, in `lanes` on one core.

    python benchmarks/neurons.py [--target franke] [--loss 0.003] [--epochs 2000] [--networks 64] [--rounds 3]

Networks of one hidden layer of 20 units fit a function at 200 Sobol points with all rows at once. Each neuron
has the learning rate, of three, at which half its networks come to the loss first; rules have the rate 0.1.
Seconds are CPU time without compiling, the least of the rounds; epochs are medians over the networks.
"""

import argparse
import os
from collections.abc import Iterator
from time import thread_time
from typing import NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import numpy as np
from rich.console import Console
from rich.table import Table

from relusweep.tasks.functions import target
from relusweep.tasks.points import sobol_points
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import Adam, Network, Protocol, Rules, Sgd, initial_parameters, train
from relusweep.tasks.training.curves import curve
from relusweep.tasks.training.engine import prepare

WIDTH, POINTS = 20, 200
RATES = {"adam": (0.01, 0.03, 0.1), "sgd": (0.03, 0.1, 0.3)}
KINDS = ("decomposed_relu", "decomposed_softplus")


class Work(NamedTuple):
    """What every neuron is timed on."""

    target: str
    loss: float
    epochs: int
    networks: int
    rounds: int


def neurons() -> Iterator[tuple[str, str, float, Rules | None]]:
    for name, leak in (("relu", 0.0), ("relu", 0.1), ("silu", 0.0), ("softplus", 0.0)):
        yield f"{name}{f', leak {leak:g}' if leak else ''}", name, leak, None
    for kind in KINDS:
        yield f"{kind}, rules", kind, 0.0, Rules(kink_rate=0.1, slope_rate=0.1)
        yield f"{kind}, backpropagation", kind, 0.0, None


def measured(work: Work, protocol: Protocol) -> tuple[float, float]:
    """Give seconds of an epoch of a network, and the median epoch at which the loss is reached."""
    function = target(work.target)
    x = sobol_points(POINTS, function.n_inputs, function.low, function.high, ("benchmark",))
    y = np.tile(function.values(x), (work.networks, 1))
    initial = initial_parameters(protocol.network, Stream((work.target,)), range(work.networks))
    prepare(protocol, POINTS, "lanes")
    seconds = []
    for _ in range(work.rounds):
        start = thread_time()
        train(protocol, x, y, initial, engine="lanes")
        seconds.append((thread_time() - start) / (work.networks * work.epochs))
    epochs = np.unique(np.geomspace(1, work.epochs, 60).astype(int))
    found = train(protocol, x, y, initial, engine="lanes", snapshots=epochs.tolist())
    assert found.snapshots is not None
    there = curve(protocol, x, y, found.snapshots).loss <= work.loss
    first = np.where(there.any(axis=1), epochs[there.argmax(axis=1)], np.inf)
    return min(seconds), float(np.median(first))


def row(work: Work, name: str, activation: str, leak: float, rules: Rules | None, kind: str) -> list[str]:
    network = Network(
        n_inputs=target(work.target).n_inputs, width=WIDTH, depth=1, activation=activation, leak=leak
    )
    tried = []
    for rate in RATES[kind]:
        optimizer = Adam(learning_rate=rate) if kind == "adam" else Sgd(learning_rate=rate, momentum=0.0)
        protocol = Protocol(
            network=network,
            loss="mse",
            optimizer=optimizer,
            epochs=work.epochs,
            stop="last_epoch",
            rules=rules,
        )
        seconds, epochs = measured(work, protocol)
        tried.append((epochs, seconds, rate))
    epochs, seconds, rate = min(tried)
    least = min(seconds for _, seconds, _ in tried)
    reached = np.isfinite(epochs)
    return [
        name,
        f"{kind}, {rate:g}" if reached else kind,
        str(network.n_parameters),
        f"{1e6 * least:.2f}",
        f"{epochs:.0f}" if reached else "-",
        f"{1e3 * least * epochs:.2f}" if reached else "-",
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--target", default="franke")
    parser.add_argument("--loss", type=float, default=0.003)
    parser.add_argument("--epochs", type=int, default=2000)
    parser.add_argument("--networks", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    work = Work(**vars(parser.parse_args()))
    table = Table("neuron", "optimiser", title=f"{work.target}, to a loss of {work.loss:g}")
    for heading in ("parameters", "µs an epoch", "epochs", "ms to the loss"):
        table.add_column(heading, justify="right")
    for kind in RATES:
        for neuron in neurons():
            table.add_row(*row(work, *neuron, kind))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
