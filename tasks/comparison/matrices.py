"""Every two networks compared: some rows of a column of a matrix, from sums or from the networks' outputs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.comparison.distances import Distances, Unit
from relusweep.tasks.comparison.grams import interval
from relusweep.tasks.comparison.measures import cka, cross_entropy, n_right
from relusweep.tasks.jacobians.maps import CoefficientReader

__all__ = ["ColumnBlock", "Measure", "compare"]

Measure = Literal["affine", "distance", "cka", "cross_entropy"]

_Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class ColumnBlock:
    """Some rows of a column of a matrix.

    Attributes
    ----------
    measure : {'affine', 'distance', 'cka', 'cross_entropy'}
    coefficients : CoefficientReader
        Beside which the networks' outputs and sums lie.
    sources : tuple of str
        Labels of the networks from which.
    target : str
        Label of the network to which.
    replicates : int
        Halves of the test images that give the intervals of CKA.
    unit : {'largest', 'largest_size'}
        Of the coefficients in a distance.
    """

    measure: Measure
    coefficients: CoefficientReader
    sources: tuple[str, ...]
    target: str
    replicates: int = 0
    unit: Unit = "largest"

    @property
    def networks(self) -> list[str]:
        """Sources and, last, the target, which may be one of them."""
        return [*self.sources, self.target]

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Places of each source and of the target among its networks."""
        return tuple((source, len(self.sources)) for source in range(len(self.sources)))

    def sums(self, name: str) -> NDArray[Any]:
        """Read sums of all pairs: shape (n_sources, n_outputs, ...)."""
        return self.coefficients.reader.read(
            "sums", name, network_from=list(self.sources), network_to=self.target
        )


def compare(block: ColumnBlock) -> BlockResult:
    """Compute some rows of a column.

    Returns
    -------
    BlockResult
        Of arrays of shape (n_sources, 1), float64. Of ``"affine"``: ``accuracy`` of mapped coefficients on
        the test images and ``drop`` from that of the target. ``"distance"``: ``distance``. ``"cka"``:
        ``cka``, ``cka_unbiased``, with replicates ``cka_low`` and ``cka_high``, and ``cka_form``, int8.
        ``"cross_entropy"``: ``cross_entropy``.
    """
    started = time.process_time()
    arrays = {name: values[:, None] for name, values in _MEASURES[block.measure](block).items()}
    return BlockResult(arrays, 0, time.process_time() - started, 0.0)


def _affine(block: ColumnBlock) -> _Arrays:
    """Classify the test images by what was mapped from some networks to one."""
    kept, labels = block.coefficients, block.coefficients.labels
    of_cells = (
        kept.reader.read("sums", "mapped", network_from=source, network_to=block.target).T
        for source in block.sources
    )
    accuracy = np.array([n_right(outputs, labels) for outputs in of_cells]) / len(labels)
    own = n_right(kept.outputs(block.target, "test"), labels) / len(labels)
    return {"accuracy": accuracy, "drop": own - accuracy}


def _distance(block: ColumnBlock) -> _Arrays:
    """Put the sums of all outputs together, as if they were of more samples."""
    kept, maps = block.coefficients, block.coefficients.maps
    found = Distances(block.pairs, len(block.networks), maps.n_outputs, maps.n_columns)
    found.n_samples = maps.n_test
    found.apart, found.inner = (block.sums(name).sum(axis=1) for name in ("apart", "inner"))
    found.inner_to = kept.reader.read(
        "sums", "inner", network_from=block.target, network_to=list(block.sources)
    ).sum(axis=0)
    squares, largest, least = (
        kept.reader.read("sums", name, network_from=block.networks)
        for name in ("squares", "largest", "least")
    )
    found.squares, found.largest, found.least = squares.sum(axis=1), largest.max(axis=1), least.min(axis=1)
    return {"distance": found.values(block.unit)}


def _cka(block: ColumnBlock) -> _Arrays:
    """Divide the HSIC of pairs by those of their networks with themselves, output by output."""
    reader = block.coefficients.reader

    def aligned(name: str) -> NDArray[np.float64]:
        own = [reader.read("sums", name, network_from=label, network_to=label) for label in block.networks]
        return np.asarray(cka(block.pairs, block.sums(name), np.stack(own)).mean(axis=1))

    estimate = aligned("hsic")
    found: _Arrays = {"cka": estimate, "cka_unbiased": aligned("hsic_unbiased")}
    if block.replicates:
        found["cka_low"], found["cka_high"] = interval(estimate, aligned("hsic_halves")).T
    return found | {"cka_form": block.sums("cka_form")[:, 0]}


def _cross_entropy(block: ColumnBlock) -> _Arrays:
    """Compare the outputs of some networks with those of one."""
    kept = block.coefficients
    sources, targets = (
        np.stack([kept.outputs(label, "test") for label in labels])
        for labels in (block.sources, (block.target,))
    )
    return {"cross_entropy": cross_entropy(sources, targets)[:, 0]}


_MEASURES: Final[dict[Measure, Callable[[ColumnBlock], _Arrays]]] = {
    "affine": _affine,
    "distance": _distance,
    "cka": _cka,
    "cross_entropy": _cross_entropy,
}
