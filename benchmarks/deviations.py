"""What the choices that differ from the source change, on the bundled digits: the table of docs/images.md.

    python benchmarks/deviations.py [--epochs 15]

Networks `dense`, `simple` and `complex`, two instances of each, are trained by AdamW. Each row states one
choice, and how far the measures are apart between it and the other one.
"""

import argparse
import os
from collections.abc import Callable
from contextlib import nullcontext
from itertools import combinations
from typing import NamedTuple

os.environ |= {"OMP_NUM_THREADS": "1"}

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from relusweep.comparison import Distances, Moments, cka, fit_affine, mapped_outputs, n_right, row_space
from relusweep.tasks.comparison.distances import Unit
from relusweep.tasks.comparison.sensitivity import sensitivity
from relusweep.tasks.images.networks import ImageNetworks, ImageSource
from relusweep.tasks.images.protocol import AdamW, ImageProtocol
from relusweep.tasks.images.training import outputs, train_images
from relusweep.tasks.jacobians.coefficients import Method, coefficients

LABELS = [f"{architecture}-adamw-{i}" for architecture in ("dense", "simple", "complex") for i in (0, 1)]
NETWORKS = ImageNetworks(ImageSource("digits"))
DATA = NETWORKS.data
TYPES = (torch.bfloat16, torch.float16)


class Rows(NamedTuple):
    """Coefficients of a network at the training and the test images."""

    train: np.ndarray
    test: np.ndarray


def trained(label: str, epochs: int, dtype: torch.dtype | None = None) -> nn.Module:
    """Train a network in float32, or with products in a type of 16 bits."""
    network = NETWORKS.build(label)
    protocol = ImageProtocol(optimizer=AdamW(), batch=32, epochs=epochs)
    with nullcontext() if dtype is None else torch.autocast("cpu", dtype, cache_enabled=False):
        for _ in train_images(network, DATA, protocol, NETWORKS.orders(label)):
            pass
    return network


def rows_of(network: nn.Module, method: Method = "closed") -> Rows:
    return Rows(*(coefficients(network, DATA.images(part), method=method) for part in ("train", "test")))


def distances(rows: list[Rows], unit: Unit = "largest") -> np.ndarray:
    pairs = list(combinations(range(len(rows)), 2))
    found = Distances(pairs, len(rows), *rows[0].test.shape[1:])
    found.update(np.stack([of_network.test for of_network in rows]))
    return found.values(unit)


def alignment(one: Rows, other: Rows) -> float:
    return float(cka(np.stack([one.test, other.test]))[0, 1])


def alignments(rows: list[Rows]) -> np.ndarray:
    return np.array([alignment(one, other) for one, other in combinations(rows, 2)])


def affine_accuracies(rows: list[Rows]) -> np.ndarray:
    images, labels = DATA.images("test").reshape(len(DATA.test_labels), -1), DATA.test_labels
    found = []
    for source, target in combinations(rows, 2):
        moments = Moments([(0, 0), (0, 1)], 2, *source.train.shape[1:])
        moments.update(np.stack([source.train, target.train]))
        spaces = [row_space(second, moments.n_samples) for second in moments.second((0, 0))]
        maps = fit_affine(spaces, moments.second((0, 1))[None])
        found.append(n_right(mapped_outputs(maps, source.test, images)[0], labels) / len(labels))
    return np.array(found)


def apart(measure: Callable[[list[Rows]], np.ndarray], one: list[Rows], other: list[Rows]) -> float:
    return float(abs(measure(one) - measure(other)).max())


def sensitivities(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First singular values and directions of every output."""
    second = np.einsum("sjc,sjd->jcd", rows.astype(np.float64), rows.astype(np.float64))
    found = sensitivity(second, len(rows), 1)
    return found.singular_values[:, 0], found.directions[:, 0]


def of_units(rows: list[Rows]) -> str:
    change = abs(distances(rows, "largest_size") / distances(rows) - 1)
    return f"distances by up to {change.max():.0%}"


def of_parts(rows: list[Rows]) -> str:
    values, angles = [], []
    for of_network in rows:
        (on_train, along), (on_test, other) = map(sensitivities, of_network)
        values.append(abs(on_train / on_test - 1))
        angles.append(np.degrees(np.arccos(np.clip(abs((along * other).sum(axis=1)), 0, 1))))
    return (
        f"first singular values by up to {np.max(values):.0%}; first directions turn by "
        f"{np.median(angles):.1f} degrees (median), {np.max(angles):.1f} (most)"
    )


def of_ties(rows: list[Rows], others: list[Rows]) -> str:
    entries = [abs(a.test - b.test).max() / abs(a.test).max() for a, b in zip(rows, others, strict=True)]
    return (
        f"rows by up to {max(entries):.0%} of the largest entry, distances by "
        f"{apart(distances, rows, others):.1e} (of at most {distances(rows).max():.1e}), CKA by "
        f"{apart(alignments, rows, others):.1e}, affine accuracies by up to "
        f"{100 * apart(affine_accuracies, rows, others):.1f} points"
    )


def of_types(networks: list[nn.Module], others: list[nn.Module]) -> str:
    right = [
        [n_right(outputs(n, DATA, "test"), DATA.test_labels) for n in some] for some in (networks, others)
    ]
    points = 100 * abs(np.subtract(*right)) / len(DATA.test_labels)
    rows, other_rows = ([rows_of(network) for network in some] for some in (networks, others))
    same = [alignment(a, b) for a, b in zip(rows, other_rows, strict=True)]
    instances = [alignment(*rows[i : i + 2]) for i in range(0, len(rows), 2)]
    return (
        f"accuracies by {np.median(points):.2f} points (median), {points.max():.2f} (most); CKA of a network "
        f"with itself is {min(same):.3f} to {max(same):.3f}, of two instances {min(instances):.3f} to "
        f"{max(instances):.3f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=int, default=15)
    epochs = parser.parse_args().epochs
    torch.set_num_threads(1)
    networks = [trained(label, epochs) for label in LABELS]
    rows = [rows_of(network) for network in networks]
    halves = {dtype: [trained(label, epochs, dtype) for label in LABELS] for dtype in TYPES}
    table = Table(title="Digits: what changes", show_lines=True)
    table.add_column("instead of the default")
    table.add_column("what changes, and how far")
    table.add_row("distance_unit=largest_size", of_units(rows))
    table.add_row("sensitivity_part=train", of_parts(rows))
    table.add_row(
        "ties broken by PyTorch's rounding", of_ties(rows, [rows_of(n, "autograd") for n in networks])
    )
    for dtype, others in halves.items():
        table.add_row(f"training in {str(dtype).removeprefix('torch.')}", of_types(networks, others))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
