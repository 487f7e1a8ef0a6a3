"""What activations cost the engine lanes: time of networks of each against that of ReLU, on one core.

    python benchmarks/activations.py [--rounds 7] [--epochs 200] [--group 2]

256 networks of 4-parity, 16 rows at once, Adam, to the last epoch, each activation once a round in turn;
ratios are medians of the rounds' ratios. Beside the time of a network-epoch stands the speed at its weights,
counted as 6 * weights * rows operations: a unit of a group has several rows of weights.
"""

import argparse
import os
import statistics
from collections.abc import Callable
from time import thread_time

os.environ["OMP_NUM_THREADS"] = "1"
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import numpy as np
from rich.console import Console
from rich.table import Table

from relusweep.tasks import activations
from relusweep.tasks.boolean.truth_tables import inputs, parity
from relusweep.tasks.networks import Network
from relusweep.tasks.problems.boolean import initial_parameters
from relusweep.tasks.training import Protocol, train

NETWORKS, SIZES = 256, ((2, 2), (5, 3), (10, 5), (20, 2))


def network(name: str, width: int, depth: int, group: int) -> Network:
    group = group if activations.load(name).grouped else 1
    return Network(n_inputs=4, width=width, depth=depth, activation=name, group=group)


def seconds(network: Network, epochs: int) -> Callable[[], float]:
    """Time the training of all networks, a network and epoch."""
    x = inputs(4).astype(np.float32)
    y = np.tile(np.where(np.count_nonzero(x > 0, axis=1) % 2, 1.0, -1.0), (NETWORKS, 1))
    initial = initial_parameters(network, 0, parity(4), range(NETWORKS))
    protocol = Protocol(network=network, epochs=epochs, stop="last_epoch")

    def run() -> float:
        start = thread_time()
        train(protocol, x, y, initial, engine="lanes")
        return (thread_time() - start) / (NETWORKS * epochs)

    run()
    return run


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--group", type=int, default=2)
    arguments = parser.parse_args()
    names = [name for name in activations.names() if activations.load(name).in_lanes]
    names.sort(key=lambda name: name != "relu")
    table = Table("activation", title="Times the time of ReLU (share of its speed at weights)")
    for width, depth in SIZES:
        table.add_column(f"{width}, {depth}", justify="right")
    cells: dict[str, list[str]] = {name: [] for name in names}
    for width, depth in SIZES:
        every = {name: network(name, width, depth, arguments.group) for name in names}
        runs = {name: seconds(one, arguments.epochs) for name, one in every.items()}
        rounds = [{name: run() for name, run in runs.items()} for _ in range(arguments.rounds)]
        for name, one in every.items():
            slower = statistics.median(times[name] / times["relu"] for times in rounds)
            weights = one.n_weights / every["relu"].n_weights
            cells[name].append(f"{slower:.2f} ({weights / slower:.0%})")
    for name in names:
        table.add_row(name, *cells[name])
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
