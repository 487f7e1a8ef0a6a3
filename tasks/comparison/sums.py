"""One output of some pairs of networks: the sums behind their comparison, a chunk of rows at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.comparison.affine import mapped_outputs
from relusweep.tasks.comparison.distances import Distances
from relusweep.tasks.comparison.grams import LEAST_SAMPLES, Grams, draw_halves
from relusweep.tasks.comparison.measures import cka_cost
from relusweep.tasks.comparison.moments import Moments
from relusweep.tasks.comparison.products import Products, small_basis
from relusweep.tasks.images.datasets import Part
from relusweep.tasks.jacobians.maps import CoefficientReader
from relusweep.tasks.streams import Stream

__all__ = ["FORMS", "ROWS_AT_ONCE", "SumBlock", "sum_pairs"]

FORMS: Final = ("columns", "samples")
"""How CKA is summed: moments of the columns or kernels of the samples. Their places are what is stored."""


class RowsAtOnce(NamedTuple):
    """Rows of each network that are in float64 at once: numbers that do not depend on the networks."""

    moments: int = 1024
    distances: int = 64  # what stays in a core's cache
    kernels: int = 1024
    mapping: int = 1024


ROWS_AT_ONCE: Final = RowsAtOnce()

_Rows = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class SumBlock:
    """What to sum: one output of the pairs of some networks.

    Attributes
    ----------
    coefficients : CoefficientReader
    networks : tuple of str
        Labels of all networks of the block, in the order of the sweep: pairs are summed the same way in every
        block.
    sources, targets : tuple of str
        Those from which, and those to which.
    output : int
    cutoff : float, optional
        Of the affine maps: see `relusweep.tasks.comparison.affine.row_space`.
    replicates : int
        Halves of the test images that give the intervals of CKA.
    constant : float
        What part of its size rounding makes of a row that is always the same.
    at_once : int
        Rows of a network that are read at a time.
    form : {'columns', 'samples'}, optional
        How CKA is summed; by default the cheaper form for these pairs.
    """

    coefficients: CoefficientReader
    networks: tuple[str, ...]
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    output: int
    cutoff: float | None
    replicates: int
    constant: float
    at_once: int
    form: Literal["columns", "samples"] | None = None

    @property
    def n_test(self) -> int:
        """Number of test images."""
        return self.coefficients.maps.n_test

    @property
    def n_columns(self) -> int:
        """Coefficients of an output."""
        return self.coefficients.maps.n_columns

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

    @property
    def form_of_cka(self) -> str:
        """The form asked for, or the cheaper one; intervals need the samples."""
        if self.form or self.replicates:
            return self.form or "samples"
        return cka_cost(self.n_test, self.n_columns, len(self.networks), len(self.pairs)).cheaper

    @property
    def halves(self) -> NDArray[np.bool_]:
        """All test images, and then halves of them: shape (1 + replicates, n_test)."""
        everything = np.ones((1, self.n_test), np.bool_)
        if not self.replicates:
            return everything
        seed = self.coefficients.maps.networks.seed
        drawn = draw_halves(self.n_test, self.replicates, Stream(("images", "halves", seed)))
        return np.concatenate([everything, drawn])

    def spread(self, of_pairs: NDArray[Any]) -> NDArray[Any]:
        """Give every cell what was summed of its pair: (n_pairs, ...) becomes (n_from, 1, n_to, ...)."""
        place = {pair: i for i, pair in enumerate(self.pairs)}
        chosen = of_pairs[[place[min(cell), max(cell)] for cell in self.cells]]
        return np.asarray(chosen.reshape(*self.shape, *of_pairs.shape[1:]))

    def spans(self, part: Part) -> list[range]:
        """Cut the images of a part into those that are read at a time."""
        return [
            span[start : start + self.at_once]
            for span in self.coefficients.spans(part)
            for start in range(0, len(span), self.at_once)
        ]

    def rows(self, part: Part, span: range) -> _Rows:
        """Read some rows of all networks: shape (n_networks, n_samples, n_columns)."""
        chunk: _Rows | None = None
        for i, label in enumerate(self.networks):
            rows = self.coefficients.read(label, self.output, part, span)
            if chunk is None:
                chunk = np.empty((len(self.networks), *rows.shape), rows.dtype)
            chunk[i] = rows
        assert chunk is not None
        return chunk

    def rows_of(self, network: int, part: Part) -> Iterator[tuple[range, _Rows]]:
        """Read the rows of one network, and say which they are."""
        for span in self.spans(part):
            yield span, self.coefficients.read(self.networks[network], self.output, part, span)


def sum_pairs(block: SumBlock) -> BlockResult:
    """Sum what compares the networks of a block.

    Returns
    -------
    BlockResult
        Of arrays of shape (n_from, 1, n_to), float64: ``apart``, ``inner``, ``hsic``, ``hsic_unbiased``; with
        `replicates` also ``hsic_halves`` of shape (n_from, 1, n_to, replicates); of shape (n_from, 1):
        ``squares``, ``largest``, ``least``; ``cka_form``, int8, place in `FORMS`; and ``mapped``, float32 of
        shape (n_from, 1, n_to, n_test).
    """
    started = time.process_time()
    with threadpool_limits(1):  # the order of sums shows in the bits
        arrays = {"mapped": _mapped(block), **_compared(block)}
    return BlockResult(arrays, 0, time.process_time() - started, 0.0)


def _cuts(length: int, step: int) -> Iterator[slice]:
    for start in range(0, length, step):
        yield slice(start, min(start + step, length))


def _mapped(block: SumBlock) -> NDArray[np.float32]:
    """Apply the mapped coefficients of each source to the test images: shape (n_from, 1, n_to, n_test)."""
    sources = [source for source, _ in block.cells[:: len(block.targets)]]
    targets = [target for _, target in block.cells[: len(block.targets)]]
    products = _products(block, sorted({*block.pairs, *((source, source) for source in sources)}))
    mapped = np.empty((*block.shape, block.n_test), np.float32)
    for of_source, source in zip(mapped[:, 0], sources, strict=True):
        if not np.isfinite(products.of(source, source)).all():
            of_source[...] = np.nan  # training has run away: there is no map from this network
            continue
        maps = products.maps(source, targets, block.cutoff)
        for span, rows in block.rows_of(source, "test"):
            for cut in _cuts(len(rows), ROWS_AT_ONCE.mapping):
                some = span[cut]
                found = mapped_outputs(maps, rows[cut, None], block.coefficients.inputs("test", some))
                of_source[:, some.start : some.stop] = found[:, :, 0]
    return mapped


def _products(block: SumBlock, pairs: list[tuple[int, int]]) -> Products:
    """Sum products of the training rows, after a pass over those that lie in a small space."""
    bases = [
        small_basis(
            (
                rows[cut]
                for span, rows in block.rows_of(i, "train")
                for cut in _cuts(len(span), ROWS_AT_ONCE.moments)
            ),
            block.cutoff,
        )
        for i in range(len(block.networks))
    ]
    products = Products(pairs, bases, block.n_columns)
    for span in block.spans("train"):
        chunk = block.rows("train", span)
        for cut in _cuts(len(span), ROWS_AT_ONCE.moments):
            products.update(chunk[:, cut])
    return products


def _compared(block: SumBlock) -> dict[str, NDArray[Any]]:
    """Sum the distances and the HSIC of all pairs over the test images."""
    n_networks, n_columns, form = len(block.networks), block.n_columns, block.form_of_cka
    distances = Distances(block.pairs, n_networks, 1, n_columns)
    moments = Moments(block.pairs, n_networks, 1, n_columns) if form == "columns" else None
    total = np.zeros((n_networks, n_columns))
    for span in block.spans("test"):
        chunk = block.rows("test", span)
        for cut in _cuts(len(span), ROWS_AT_ONCE.distances):
            distances.update(chunk[:, cut, None])
        if moments is None:
            total += chunk.sum(axis=1, dtype=np.float64)
            continue
        for cut in _cuts(len(span), ROWS_AT_ONCE.moments):
            moments.update(chunk[:, cut, None])
    del chunk
    sums = _grams(block, total / block.n_test) if moments is None else moments
    biased, unbiased = (_hsic(block, sums, which) for which in (False, True))
    inner, inner_to = block.spread(distances.inner), block.spread(distances.inner_to)
    turned = np.array([source > target for source, target in block.cells]).reshape(block.shape)
    own = [block.networks.index(label) for label in block.sources]
    found = {
        "apart": block.spread(distances.apart),
        "inner": np.where(turned, inner_to, inner),
        "squares": distances.squares[own, None],
        "largest": distances.largest[own, None],
        "least": distances.least[own, None],
        "hsic": block.spread(biased[:, 0]),
        "hsic_unbiased": block.spread(unbiased[:, 0]),
        "cka_form": np.full(block.shape, FORMS.index(form), np.int8),
    }
    if block.replicates:
        found["hsic_halves"] = block.spread(biased[:, 1:])
    return found


def _hsic(block: SumBlock, sums: Moments | Grams, unbiased: bool) -> NDArray[np.float64]:
    """Give the HSIC of all pairs, of all test images and of halves; NaN where there are too few of them."""
    if block.n_test < LEAST_SAMPLES[unbiased]:
        return np.full((len(block.pairs), 1), np.nan)
    return sums.hsic(unbiased=unbiased, constant=block.constant)


def _grams(block: SumBlock, centres: NDArray[np.float64]) -> Grams:
    """Sum the kernels of all pairs of test images, every chunk with every other one."""
    grams = Grams(block.pairs, centres, block.n_test, block.halves)
    spans = block.spans("test")
    for i, span in enumerate(spans):
        chunk = block.rows("test", span)
        for other in spans[i:]:
            others = chunk if other == span else block.rows("test", other)
            for a, b in product(
                _cuts(len(span), ROWS_AT_ONCE.kernels), _cuts(len(other), ROWS_AT_ONCE.kernels)
            ):
                if other != span or a.start < b.start:
                    grams.update(chunk[:, a], span.start + a.start, others[:, b], other.start + b.start)
                elif a == b:
                    grams.update(chunk[:, a], span.start + a.start)
    return grams
