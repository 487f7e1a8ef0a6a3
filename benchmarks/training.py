"""Compare ways to train many small networks, on one core, in one interleaved run.

    python benchmarks/training.py [--rounds 7] [--seconds 1.0] [--sizes 2,2 5,3 10,5]

Each round measures every contender once for about the given time, so that a slow spell of a shared machine
hits all of them; the table gives medians over rounds, and ratios are medians of each round's ratios.
The task: leaky ReLU 0.1, 4-parity, 16 rows, Adam, binary cross-entropy. Operations are counted as
6 * parameters * rows a network-epoch. JAX takes part where it is installed (extra `bench`).
"""

import argparse
import os
import statistics
from collections.abc import Callable
from time import perf_counter

os.environ |= {"OMP_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import numba
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from tasks.boolean.training import starts
from tasks.boolean.truth_tables import inputs, parity, truth_table
from tasks.networks import Network
from tasks.training import Protocol, train
from tasks.training.lanes import prepare
from tasks.training.reference import logits
from tasks.training.simd import LANES, broadcast, fma, mask_positive

X = inputs(4).astype(np.float32)
Y = truth_table(np.array([parity(4)], np.uint64), 4)[0]
EPOCHS = 20  # of the contenders that train a fixed number of epochs

# A contender does some work and says how many network-epochs it was.
Contender = Callable[[], int]


@numba.njit(nogil=True)
def _multiply_add(n):
    b, c = broadcast(np.float32(0.999)), broadcast(np.float32(0.5))
    v0 = v1 = v2 = v3 = v4 = v5 = v6 = v7 = v8 = v9 = v10 = v11 = c
    for _ in range(n):
        v0, v1, v2, v3 = fma(v0, b, c), fma(v1, b, c), fma(v2, b, c), fma(v3, b, c)
        v4, v5, v6, v7 = fma(v4, b, c), fma(v5, b, c), fma(v6, b, c), fma(v7, b, c)
        v8, v9, v10, v11 = fma(v8, b, c), fma(v9, b, c), fma(v10, b, c), fma(v11, b, c)
    return mask_positive(v0 + v1 + v2 + v3 + v4 + v5 + v6 + v7 + v8 + v9 + v10 + v11)


def peak(n: int = 1_000_000) -> Contender:
    """Multiply-adds on registers alone; counts operations, two for each lane of each of them."""

    def run() -> int:
        _multiply_add(n)
        return n * 12 * LANES * 2

    return run


def lanes(network: Network) -> Contender:
    n_networks = 16 * 64
    initial = starts(network, 0, parity(4), range(n_networks))
    targets = np.tile(Y, (n_networks, 1))
    protocol = Protocol(network=network)
    prepare(protocol, len(X))
    return lambda: int(train(protocol, X, targets, initial, engine="lanes").epochs.sum())


def reference(network: Network, n_networks: int) -> Contender:
    initial = starts(network, 0, parity(4), range(n_networks))
    targets = np.tile(Y, (n_networks, 1))
    protocol = Protocol(network=network, epochs=EPOCHS)
    return lambda: int(train(protocol, X, targets, initial, engine="reference").epochs.sum())


def stacked_torch(network: Network, n_networks: int) -> Contender:
    """Stacked PyTorch without any bookkeeping: ``baddbmm``, autograd and the fused Adam."""
    parameters = torch.tensor(starts(network, 0, parity(4), range(n_networks)), requires_grad=True)
    optimizer = torch.optim.Adam([parameters], lr=0.025, fused=True)
    x, signs = torch.tensor(X), torch.tensor(Y, dtype=torch.float32)

    def run() -> int:
        for _ in range(EPOCHS):
            optimizer.zero_grad()
            torch.nn.functional.softplus(-signs * logits(network, parameters, x)).mean(dim=1).sum().backward()
            optimizer.step()
        return EPOCHS * n_networks

    return run


def plain_loop(network: Network) -> Contender:
    """One network after another, as a tutorial would write it."""
    x, target = torch.tensor(X), torch.tensor(Y > 0, dtype=torch.float32)[:, None]

    def run() -> int:
        layers: list[torch.nn.Module] = []
        for fan_out, fan_in in network.layers:
            layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.LeakyReLU(network.leak)]
        model = torch.nn.Sequential(*layers[:-1])
        optimizer = torch.optim.Adam(model.parameters(), lr=0.025)
        criterion = torch.nn.BCEWithLogitsLoss()
        for epoch in range(EPOCHS):
            logit = model(x)
            if bool(((logit > 0) == (target > 0)).all()):
                return epoch
            optimizer.zero_grad()
            criterion(logit, target).backward()
            optimizer.step()
        return EPOCHS

    return run


def jax_scan(network: Network, n_networks: int) -> Contender:
    """``vmap`` over networks of a ``scan`` over epochs, compiled whole."""
    import jax
    import jax.numpy as jnp

    x, signs = jnp.asarray(X), jnp.asarray(Y, jnp.float32)

    def loss(parameters):
        h, place = x, 0
        for i, (fan_out, fan_in) in enumerate(network.layers):
            layer = parameters[place : place + fan_out * (fan_in + 1)].reshape(fan_out, fan_in + 1)
            z = h @ layer[:, :fan_in].T + layer[:, fan_in]
            h = jnp.where(z > 0, z, network.leak * z) if i < network.depth else z
            place += layer.size
        return jnp.logaddexp(0, -signs * h[:, 0]).mean()

    def epoch(state, t):
        p, m, v = state
        g = jax.grad(loss)(p)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        return (p - 0.025 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v), None

    def training(p):
        return jax.lax.scan(epoch, (p, 0 * p, 0 * p), jnp.arange(1.0, EPOCHS + 1))[0][0]

    compiled = jax.jit(jax.vmap(training))
    initial = jnp.asarray(starts(network, 0, parity(4), range(n_networks)))
    compiled(initial).block_until_ready()

    def run() -> int:
        compiled(initial).block_until_ready()
        return EPOCHS * n_networks

    return run


def contenders(network: Network) -> dict[str, Contender]:
    """Every way to train this network; stacked ones at several batch sizes, of which the best counts."""
    result = {"peak": peak(), "lanes": lanes(network), "plain loop": plain_loop(network)}
    for n in (64, 512, 4096):
        result[f"reference {n}"] = reference(network, n)
        result[f"stacked torch {n}"] = stacked_torch(network, n)
        try:
            result[f"JAX {n}"] = jax_scan(network, n)
        except ImportError:
            continue
    return result


def rate(contender: Contender, seconds: float) -> float:
    """Work a second, over about `seconds`."""
    done, start = 0, perf_counter()
    while (elapsed := perf_counter() - start) < seconds or not done:
        done += contender()
    return done / elapsed


def measure(network: Network, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Rates of every contender in every round."""
    everyone = contenders(network)
    rates: dict[str, list[float]] = {name: [] for name in everyone}
    for contender in everyone.values():
        contender()
    for _ in range(rounds):
        for name, contender in everyone.items():
            rates[name].append(rate(contender, seconds))
    return rates


def best_of(rates: dict[str, list[float]], family: str) -> list[float] | None:
    """Choose the batch size of a family with the best median."""
    members = [values for name, values in rates.items() if name.startswith(family)]
    return max(members, key=statistics.median) if members else None


def size(text: str) -> tuple[int, int]:
    """Read width and depth."""
    width, depth = text.split(",")
    return int(width), int(depth)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--sizes", type=size, nargs="+", default=[(2, 2), (5, 3), (10, 5)])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    families = ("lanes", "reference", "stacked torch", "JAX", "plain loop")
    table = Table(title="Network-epochs a second on one core (how many times slower than lanes)")
    for heading in ("width, depth", "peak GFLOP/s", "lanes, share of peak", *families):
        table.add_column(heading, justify="right")
    for width, depth in arguments.sizes:
        network = Network(n_inputs=4, width=width, depth=depth, leak=0.1)
        rates = measure(network, arguments.rounds, arguments.seconds)
        operations = 6 * network.n_parameters * len(X)
        shares = [operations * fast / top for fast, top in zip(rates["lanes"], rates["peak"], strict=True)]
        cells = []
        for family in families:
            values = best_of(rates, family)
            if values is None:
                cells.append("not installed")
                continue
            slower = statistics.median(fast / v for fast, v in zip(rates["lanes"], values, strict=True))
            cells.append(f"{statistics.median(values):,.0f}" + (f" ({slower:,.1f})" if slower != 1 else ""))
        top = statistics.median(rates["peak"]) / 1e9
        table.add_row(f"{width}, {depth}", f"{top:.1f}", f"{statistics.median(shares):.1%}", *cells)
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
