"""One output of some pairs of networks: the sums behind their comparison, a chunk of rows at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from relusweep.pipeline.sweeps.images.rows import Rows
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.comparison.affine import mapped_outputs
from relusweep.tasks.comparison.distances import Distances
from relusweep.tasks.comparison.grams import Grams
from relusweep.tasks.comparison.measures import cka_cost
from relusweep.tasks.comparison.moments import Moments
from relusweep.tasks.comparison.products import Products, small_basis
from relusweep.tasks.images.datasets import Part

if TYPE_CHECKING:
    from relusweep.pipeline.sweeps.images.sums import Sums

__all__ = ["FORMS", "ROWS", "Tile", "sum_tile"]

FORMS: Final = ("columns", "samples")
"""How CKA is summed: moments of the columns or kernels of the samples. Their places are what is stored."""


class Steps(NamedTuple):
    """Rows of each network that are in float64 at once: numbers that do not depend on the networks."""

    moments: int = 1024
    distances: int = 64  # what stays in a core's cache
    kernels: int = 1024
    mapping: int = 1024


ROWS: Final = Steps()

_Block = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Tile:
    """What a worker sums: one output of the pairs of some networks.

    Attributes
    ----------
    stage : Sums
    sources, targets : tuple of str
        Labels of the networks from which, and to which.
    output : int
    store : str
    """

    stage: Sums
    sources: tuple[str, ...]
    output: int
    targets: tuple[str, ...]
    store: str

    @cached_property
    def networks(self) -> tuple[str, ...]:
        """All its networks, in the order of the stage: pairs are summed the same way in every tile."""
        chosen = {*self.sources, *self.targets}
        return tuple(label for label in self.stage.networks if label in chosen)

    @cached_property
    def cells(self) -> list[tuple[int, int]]:
        """Pairs (from, to) of places among its networks, row by row."""
        place = {label: i for i, label in enumerate(self.networks)}
        return [(place[source], place[target]) for source, target in product(self.sources, self.targets)]

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """Each pair once, whichever way round."""
        return sorted({(min(cell), max(cell)) for cell in self.cells})

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of its cells in the store."""
        return len(self.sources), 1, len(self.targets)

    @cached_property
    def form(self) -> str:
        """The cheaper form of CKA for these pairs; intervals need the samples."""
        if self.stage.replicates:
            return "samples"
        cost = cka_cost(self.stage.n_test, self.stage.n_columns, len(self.networks), len(self.pairs))
        return cost.cheaper

    def spread(self, of_pairs: NDArray[Any]) -> NDArray[Any]:
        """Give every cell what was summed of its pair: (n_pairs, ...) becomes (n_from, 1, n_to, ...)."""
        place = {pair: i for i, pair in enumerate(self.pairs)}
        chosen = of_pairs[[place[min(cell), max(cell)] for cell in self.cells]]
        return np.asarray(chosen.reshape(*self.shape, *of_pairs.shape[1:]))


def sum_tile(tile: Tile) -> BlockResult:
    """Sum what compares the networks of a tile."""
    started = time.process_time()
    with threadpool_limits(1):  # the order of sums shows in the bits
        stream = _Stream(tile)
        arrays = {"mapped": _mapped(tile, stream), **_compared(tile, stream)}
    return BlockResult(arrays, 0, time.process_time() - started, 0.0)


class _Stream:
    """The rows of all networks of a tile, chunk by chunk of the store."""

    def __init__(self, tile: Tile) -> None:
        self.rows = Rows(tile.stage, tile.store)
        self._tile = tile

    def spans(self, part: Part) -> list[range]:
        """Cut the images of a part into those that are read at a time."""
        most = self._tile.stage.at_once
        return [
            span[start : start + most]
            for span in self.rows.spans(part)
            for start in range(0, len(span), most)
        ]

    def read(self, part: Part, span: range) -> _Block:
        """Read some rows of all networks: shape (n_networks, n_samples, n_columns)."""
        networks = self._tile.networks
        chunk: _Block | None = None
        for i, label in enumerate(networks):
            rows = self.rows.read(label, self._tile.output, part, span)
            if chunk is None:
                chunk = np.empty((len(networks), *rows.shape), rows.dtype)
            chunk[i] = rows
        assert chunk is not None
        return chunk

    def of_network(self, network: int, part: Part) -> Iterator[tuple[range, NDArray[np.floating[Any]]]]:
        """Read the rows of one network, and say which they are."""
        for span in self.spans(part):
            yield span, self.rows.read(self._tile.networks[network], self._tile.output, part, span)


def _cuts(length: int, step: int) -> Iterator[slice]:
    for start in range(0, length, step):
        yield slice(start, min(start + step, length))


def _mapped(tile: Tile, stream: _Stream) -> NDArray[np.float32]:
    """Apply the mapped coefficients of each source to the test images: shape (n_from, 1, n_to, n_test)."""
    sources = [source for source, _ in tile.cells[:: len(tile.targets)]]
    targets = [target for _, target in tile.cells[: len(tile.targets)]]
    products = _products(tile, stream, sorted({*tile.pairs, *((source, source) for source in sources)}))
    mapped = np.empty((*tile.shape, tile.stage.n_test), np.float32)
    for of_source, source in zip(mapped[:, 0], sources, strict=True):
        if not np.isfinite(products.of(source, source)).all():
            of_source[...] = np.nan  # training has run away: there is no map from this network
            continue
        maps = products.maps(source, targets, tile.stage.cutoff)
        for span, rows in stream.of_network(source, "test"):
            for cut in _cuts(len(rows), ROWS.mapping):
                some = span[cut]
                found = mapped_outputs(maps, rows[cut, None], stream.rows.inputs("test", some))
                of_source[:, some.start : some.stop] = found[:, :, 0]
    return mapped


def _products(tile: Tile, stream: _Stream, pairs: list[tuple[int, int]]) -> Products:
    """Sum products of the training rows, after a pass over those that lie in a small space."""
    bases = [
        small_basis(
            (
                rows[cut]
                for span, rows in stream.of_network(i, "train")
                for cut in _cuts(len(span), ROWS.moments)
            ),
            tile.stage.cutoff,
        )
        for i in range(len(tile.networks))
    ]
    products = Products(pairs, bases, tile.stage.n_columns)
    for span in stream.spans("train"):
        chunk = stream.read("train", span)
        for cut in _cuts(len(span), ROWS.moments):
            products.update(chunk[:, cut])
    return products


def _compared(tile: Tile, stream: _Stream) -> dict[str, NDArray[Any]]:
    """Sum the distances and the HSIC of all pairs over the test images."""
    n_networks, n_columns = len(tile.networks), tile.stage.n_columns
    distances = Distances(tile.pairs, n_networks, 1, n_columns)
    moments = Moments(tile.pairs, n_networks, 1, n_columns) if tile.form == "columns" else None
    total = np.zeros((n_networks, n_columns))
    for span in stream.spans("test"):
        chunk = stream.read("test", span)
        for cut in _cuts(len(span), ROWS.distances):
            distances.update(chunk[:, cut, None])
        if moments is None:
            total += chunk.sum(axis=1, dtype=np.float64)
            continue
        for cut in _cuts(len(span), ROWS.moments):
            moments.update(chunk[:, cut, None])
    del chunk
    sums = _grams(tile, stream, total / tile.stage.n_test) if moments is None else moments
    constant = tile.stage.constant
    biased, unbiased = (sums.hsic(unbiased=which, constant=constant) for which in (False, True))
    apart, inner = tile.spread(distances.apart), tile.spread(distances.inner)
    turned = np.array([source > target for source, target in tile.cells]).reshape(tile.shape)
    own = [tile.networks.index(label) for label in tile.sources]
    found = {
        "apart": apart,
        "inner": np.where(turned, apart - inner, inner),  # y·(y − x) = |x − y|² − x·(x − y)
        "squares": distances.squares[own, None],
        "largest": distances.largest[own, None],
        "hsic": tile.spread(biased[:, 0]),
        "hsic_unbiased": tile.spread(unbiased[:, 0]),
        "cka_form": np.full(tile.shape, FORMS.index(tile.form), np.int8),
    }
    if tile.stage.replicates:
        found["hsic_halves"] = tile.spread(biased[:, 1:])
    return found


def _grams(tile: Tile, stream: _Stream, centres: NDArray[np.float64]) -> Grams:
    """Sum the kernels of all pairs of test images, every chunk with every other one."""
    grams = Grams(tile.pairs, centres, tile.stage.n_test, tile.stage.halves)
    spans = stream.spans("test")
    for i, span in enumerate(spans):
        chunk = stream.read("test", span)
        for other in spans[i:]:
            others = chunk if other == span else stream.read("test", other)
            for a, b in product(_cuts(len(span), ROWS.kernels), _cuts(len(other), ROWS.kernels)):
                if other != span or a.start < b.start:
                    grams.update(chunk[:, a], span.start + a.start, others[:, b], other.start + b.start)
                elif a == b:
                    grams.update(chunk[:, a], span.start + a.start)
    return grams
