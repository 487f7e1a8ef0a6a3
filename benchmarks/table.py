"""Compare ways to train many small networks on the rows of a table, on one core, in one interleaved run.

    python benchmarks/table.py [--rounds 5] [--networks 1000] [--rows 10000] [--epochs 1] [--chunk 64 1000]

Networks of 20 inputs and hidden layers of 8, 16 and 8 ReLU units fit one target of all rows: squared error,
AdamW, batches of 32, each network's rows in a new order in each epoch. All contenders train as many networks
for as many epochs, and each round measures each of them once, after one that does not count; the table gives
medians over the rounds, and ratios are medians of each round's ratios. The contenders:

- lanes: the engine;
- stacked torch: `torch.bmm` over a leading axis, autograd and PyTorch's fused AdamW;
- vmap: `torch.func.vmap` of the gradient of one network, and the same AdamW;
- JAX: `vmap` over networks of a `scan` over the batches, compiled whole.

The last three train so many networks at a time as `--chunk` says, of which the best counts. JAX takes part
where it is installed (extra `bench`). Compilation is not counted.
"""

import argparse
import os
import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

os.environ |= {"OMP_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

from time import process_time

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from relusweep.tasks.networks import Network, initial_parameters, layer_views
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import AdamW, Protocol, train
from relusweep.tasks.training.engine import prepare

NETWORK = Network(n_inputs=20, width=16, depth=3, widths=(8, 16, 8))
RATE, DECAY, BATCH = 1e-3, 1e-2, 32

Contender = Callable[[], Any]


class Work(NamedTuple):
    """Rows, starts, and how long to train."""

    x: np.ndarray
    y: np.ndarray
    initial: np.ndarray
    epochs: int


def work(networks: int, rows: int, epochs: int) -> Work:
    """Draw rows whose target is a product and a sine of inputs."""
    x = (Stream(("table",)).words(range(rows), NETWORK.n_inputs) * 2.0**-31 - 1).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + np.sin(3 * x[:, 2])).astype(np.float32)
    return Work(x, y, initial_parameters(NETWORK, Stream(("starts",)), range(networks)), epochs)


def lanes(of: Work) -> Contender:
    """Train by the engine."""
    adamw = AdamW(learning_rate=RATE, weight_decay=DECAY)
    protocol = Protocol(
        network=NETWORK, loss="mse", optimizer=adamw, batch=BATCH, epochs=of.epochs, stop="last_epoch"
    )
    orders = Stream(("orders",)).keys(range(len(of.initial)))
    targets = np.tile(of.y, (len(of.initial), 1))
    prepare(protocol, len(of.x), "lanes")
    return lambda: train(protocol, of.x, targets, of.initial, orders=orders, engine="lanes")


def layers_of(of: Work, some: slice) -> list[np.ndarray]:
    """Give weights and biases of some networks, without units of zeros."""
    views = layer_views(NETWORK, of.initial[some])
    return [np.ascontiguousarray(part) for layer in views for part in (layer.weights, layer.biases)]


def batches(n_rows: int) -> range:
    """Give where batches begin; the last one is short where they do not divide the rows."""
    return range(0, n_rows, BATCH)


def stacked_torch(of: Work, some: slice) -> Contender:
    """Train by stacked PyTorch, every network with batches of its own."""
    x, y = torch.tensor(of.x), torch.tensor(of.y)

    def run() -> None:
        layers = [torch.tensor(part, requires_grad=True) for part in layers_of(of, some)]
        optimizer = torch.optim.AdamW(layers, lr=RATE, weight_decay=DECAY, fused=True)
        for _ in range(of.epochs):
            order = torch.rand(len(layers[0]), len(x)).argsort(dim=1)
            for start in batches(len(x)):
                rows = order[:, start : start + BATCH]
                h = x[rows]
                for weights, biases in zip(layers[::2], layers[1::2], strict=True):
                    z = torch.baddbmm(biases[:, None], h, weights.mT)
                    h = z.relu()
                optimizer.zero_grad()
                ((z[..., 0] - y[rows]) ** 2).mean(dim=1).sum().backward()
                optimizer.step()

    return run


def vmapped(of: Work, some: slice) -> Contender:
    """Train by `torch.func`: the gradient of one network, over all of them."""
    x, y = torch.tensor(of.x), torch.tensor(of.y)

    def loss(layers: tuple[torch.Tensor, ...], rows: torch.Tensor) -> torch.Tensor:
        h = x[rows]
        for weights, biases in zip(layers[::2], layers[1::2], strict=True):
            z = torch.nn.functional.linear(h, weights, biases)
            h = z.relu()
        return ((z[:, 0] - y[rows]) ** 2).mean()

    gradient = torch.func.vmap(torch.func.grad(loss))

    def run() -> None:
        layers = tuple(torch.tensor(part) for part in layers_of(of, some))
        optimizer = torch.optim.AdamW(layers, lr=RATE, weight_decay=DECAY, fused=True)
        for _ in range(of.epochs):
            order = torch.rand(len(layers[0]), len(x)).argsort(dim=1)
            for start in batches(len(x)):
                for part, slope in zip(
                    layers, gradient(layers, order[:, start : start + BATCH]), strict=True
                ):
                    part.grad = slope
                optimizer.step()

    return run


def jax_scan(of: Work, some: slice) -> Contender:
    """Train by JAX: a ``scan`` over epochs, and in it over batches, of which a short last one is left out."""
    import jax
    import jax.numpy as jnp

    x, y = jnp.asarray(of.x), jnp.asarray(of.y)
    whole = len(of.x) // BATCH

    def loss(layers, rows):
        h = x[rows]
        for weights, biases in zip(layers[::2], layers[1::2], strict=True):
            z = h @ weights.T + biases
            h = jax.nn.relu(z)
        return ((z[:, 0] - y[rows]) ** 2).mean()

    def update(state, rows):
        layers, first, second, t = state
        slopes, t = jax.grad(loss)(layers, rows), t + 1
        first = [0.9 * m + 0.1 * g for m, g in zip(first, slopes, strict=True)]
        second = [0.999 * v + 0.001 * g * g for v, g in zip(second, slopes, strict=True)]
        layers = [
            p * (1 - RATE * DECAY) - RATE * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)
            for p, m, v in zip(layers, first, second, strict=True)
        ]
        return (layers, first, second, t), None

    def training(layers, key):
        def epoch(state, key):
            order = jax.random.permutation(key, len(x))[: whole * BATCH]
            return jax.lax.scan(update, state, order.reshape(whole, BATCH))

        zeros = [0 * part for part in layers]
        return jax.lax.scan(epoch, (layers, zeros, zeros, 0.0), jax.random.split(key, of.epochs))[0][0]

    layers = [jnp.asarray(part) for part in layers_of(of, some)]
    keys = jax.random.split(jax.random.key(0), len(layers[0]))
    compiled = jax.jit(jax.vmap(training)).lower(layers, keys).compile()
    return lambda: jax.block_until_ready(compiled(layers, keys))


def in_chunks(make: Callable[[Work, slice], Contender], of: Work, chunk: int) -> Contender:
    """Train all networks, so many at a time; all but the last have one size, and so one compilation."""
    count = len(of.initial)
    first, rest = make(of, slice(0, min(chunk, count))), count % chunk if count > chunk else 0
    last = make(of, slice(count - rest, count)) if rest else None

    def run() -> None:
        for _ in range(max(count // chunk, 1)):
            first()
        if last:
            last()

    return run


def contenders(of: Work, chunks: list[int]) -> tuple[dict[str, Contender], list[str]]:
    """Give those that can run, and the names of those that are not installed."""
    found, lacking = {"lanes": lanes(of)}, []
    for name, make in {"stacked torch": stacked_torch, "vmap": vmapped, "JAX": jax_scan}.items():
        try:
            found |= {f"{name}, {chunk} at a time": in_chunks(make, of, chunk) for chunk in chunks}
        except ImportError:
            lacking.append(name)
    return found, lacking


def seconds(contender: Contender) -> float:
    """Time one run on the processor."""
    start = process_time()
    contender()
    return process_time() - start


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--networks", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--chunk", type=int, nargs="+", default=[64, 1000])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    everyone, lacking = contenders(
        work(arguments.networks, arguments.rows, arguments.epochs), arguments.chunk
    )
    for run in everyone.values():
        run()
    rounds = [{name: seconds(run) for name, run in everyone.items()} for _ in range(arguments.rounds)]
    many = arguments.networks * arguments.epochs
    table = Table(title=f"{arguments.networks:,} networks of 8-16-8, {arguments.rows:,} rows, batches of 32")
    for heading in ("who", "seconds", "network-epochs a second", "times slower than lanes"):
        table.add_column(heading, justify="left" if heading == "who" else "right")
    for name in everyone:
        took = statistics.median(of[name] for of in rounds)
        ratio = statistics.median(of[name] / of["lanes"] for of in rounds)
        table.add_row(name, f"{took:.2f}", f"{many / took:,.0f}", f"{ratio:.1f}")
    for name in lacking:
        table.add_row(name, "not installed", "", "")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
