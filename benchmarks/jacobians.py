"""Compare ways to compute the Jacobians of networks of images, on one core, in one interleaved run.

    python benchmarks/jacobians.py [--rounds 7] [--seconds 1.0] [--shape 1,28,28] [--samples 256]
    python benchmarks/jacobians.py --write FOLDER [--rounds 7] [--shape 1,28,28] [--blocks 4]

Each round measures every contender once for about the given time, so that a slow spell of a shared machine
hits all of them; the table gives samples a second, medians over rounds, and in brackets how many times slower
than `ours` (medians of each round's ratios). Those that take batches count with the best of several sizes.
`ours` also computes the offsets; `autograd` is the method for networks without a closed form; `patterns`
computes the rows from activation patterns. Networks have 10 outputs and their starts as weights.

With a folder to write into, it compares how fast a worker writes rows into a store there, in whole chunks
with their sums, with how fast the same bytes go to a file beside it; of each, some blocks of 160 MB, and then
`sync`, so that they are on the disk. The share is the median of each round's.
"""

import argparse
import math
import os
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

os.environ |= {"OMP_NUM_THREADS": "1"}
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import numpy as np
import torch
import xarray as xr
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from relusweep.storage import Committer, Fork, Layout, Variable
from relusweep.tasks.images.architectures import build
from relusweep.tasks.jacobians.closed import ClosedForm
from relusweep.tasks.jacobians.coefficients import coefficients

N_OUTPUTS = 10
BATCHES = (16, 64, 256)

# A contender computes some Jacobians and says of how many samples.
Contender = Callable[[], int]


def in_batches(
    jacobian: Callable[[nn.Module, Tensor], object], network: nn.Module, images: Tensor
) -> Contender:
    def run() -> int:
        jacobian(network, images)
        return len(images)

    return run


def over_outputs(network: nn.Module, images: Tensor) -> Tensor:
    """Differentiate output after output, over the batch."""
    x = images.clone().requires_grad_()
    sums = network(x).sum(dim=0)
    return torch.stack([torch.autograd.grad(s, x, retain_graph=True)[0] for s in sums], dim=1)


def batched_gradients(network: nn.Module, images: Tensor) -> Tensor:
    """Let autograd map one backward pass over the outputs."""
    x = images.clone().requires_grad_()
    outputs = network(x)
    each = torch.eye(N_OUTPUTS)[:, None].expand(-1, len(images), -1)
    return torch.autograd.grad(outputs, x, each, is_grads_batched=True)[0]


def expanded_batch(network: nn.Module, images: Tensor) -> Tensor:
    """Repeat every sample for each output, and go backwards once."""
    x = images.repeat_interleave(N_OUTPUTS, dim=0).requires_grad_()
    return torch.autograd.grad(network(x), x, torch.eye(N_OUTPUTS).repeat(len(images), 1))[0]


def vmap_jacrev(network: nn.Module, images: Tensor) -> Tensor:
    """Map `jacrev` of one sample over the batch."""
    return torch.func.vmap(torch.func.jacrev(lambda image: network(image[None])[0]))(images)


def sample_by_sample(network: nn.Module, images: Tensor) -> None:
    """Differentiate output after output of one sample after another."""
    for image in images[:4]:
        over_outputs(network, image[None])


FAMILIES = {
    "loop over outputs": over_outputs,
    "is_grads_batched": batched_gradients,
    "expanded batch": expanded_batch,
    "vmap(jacrev)": vmap_jacrev,
}


def contenders(network: nn.Module, shape: tuple[int, ...], n_samples: int) -> dict[str, Contender]:
    """Every way, with a name that begins with that of its family."""
    images = torch.randn(n_samples, *shape, generator=torch.Generator().manual_seed(0))
    closed = ClosedForm.of(network, shape)
    assert closed is not None
    patterns = closed.patterns(images)

    def per_sample() -> int:
        sample_by_sample(network, images)
        return 4

    def from_patterns() -> int:
        return len(closed.from_patterns(patterns))

    result = {
        "ours": in_batches(coefficients, network, images),
        "patterns": from_patterns,
        "autograd": in_batches(lambda n, x: coefficients(n, x, method="autograd"), network, images),
        "per-sample loop": per_sample,
    }
    for name, jacobian in FAMILIES.items():
        for n in (batch for batch in BATCHES if batch <= n_samples):
            result[f"{name} {n}"] = in_batches(jacobian, network, images[:n])
    return result


def rate(contender: Contender, seconds: float) -> float:
    """Count samples a second, over about `seconds`."""
    done, start = 0, perf_counter()
    while (elapsed := perf_counter() - start) < seconds or not done:
        done += contender()
    return done / elapsed


def measure(everyone: dict[str, Contender], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Rates of every contender in every round."""
    rates: dict[str, list[float]] = {name: [] for name in everyone}
    for contender in everyone.values():
        contender()
    for _ in range(rounds):
        for name, contender in everyone.items():
            rates[name].append(rate(contender, seconds))
    return rates


def best_of(rates: dict[str, list[float]], family: str) -> list[float]:
    """Choose the batch size of a family with the best median."""
    return max((v for name, v in rates.items() if name.startswith(family)), key=statistics.median)


DIMS = ("network", "sample", "output", "coefficient")
BLOCK_BYTES, CHUNK_BYTES = 160_000_000, 16_000_000


@contextmanager
def store_for(folder: Path, block: np.ndarray, n_blocks: int) -> Iterator[Fork]:
    """Make a store of blocks as `sweeps.images.jacobians` lays them out: chunks of some outputs."""
    sizes = dict(zip(DIMS, (n_blocks, *block.shape[1:]), strict=True))
    layout = Layout(
        group="jacobians",
        coords=xr.Dataset(coords={dim: np.arange(size) for dim, size in sizes.items()}),
        variables={"coefficients": Variable(DIMS, "float32", np.nan, compressed=False)},
        chunks={"network": 1, "output": max(1, N_OUTPUTS * CHUNK_BYTES // BLOCK_BYTES)},
        attrs={},
        progress_dims=("network",),
    )
    with Committer(folder, create=True) as committer:
        committer.prepare(layout)
        yield committer.fork("jacobians")


def write_to_file(folder: Path, block: np.ndarray, n_blocks: int) -> None:
    with (folder / "rows").open("wb") as file:
        for _ in range(n_blocks):
            file.write(block.data)
    os.sync()


def write_to_store(fork: Fork, block: np.ndarray, n_blocks: int) -> None:
    for number in range(n_blocks):
        fork.write({"network": slice(number, number + 1)}, {"coefficients": block})
    os.sync()


def writing(place: Path, shape: tuple[int, ...], n_blocks: int, rounds: int) -> Table:
    """Compare the two; before each, whatever else waits for the disk is written."""
    n_columns = math.prod(shape) + 1
    size = (1, max(1, BLOCK_BYTES // (4 * N_OUTPUTS * n_columns)), N_OUTPUTS, n_columns)
    block = np.random.default_rng(0).standard_normal(size, np.float32)
    seconds: dict[str, list[float]] = {"file": [], "store": []}
    for number in range(rounds):
        with TemporaryDirectory(dir=place) as folder, store_for(Path(folder, "s"), block, n_blocks) as fork:
            ways = {
                "file": lambda to=folder: write_to_file(Path(to), block, n_blocks),
                "store": lambda to=fork: write_to_store(to, block, n_blocks),
            }
            for way in sorted(ways, reverse=number % 2 == 1):
                os.sync()
                start = perf_counter()
                ways[way]()
                seconds[way].append(perf_counter() - start)
    nbytes = n_blocks * block.nbytes
    table = Table(title=f"Rows of images of {shape}, {nbytes / 1e6:,.0f} MB a round")
    for heading in ("written to", "MB/s", "share"):
        table.add_column(heading, justify="right")
    for way, times in seconds.items():
        share = statistics.median(a / b for a, b in zip(seconds["file"], times, strict=True))
        table.add_row(way, f"{nbytes / 1e6 / statistics.median(times):,.0f}", f"{share:.0%}")
    return table


def shape_of(text: str) -> tuple[int, ...]:
    """Read channels, height and width."""
    return tuple(int(size) for size in text.split(","))


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--shape", type=shape_of, default=(1, 28, 28))
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--write", type=Path, metavar="FOLDER")
    parser.add_argument("--blocks", type=int, default=4)
    arguments = parser.parse_args()
    if arguments.write:
        Console().print(writing(arguments.write, arguments.shape, arguments.blocks, arguments.rounds))
        return
    torch.set_num_threads(1)
    columns = ("ours", "patterns", "autograd", *FAMILIES, "per-sample loop")
    table = Table(
        title=f"Jacobians of images of {arguments.shape}, samples a second (times slower than ours)"
    )
    for heading in ("network", *columns):
        table.add_column(heading, justify="right")
    for architecture in ("linear", "dense", "simple", "complex"):
        network = build(architecture, arguments.shape, N_OUTPUTS, seed=0).requires_grad_(False)
        everyone = contenders(network, arguments.shape, arguments.samples)
        rates = measure(everyone, arguments.rounds, arguments.seconds)
        cells = []
        for column in columns:
            values = best_of(rates, column)
            slower = statistics.median(fast / v for fast, v in zip(rates["ours"], values, strict=True))
            cells.append(
                f"{statistics.median(values):,.0f}" + (f" ({slower:,.1f})" if column != "ours" else "")
            )
        table.add_row(architecture, *cells)
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
