"""Outputs of stored networks on new inputs: `rs.networks` against the engine's own forward pass and PyTorch.

    python benchmarks/networks.py [--networks 100000] [--rows 64] [--rounds 5]

Networks of 4-10-10-1 with drawn weights, in memory as `rs.open` gives a group, on the same inputs, on one
core; each way once a round in turn, in processor time. The engine's rate is that of its kernel `look`, which
makes the same forward pass and counts right rows and losses; `outputs` is the same kernel without counting.
Stacked PyTorch is `torch.baddbmm`, layer after layer.
"""

import argparse
import os
import statistics
from collections.abc import Callable
from time import thread_time

for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import dask
import numpy as np
import torch
import xarray as xr
from rich.console import Console
from rich.table import Table

import relusweep as rs
from relusweep.tasks.networks import initial_parameters
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import lanes
from relusweep.tasks.training.protocol import Protocol, Rows
from relusweep.tasks.training.reference import logits

SIZES = {"n_inputs": 4, "width": 10, "depth": 2}


def group(parameters: np.ndarray) -> xr.Dataset:
    """Lay out rows of parameters as a group of a training sweep does."""
    fields = {"width": SIZES["width"], "depth": SIZES["depth"], "leak": 0.1, "probes": "parameters"}
    sweep = rs.sweep("npn4", trials=len(parameters), **fields)
    axes = {dim: labels[:1] for dim, labels in sweep.axes.items()} | {"trial": np.arange(len(parameters))}
    shape = [len(labels) for labels in axes.values()]
    variables = {"parameters": ((*axes, "parameter"), parameters.reshape(*shape, -1))}
    return xr.Dataset(variables, axes, {"kind": "training", "specification": sweep.specification})


def ways(n_networks: int, n_rows: int) -> dict[str, Callable[[], object]]:
    """Give what is timed."""
    network = rs.Network(**SIZES, leak=0.1)
    parameters = initial_parameters(network, Stream(("benchmark",)), range(n_networks))
    x = (Stream(("rows",)).words(range(n_rows), 4) * 2.0**-31 - 1).astype(np.float32)
    rows = Rows(x, np.ones((n_networks, n_rows), np.float32))
    results, protocol = group(parameters), Protocol(network=network)
    tensors = torch.tensor(parameters), torch.tensor(x)

    @torch.no_grad()
    def stacked() -> torch.Tensor:
        return logits(network, *tensors)

    return {
        "look": lambda: lanes.look(protocol, rows, parameters),
        "outputs": lambda: lanes.outputs(network, parameters, x),
        "rs.networks": lambda: rs.networks(results)(x),
        "rs.networks, torch": lambda: rs.networks(results)(x, engine="torch"),
        "stacked PyTorch": stacked,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--networks", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    timed = ways(arguments.networks, arguments.rows)
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    with dask.config.set(scheduler="synchronous"):
        for count in range(arguments.rounds + 1):
            for name, run in timed.items():
                start = thread_time()
                run()
                if count:  # the first round compiles
                    seconds[name].append(thread_time() - start)
    table = Table("", title=f"{arguments.networks:,} networks of 4-10-10-1, {arguments.rows} rows")
    for head in ("seconds", "million rows of a network a second", "rate, of the engine's"):
        table.add_column(head, justify="right")
    for name, times in seconds.items():
        ratios = [engine / own for engine, own in zip(seconds["look"], times, strict=True)]
        rate = arguments.networks * arguments.rows / statistics.median(times) / 1e6
        table.add_row(
            name, f"{statistics.median(times):.3f}", f"{rate:.1f}", f"{statistics.median(ratios):.2f}"
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
