"""The stage that sums what compares every two networks, in one pass over the chunks of their Jacobians."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from relusweep.pipeline.sweeps.base import Block, Coordinate, Sweep, Task
from relusweep.pipeline.sweeps.images.jacobians import Jacobians
from relusweep.pipeline.sweeps.images.tiles import FORMS, ROWS, Tile, sum_tile
from relusweep.storage import Layout, Variable
from relusweep.tasks.comparison.grams import draw_halves, grams_memory
from relusweep.tasks.comparison.measures import cka_cost
from relusweep.tasks.comparison.moments import moments_memory
from relusweep.tasks.streams import Stream

__all__ = ["MOST_MEMORY", "Sums", "sums_memory"]

MOST_MEMORY = 3 * 2**29
"""Bytes that a worker may take: tiles are as many networks as fit, at least one."""

_PAIRS = ("network_from", "output", "network_to")
_SQUARES, _COLUMNS = 6, 6  # matrices of all columns, and rows in float64, while a map is fitted and applied
_CHUNK = 8  # networks along each side of a chunk of the store, however many there come to be


class Sums(Jacobians):
    """Sums over images for every two networks and output, from which affine, distance and CKA follow.

    A block is one output of a tile of networks with a tile of networks. Its worker reads the training rows of
    both once, and before that those of networks whose rows lie in a small space; it reads the test rows once
    for what is mapped and once for the rest; kernels of samples read chunks of test rows with one another.

    Attributes
    ----------
    cutoff : float, optional
        Least strength of a direction of the training rows that the affine map keeps, as a share of the
        largest; by default it is rounding: see `relusweep.tasks.comparison.affine.row_space`.
    replicates : int
        Halves of the test images that give the intervals of CKA; none by default.
    """

    stage: ClassVar[str] = "sums"
    unit: ClassVar[str] = "sums of pairs"
    verb: ClassVar[str] = "sum"

    cutoff: Annotated[float, Field(gt=0, lt=1, description="a number between 0 and 1")] | None = None
    replicates: Annotated[int, Field(ge=0, le=100_000, description="0 to 100 000")] = 0

    def check(self) -> None:
        """Refuse what `Jacobians` refuse, and too few test images for HSIC."""
        self.at(Jacobians).check()

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Jacobians."""
        return (self.at(Jacobians),)

    @property
    def n_test(self) -> int:
        """Number of test images."""
        return self.n_samples - self.n_train

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Networks from which, outputs, networks to which."""
        networks = np.array(self.networks)
        return dict(zip(_PAIRS, (networks, np.arange(self.n_outputs), networks), strict=True))

    @property
    def tile(self) -> int:
        """How many networks a side of a block has: all, or as many as `MOST_MEMORY` allows."""
        sides = range(len(self.networks), 1, -1)
        return next((side for side in sides if self._memory(side) <= MOST_MEMORY), 1)

    @property
    def peak_memory(self) -> int:
        """Most bytes that a worker takes for a block beside its libraries: `sums_memory`."""
        return self._memory(self.tile)

    def _memory(self, side: int) -> int:
        return sums_memory(self, side, side, min(2 * side, len(self.networks)))

    @property
    def block_shape(self) -> Mapping[str, int]:
        """One output of two tiles of networks."""
        return dict(zip(_PAIRS, (self.tile, 1, self.tile), strict=True))

    @property
    def chunks(self) -> Mapping[str, int]:
        """The same however many networks there are: the axes grow."""
        return dict(zip(_PAIRS, (_CHUNK, 1, _CHUNK), strict=True))

    @property
    def written_by_workers(self) -> frozenset[str]:  # type: ignore[override]  # goes by the form of Jacobians
        """Nothing: all of it can travel."""
        return frozenset()

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What was mapped, and sums of single outputs."""

        def sums(dims: tuple[str, ...], words: str, comment: str) -> Variable:
            return Variable(dims, "float64", np.nan, {"long_name": words, "units": "1", "comment": comment})

        words = {
            "long_name": "mapped coefficients of a network at the test images, applied to them",
            "units": "1",
        }
        flags = {
            "long_name": "what CKA was summed over",
            "units": "1",
            "flag_values": list(range(len(FORMS))),
            "flag_meanings": " ".join(FORMS),
            "comment": "the form of fewer multiplications for the pairs of a block; samples for intervals",
        }
        own = "over test images and coefficients of the output"
        pair = f"{own}, x of network_from and y of network_to"
        found = {
            "mapped": Variable((*_PAIRS, "test_sample"), "float32", np.nan, words, compressed=False),
            "apart": sums(_PAIRS, "sum of |x - y|²", pair),
            "inner": sums(_PAIRS, "sum of x·(x - y)", pair),
            "squares": sums(_PAIRS[:2], "sum of |x|²", own),
            "largest": sums(_PAIRS[:2], "size of the largest coefficient", own),
            "hsic": sums(_PAIRS, "HSIC with the linear kernel", "of test images; 0 for constant rows"),
            "hsic_unbiased": sums(_PAIRS, "unbiased HSIC", "of test images; 0 for constant rows"),
            "cka_form": Variable(_PAIRS, "int8", -1, flags),
        }
        if self.replicates:
            found["hsic_halves"] = sums((*_PAIRS, "replicate"), "HSIC of halves", "of the test images")
        return found

    @property
    def bytes_per_cell(self) -> int:
        """Before compression."""
        return 4 * self.n_test + 8 * (4 + self.replicates) + 16 // len(self.networks) + 1 + 9

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Give its axes, what the networks are, and the numbers of test images and replicates."""
        found: dict[str, Coordinate] = {
            **self.of_networks("network_from", "_from"),
            **self.of_outputs,
            **self.of_networks("network_to", "_to"),
            "test_sample": ("test_sample", np.arange(self.n_test), {"long_name": "test image"}),
        }
        if self.replicates:
            words = {"long_name": "number of a half of the test images"}
            found["replicate"] = ("replicate", np.arange(self.replicates), words)
        return found

    def layout(self, store: str) -> Layout:
        """Describe its group, and say how CKA is summed and what memory that takes."""
        layout = super().layout(store)
        said = {"cka_form": self.said_of_cka, "tile": self.tile, "peak_memory_bytes": self.peak_memory}
        return dataclasses.replace(layout, attrs={**layout.attrs, **said})

    @property
    def said_of_cka(self) -> str:
        """Say what both forms of CKA cost, and which is taken."""
        n = len(self.networks)
        pairs = n * (n + 1) // 2
        cost = cka_cost(self.n_test, self.n_columns, n, pairs)
        said = (
            f"{pairs} pairs of {n} networks cost {cost.columns:.3g} multiplications an output over columns "
            f"and {cost.samples:.3g} over samples: "
        )
        if self.replicates:
            return said + "over samples, which intervals need"
        return said + f"the cheaper is over {cost.cheaper}; each block takes the cheaper for its own pairs"

    def task(self, block: Block, store: str) -> Task:
        """Give what sums one output of two tiles of networks."""
        (output,) = block["output"]
        return sum_tile, Tile(self, block["network_from"], output, block["network_to"], store)

    def cost(self, block: Block) -> float:
        """Count the multiplications of the moments of the training rows."""
        (output,) = block["output"]
        return float(len(Tile(self, block["network_from"], output, block["network_to"], "").pairs))

    @property
    def constant(self) -> float:
        """What part of its size rounding makes of a row that is always the same.

        Rounded to k bits of the mantissa, neighbours differ by 2^-k, and that is more than what rounding to
        float32 has left: `relusweep.tasks.comparison.moments.Moments.hsic`.
        """
        bits = {"float32": 22, "float16": 10}.get(str(self.precision), self.precision)
        return max(2.0**-16, 2.0 ** (1 - int(bits)))

    @property
    def halves(self) -> NDArray[np.bool_]:
        """All test images, and then halves of them: shape (1 + replicates, n_test)."""
        everything = np.ones((1, self.n_test), np.bool_)
        if not self.replicates:
            return everything
        drawn = draw_halves(self.n_test, self.replicates, Stream(("images", "halves", self.seed)))
        return np.concatenate([everything, drawn])

    @property
    def at_once(self) -> int:
        """Rows of a network that are read at a time: a chunk of the store; of patterns fewer, which grow."""
        return self.at(Jacobians).block_shape["sample"] if self.form == "rows" else ROWS.moments


def sums_memory(stage: Sums, n_from: int, n_to: int, n_networks: int) -> int:
    """Most memory that a block takes: a function of the chunks, of the columns and of the tile.

    Parameters
    ----------
    stage : Sums
    n_from, n_to : int
        Networks along each side of the block.
    n_networks : int
        All of them: fewer than `n_from` and `n_to` together where some stand on both sides.

    Returns
    -------
    int
        Bytes, beside the libraries. There are no terms for the number of training images, and of all test
        images only the `n_test` numbers that are stored of a pair and the sums of their kernels.
    """
    both = n_from + n_to - n_networks
    pairs = n_from * n_to - both * (both - 1) // 2
    trained = pairs + n_from - both  # and each source with itself
    c, n_test = stage.n_columns, stage.n_test
    itemsize = 2 if stage.precision == "float16" else 4
    chunk = n_networks * stage.at_once * c * itemsize
    row = stage.at(Jacobians).chunks["output"] if stage.form == "rows" else stage.n_outputs
    reading = 3 * stage.at_once * row * c * itemsize  # decoded by the store, and cut to what was asked
    result = n_from * n_to * (4 * n_test + 8 * (8 + stage.replicates))
    some = {step: min(rows, stage.at_once) for step, rows in ROWS._asdict().items()}
    training = chunk + reading + moments_memory(n_networks, some["moments"], 1, c, trained)
    fitting = reading + moments_memory(n_networks, 0, 1, c, trained)
    fitting += 8 * c * ((n_to + _SQUARES) * c + _COLUMNS * some["mapping"])
    of_rows = 8 * (n_networks + 2) * some["distances"] * c
    columns = chunk + reading + of_rows + moments_memory(n_networks, some["moments"], 1, c, pairs)
    halves, side = 1 + stage.replicates, some["kernels"]
    kernels = 2 * chunk + reading + grams_memory(n_networks, n_test, halves, c, side, side)
    drawn = 24 * stage.replicates * n_test
    return int(result + max(training, fitting, columns, kernels + drawn))
