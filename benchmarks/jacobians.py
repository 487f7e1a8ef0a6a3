"""Compare ways to compute the Jacobians of networks of images, on one core, in one interleaved run.

    python benchmarks/jacobians.py [--rounds 7] [--seconds 1.0] [--shape 1,28,28] [--samples 256]

Each round measures every contender once for about the given time, so that a slow spell of a shared machine
hits all of them; the table gives samples a second, medians over rounds, and in brackets how many times slower
than `ours` (medians of each round's ratios). Those that take batches count with the best of several sizes.
`ours` also computes the offsets; `autograd` is the method for networks without a closed form; `patterns`
computes the rows from activation patterns. Networks have 10 outputs and their starts as weights.
"""

import argparse
import os
import statistics
from collections.abc import Callable
from time import perf_counter

os.environ |= {"OMP_NUM_THREADS": "1"}
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from tasks.images.architectures import build
from tasks.jacobians.closed import ClosedForm
from tasks.jacobians.coefficients import coefficients

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
    arguments = parser.parse_args()
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
