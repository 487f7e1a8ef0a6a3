"""Regions of networks in all of space: how fast they are found, on one core.

    python benchmarks/regions_space.py [--rounds 3] [--most 3000]

Weights and biases are uniform, as PyTorch draws them. Where the package `relucent` is installed (AGPL:
nothing here needs it), which searches by linear programs, it searches the same networks in turn, at most
`--most` regions of each; counts are compared where these are all. The last row has small whole weights,
where many decisions need rational arithmetic.
"""

import argparse
import os

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[threads] = "1"

import statistics
import time
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
from rich.console import Console
from rich.table import Table

from relusweep.regions import regions_in_space

Layers = list[tuple[np.ndarray, np.ndarray]]

WIDTHS = ([2, 8, 2], [4, 8, 8, 2], [4, 10, 10, 10, 2], [3, 20, 20, 1], [5, 12, 8, 1], [6, 10, 8, 1])
WHOLE = [3, 6, 5, 1]


def uniform(widths: list[int], seed: int) -> Layers:
    rng = np.random.default_rng(seed)
    return [
        (rng.uniform(-1, 1, (b, a)) / np.sqrt(a), rng.uniform(-1, 1, b) / np.sqrt(a))
        for a, b in pairwise(widths)
    ]


def whole(widths: list[int], seed: int) -> Layers:
    rng = np.random.default_rng(seed)
    return [(rng.integers(-2, 3, (b, a)), rng.integers(-2, 3, b)) for a, b in pairwise(widths)]


def ours(layers: Layers, limit: int) -> tuple[int, bool, float]:
    """Give the number of regions, whether they are all, and seconds."""
    start = time.perf_counter()
    regions = regions_in_space(layers, limit=limit)
    return len(regions), regions.complete, time.perf_counter() - start


def theirs(layers: Layers, limit: int) -> tuple[int, bool, float]:
    import relucent
    import torch
    from torch import nn

    modules: list[nn.Module] = []
    for weights, biases in layers:
        linear = nn.Linear(*reversed(weights.shape), dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.as_tensor(weights))
            linear.bias.copy_(torch.as_tensor(biases))
        modules += [linear, nn.ReLU()]
    found = relucent.Complex(nn.Sequential(*modules[:-1]))
    start = time.perf_counter()
    result = found.bfs(max_polys=limit, nworkers=1, verbose=0)
    return len(found), result.complete, time.perf_counter() - start


def row(name: str, networks: list[Layers], most: int) -> list[str]:
    """Search networks, ours and theirs in turn."""
    counts, rates, their_rates, equal = [], [], [], []
    for layers in networks:
        count, all_of_them, seconds = ours(layers, 1_000_000)
        counts.append(count)
        rates.append(count / seconds)
        if most and find_spec("relucent") is not None:
            count, all_of_them, seconds = theirs(layers, most)
            their_rates.append(count / seconds)
            if all_of_them:
                equal.append(count == counts[-1])
    rate = statistics.median(rates)
    cells = [name, f"{statistics.median(counts):,.0f}", f"{rate:,.0f}"]
    if not their_rates:
        return [*cells, "", "", ""]
    other = statistics.median(their_rates)
    return [*cells, f"{other:,.0f}", f"{rate / other:,.0f}", f"{sum(equal)} of {len(equal)}"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="networks of each shape")
    parser.add_argument("--most", type=int, default=3000, help="of relucent; 0 leaves it out")
    arguments = parser.parse_args()
    ours(uniform([2, 3, 1], 0), 100)  # compiles
    table = Table(title="Regions in all of space, medians")
    for column in ("widths", "regions", "ours/s", "relucent/s", "times", "equal counts"):
        table.add_column(column, justify="left" if column == "widths" else "right")
    seeds = range(arguments.rounds)
    for widths in WIDTHS:
        table.add_row(*row("-".join(map(str, widths)), [uniform(widths, i) for i in seeds], arguments.most))
    table.add_row(*row("3-6-5-1, whole", [whole(WHOLE, i) for i in seeds], most=0))
    Console().print(table)


if __name__ == "__main__":
    main()
