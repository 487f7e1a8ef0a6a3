"""Time what compares networks, on one core, at the shapes of MNIST unless told.

    python benchmarks/comparison.py [--columns 785] [--samples 512] [--rounds 5]

A chunk holds `--samples` rows of one output of each of three networks; all six pairs are summed. The bare
products are those of the same shapes by BLAS in float64, nothing centred or kept: the bound of both forms of
CKA. Clusters are of 4 096 rows.
"""

import argparse
import os

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"

import statistics
from collections.abc import Callable
from itertools import combinations_with_replacement
from timeit import repeat

import numpy as np
from rich.console import Console
from rich.table import Table

from relusweep.tasks.comparison.affine import fit_affine, mapped_outputs, row_space
from relusweep.tasks.comparison.compression import cluster
from relusweep.tasks.comparison.distances import Distances
from relusweep.tasks.comparison.grams import Grams
from relusweep.tasks.comparison.moments import Moments
from relusweep.tasks.streams import Stream

NETWORKS, CLUSTERED, CLUSTERS = 3, 4096, 20
PAIRS = tuple(combinations_with_replacement(range(NETWORKS), 2))

Row = tuple[str, float, float]  # what, seconds, multiplications


def median(work: Callable[[], object], rounds: int) -> float:
    work()
    return statistics.median(repeat(work, number=1, repeat=rounds))


def forms(chunk: np.ndarray, rounds: int) -> list[Row]:
    n_networks, samples, _, columns = chunk.shape
    rows = chunk[:, :, 0].astype(float)
    moments = Moments(PAIRS, n_networks, 1, columns)
    distances = Distances(PAIRS, n_networks, 1, columns)

    def by_columns() -> None:
        for x, y in PAIRS:
            rows[x].T @ rows[y]

    def by_samples() -> None:
        Grams(PAIRS, moments.mean[:, 0], samples).update(chunk[:, :, 0], 0)

    def kernels() -> None:
        for one in rows:
            one @ one.T

    squares, tiles = len(PAIRS) * samples * columns**2, n_networks * samples**2 * columns
    entries = len(PAIRS) * samples * columns
    return [
        ("bare products, columns by columns", median(by_columns, rounds), squares),
        ("moments of a chunk", median(lambda: moments.update(chunk), rounds), squares),
        ("bare products, samples by samples", median(kernels, rounds), tiles),
        ("kernels of a tile", median(by_samples, rounds), tiles),
        ("distances of a chunk", median(lambda: distances.update(chunk), rounds), 2 * entries),
    ]


def maps_and_centres(chunk: np.ndarray, rounds: int) -> list[Row]:
    _, samples, _, columns = chunk.shape
    moments = Moments([(0, 0), (0, 1)], NETWORKS, 1, columns)
    moments.update(chunk)
    second, cross = (moments.second((0, to)) for to in (0, 1))
    spaces = [row_space(second[0], samples)]
    maps, inputs = fit_affine(spaces, [cross]), np.ones((samples, columns - 1))
    rank, rows = len(spaces[0].strength), np.resize(chunk[0, :, 0], (CLUSTERED, columns))
    stream, distances = Stream(("benchmark",)), CLUSTERED * CLUSTERS * columns
    return [
        ("row space of one output", median(lambda: row_space(second[0], samples), rounds), columns**3),
        ("affine map of one output", median(lambda: fit_affine(spaces, [cross]), rounds), rank * columns**2),
        (
            "a map applied to a chunk",
            median(lambda: mapped_outputs(maps, chunk[0], inputs), rounds),
            2 * samples * rank * columns,
        ),
        (f"{CLUSTERS} clusters", median(lambda: cluster(rows, CLUSTERS, stream, 0), rounds), distances),
    ]


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--columns", type=int, default=785)
    parser.add_argument("--samples", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    shape = (NETWORKS, arguments.samples, 1, arguments.columns)
    chunk = np.random.default_rng(0).normal(1, 1, shape).astype(np.float32)
    rows = forms(chunk, arguments.rounds) + maps_and_centres(chunk, arguments.rounds)
    table = Table("what", title=f"{arguments.samples} samples of {arguments.columns} columns, on one core")
    for heading in ("seconds", "10⁹ multiplications a second"):
        table.add_column(heading, justify="right")
    for what, seconds, multiplications in rows:
        table.add_row(what, f"{seconds:,.4f}", f"{multiplications / seconds / 1e9:,.2f}")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
