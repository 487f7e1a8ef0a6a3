"""Compare ways to train many small networks, on one core, in one interleaved run.

    python benchmarks/training.py [--rounds 7] [--seconds 1.0] [--cases 2,2 5,3 10,5 ten-bit ball]

Each round measures every contender once for about the given time, so that a slow spell of a shared machine
hits all of them; the table gives medians over rounds, and ratios are medians of each round's ratios.
Operations are counted as 6 * parameters * rows a network-epoch. Adam and binary cross-entropy throughout. The
cases:

- width,depth: 4-parity, 16 rows at once, leak 0.1;
- ten-bit: 10-parity, 1 024 rows at once, width 10, depth 3, leak 0.1;
- ball: four dimensions, width 5, batches of 100 of the 10 000 samples that each network has of its own, in a
  new order for each network and epoch.

JAX takes part where it is installed (extra `bench`).
"""

import argparse
import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

os.environ |= {"OMP_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import numba
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from relusweep.tasks.boolean.truth_tables import inputs, parity
from relusweep.tasks.compiled import LANES
from relusweep.tasks.hypersphere.problems import BallAndShell, draw_samples
from relusweep.tasks.networks import Network
from relusweep.tasks.problems.boolean import initial_parameters
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import Adam, Protocol, train
from relusweep.tasks.training.engine import prepare
from relusweep.tasks.training.reference import logits
from relusweep.tasks.training.simd import broadcast, fma, mask_positive


@dataclass(frozen=True)
class Case:
    """What is trained, and how many networks and epochs at a time by whom.

    Attributes
    ----------
    networks, epochs : int
        Of lanes, in a call.
    stacked : tuple of int
        Networks of the stacked contenders, of which the best counts.
    stacked_epochs : int
        Of the stacked contenders, in a call.
    """

    name: str
    network: Network
    n_rows: int
    batch: int
    networks: int
    epochs: int
    stacked: tuple[int, ...]
    stacked_epochs: int
    loop: bool = False

    @property
    def operations(self) -> int:
        """Of a network-epoch."""
        return 6 * self.network.n_parameters * self.n_rows

    def rows(self, n_networks: int) -> tuple[np.ndarray, np.ndarray]:
        """Give inputs, the same for all networks or each network's own, and targets."""
        n = self.network.n_inputs
        if self.name == "ball":
            samples = draw_samples(
                BallAndShell(n_inputs=n, n_samples=self.n_rows), "training", ("benchmark",), range(n_networks)
            )
            return samples.inputs, samples.targets.astype(np.float32)
        odd = np.count_nonzero(inputs(n) > 0, axis=1) % 2
        return inputs(n).astype(np.float32), np.tile(np.float32(2 * odd - 1), (n_networks, 1))

    def initial_parameters(self, n_networks: int) -> np.ndarray:
        """Draw the starts of networks."""
        return initial_parameters(self.network, 0, parity(self.network.n_inputs), range(n_networks))

    def protocol(self, epochs: int) -> Protocol:
        """Training to the last epoch; where it is to a first success, networks hardly reach one."""
        adam = Adam(learning_rate=RATE)
        stop = "last_epoch" if self.batch < self.n_rows else "first_success"
        return Protocol(network=self.network, optimizer=adam, batch=self.batch, epochs=epochs, stop=stop)


RATE = 0.025
TEN_BIT = Case("ten-bit", Network(n_inputs=10, width=10, depth=3, leak=0.1), 1024, 1024, 32, 20, (16, 128), 2)
BALL = Case("ball", Network(n_inputs=4, width=5, depth=1, leak=0.01), 10_000, 100, 16, 200, (16, 128), 1)


def case(text: str) -> Case:
    """Read a case: a name, or width and depth."""
    if text in ("ten-bit", "ball"):
        return TEN_BIT if text == "ten-bit" else BALL
    width, depth = map(int, text.split(","))
    network = Network(n_inputs=4, width=width, depth=depth, leak=0.1)
    return Case(f"{width}, {depth}", network, 16, 16, 16 * 64, 4000, (64, 512, 4096), 20, loop=True)


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


def engine(case: Case, name: str, n_networks: int, epochs: int) -> Contender:
    """One of the two engines."""
    x, y = case.rows(n_networks)
    initial, protocol = case.initial_parameters(n_networks), case.protocol(epochs)
    orders = Stream(("benchmark orders",)).keys(range(n_networks))
    prepare(protocol, case.n_rows, name)
    return lambda: int(train(protocol, x, y, initial, orders=orders, engine=name).epochs.sum())


def stacked_torch(case: Case, n_networks: int, device: str = "cpu") -> Contender:
    """Stacked PyTorch without any bookkeeping: ``baddbmm``, autograd and the fused Adam."""
    parameters = torch.tensor(case.initial_parameters(n_networks), device=device, requires_grad=True)
    optimizer = torch.optim.Adam([parameters], lr=RATE, fused=True)
    x, signs = (torch.tensor(array, device=device) for array in case.rows(n_networks))
    everyone = torch.arange(n_networks, device=device)[:, None]

    def run() -> int:
        for _ in range(case.stacked_epochs):
            shuffled = case.batch < case.n_rows
            order = torch.rand(n_networks, case.n_rows, device=device).argsort(dim=1) if shuffled else None
            for start in range(0, case.n_rows, case.batch):
                some = None if order is None else order[:, start : start + case.batch]
                rows, targets = (x, signs) if some is None else (x[everyone, some], signs[everyone, some])
                optimizer.zero_grad()
                margins = targets * logits(case.network, parameters, rows)
                torch.nn.functional.softplus(-margins).mean(dim=1).sum().backward()
                optimizer.step()
        return case.stacked_epochs * n_networks

    return run


def plain_loop(case: Case) -> Contender:
    """One network after another, as a tutorial would write it."""
    x, targets = case.rows(1)
    x, target = torch.tensor(x), torch.tensor(targets[0] > 0, dtype=torch.float32)[:, None]

    def run() -> int:
        layers: list[torch.nn.Module] = []
        for fan_out, fan_in in case.network.layers:
            layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.LeakyReLU(case.network.leak)]
        model = torch.nn.Sequential(*layers[:-1])
        optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
        criterion = torch.nn.BCEWithLogitsLoss()
        for epoch in range(case.stacked_epochs):
            logit = model(x)
            if bool(((logit > 0) == (target > 0)).all()):
                return epoch
            optimizer.zero_grad()
            criterion(logit, target).backward()
            optimizer.step()
        return case.stacked_epochs

    return run


def jax_scan(case: Case, n_networks: int) -> Contender:
    """``vmap`` over networks of a ``scan`` over epochs, and within it over batches, compiled whole."""
    import jax
    import jax.numpy as jnp

    network, batches = case.network, case.n_rows // case.batch

    def loss(parameters, x, signs):
        h, place = x, 0
        for i, (fan_out, fan_in) in enumerate(network.layers):
            layer = parameters[place : place + fan_out * (fan_in + 1)].reshape(fan_out, fan_in + 1)
            z = h @ layer[:, :fan_in].T + layer[:, fan_in]
            h = jnp.where(z > 0, z, network.leak * z) if i < network.depth else z
            place += layer.size
        return jnp.logaddexp(0, -signs * h[:, 0]).mean()

    def update(state, rows):
        p, m, v, t = state
        g = jax.grad(loss)(p, *rows)
        m, v, t = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g, t + 1
        return (p - RATE * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v, t), None

    def training(p, x, signs, key):
        def epoch(state, key):
            if batches == 1:
                return update(state, (x, signs))
            order = jax.random.permutation(key, case.n_rows).reshape(batches, case.batch)
            return jax.lax.scan(lambda state, some: update(state, (x[some], signs[some])), state, order)

        keys = jax.random.split(key, case.stacked_epochs)
        return jax.lax.scan(epoch, (p, 0 * p, 0 * p, 0.0), keys)[0][0]

    x, signs = map(jnp.asarray, case.rows(n_networks))
    initial, keys = (
        jnp.asarray(case.initial_parameters(n_networks)),
        jax.random.split(jax.random.key(0), n_networks),
    )
    compiled = jax.jit(jax.vmap(training, in_axes=(0, 0 if x.ndim == 3 else None, 0, 0)))
    compiled(initial, x, signs, keys).block_until_ready()

    def run() -> int:
        compiled(initial, x, signs, keys).block_until_ready()
        return case.stacked_epochs * n_networks

    return run


def contenders(case: Case) -> dict[str, Contender]:
    """Every way to train; stacked ones at several batch sizes, of which the best counts."""
    result = {"peak": peak(), "lanes": engine(case, "lanes", case.networks, case.epochs)}
    if case.loop:
        result["plain loop"] = plain_loop(case)
    for n in case.stacked:
        result[f"reference {n}"] = engine(case, "reference", n, case.stacked_epochs)
        result[f"stacked torch {n}"] = stacked_torch(case, n)
        try:
            result[f"JAX {n}"] = jax_scan(case, n)
        except ImportError:
            continue
    return result


def rate(contender: Contender, seconds: float) -> float:
    """Work a second, over about `seconds`."""
    done, start = 0, perf_counter()
    while (elapsed := perf_counter() - start) < seconds or not done:
        done += contender()
    return done / elapsed


def measure(case: Case, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Rates of every contender in every round."""
    everyone = contenders(case)
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


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--cases", nargs="+", default=["2,2", "5,3", "10,5", "ten-bit", "ball"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    families = ("lanes", "reference", "stacked torch", "JAX", "plain loop")
    table = Table(title="Network-epochs a second on one core (how many times slower than lanes)")
    for heading in ("case", "peak GFLOP/s", "lanes, share of peak", *families):
        table.add_column(heading, justify="right")
    for text in arguments.cases:
        chosen = case(text)
        rates = measure(chosen, arguments.rounds, arguments.seconds)
        shares = [
            chosen.operations * fast / top for fast, top in zip(rates["lanes"], rates["peak"], strict=True)
        ]
        cells = []
        for family in families:
            values = best_of(rates, family)
            if values is None:
                cells.append("not run")
                continue
            slower = statistics.median(fast / v for fast, v in zip(rates["lanes"], values, strict=True))
            cells.append(f"{statistics.median(values):,.0f}" + (f" ({slower:,.1f})" if slower != 1 else ""))
        top = statistics.median(rates["peak"]) / 1e9
        table.add_row(chosen.name, f"{top:.1f}", f"{statistics.median(shares):.1%}", *cells)
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
