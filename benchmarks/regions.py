"""Time the linear regions of networks of two inputs against regioncam, on one core.

    python benchmarks/regions.py [--rounds 5] [--share 1.0] [--only 8x2] [--many 100000]

Weights are N(0, 2/fan_in), biases N(0, 0.25), the box is [-1, 1]². Both give the polygons of the hidden
layers of every network; ours decides signs exactly, regioncam works in float32. They take turns, round after
round, and the least processor time of each counts. `--share` takes a part of the networks of each row.
"""

import argparse
import os

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"

from collections.abc import Callable
from time import process_time

import numpy as np
import regioncam
from rich.console import Console
from rich.table import Table

from relusweep.tasks.networks import Network
from relusweep.tasks.regions import count_regions, each_linear_regions

# Width, depth, networks: those of the last row have about 300 000 regions.
SHAPES = ((8, 2, 1000), (8, 3, 500), (10, 5, 100), (30, 2, 100), (100, 2, 10), (530, 2, 1))
BOX = (-1.0, -1.0), (1.0, 1.0)

Layers = list[tuple[np.ndarray, np.ndarray]]


def random_networks(network: Network, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw rows of parameters in float32, so that both work on the same numbers."""
    layers = [
        np.concatenate(
            [
                rng.normal(0, np.sqrt(2 / fan_in), (count, fan_out, fan_in)),
                rng.normal(0, 0.5, (count, fan_out, 1)),
            ],
            axis=2,
        ).reshape(count, -1)
        for fan_out, fan_in in network.layers
    ]
    return np.concatenate(layers, axis=1).astype(np.float32)


def hidden_layers(network: Network, row: np.ndarray) -> Layers:
    """Weights of shape (fan_in, fan_out) and biases, as regioncam takes them."""
    layers, place = [], 0
    for fan_out, fan_in in network.layers[:-1]:
        matrix = row[place : place + fan_out * (fan_in + 1)].reshape(fan_out, fan_in + 1)
        layers.append((np.ascontiguousarray(matrix[:, :-1].T), matrix[:, -1].copy()))
        place += matrix.size
    return layers


def theirs(networks: list[Layers]) -> list[int]:
    counts = []
    for layers in networks:
        plane = regioncam.Regioncam(size=1)
        for weights, biases in layers:
            plane.linear(weights, biases)
            plane.relu()
        counts.append(plane.num_faces)
    return counts


def each(network: Network, rows: np.ndarray) -> list[int]:
    return [len(regions) for regions in each_linear_regions(network, rows, *BOX)]


def counted(network: Network, rows: np.ndarray) -> list[int]:
    return count_regions(network, rows, *BOX).regions.tolist()


def race(
    network: Network, rows: np.ndarray, ours: Callable[[Network, np.ndarray], list[int]], rounds: int
) -> tuple[int, int, float, float]:
    """Regions, networks whose counts differ, and the least seconds of both."""
    networks = [hidden_layers(network, row) for row in rows]
    ours(network, rows[:1])
    seconds = np.empty((rounds, 2))
    for i in range(rounds):
        begin = process_time()
        found = ours(network, rows)
        middle = process_time()
        other = theirs(networks)
        seconds[i] = middle - begin, process_time() - middle
    different = sum(a != b for a, b in zip(found, other, strict=True))
    return sum(found), different, *seconds.min(axis=0)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--only", nargs="*", help="width x depth, as 8x2")
    parser.add_argument("--many", type=int, default=100_000, help="networks of 8 x 2 in the row of many")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rng = np.random.default_rng(0)
    table = Table("networks, width x depth", title="linear regions in the plane, on one core")
    for heading in ("regions", "counts differ", "10³/s", "regioncam, 10³/s", "ratio"):
        table.add_column(heading, justify="right")
    for width, depth, count in (*SHAPES, (8, 2, 0)):
        if arguments.only and f"{width}x{depth}" not in arguments.only:
            continue
        networks = max(1, round(count * arguments.share)) if count else arguments.many
        network = Network(n_inputs=2, width=width, depth=depth)
        rows = random_networks(network, networks, rng)
        rounds = arguments.rounds if count not in (0, 1) else 1
        n, different, ours, other = race(network, rows, each if count else counted, rounds)
        table.add_row(
            f"{networks:,} of {width} x {depth}{'' if count else ', counted'}",
            f"{n:,}",
            f"{different:,}",
            f"{n / ours / 1e3:,.0f}",
            f"{n / other / 1e3:,.0f}",
            f"{other / ours:,.1f}",
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
