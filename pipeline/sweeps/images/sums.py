"""The stage that sums what compares every two networks, in one pass over the chunks of their Jacobians."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.pipeline.sweeps.images.jacobians import JACOBIAN_FIELDS, Jacobians, OfJacobians
from relusweep.pipeline.sweeps.variables import numbers
from relusweep.storage.layout import Variable
from relusweep.tasks.comparison.grams import LEAST_SAMPLES, grams_memory
from relusweep.tasks.comparison.measures import cka_cost
from relusweep.tasks.comparison.moments import moments_memory
from relusweep.tasks.comparison.sums import FORMS, ROWS_AT_ONCE

__all__ = ["SUM_FIELDS", "Sums", "sums_memory"]

SUM_FIELDS = JACOBIAN_FIELDS | {"cutoff", "replicates"}

_MOST_MEMORY = 3 * 2**29  # bytes that a worker may take
_FEWEST_TO_HALVE = 2 * LEAST_SAMPLES[True]
_SQUARES, _COLUMNS = 6, 6  # matrices of all columns, and rows in float64, while a map is fitted and applied
_CHUNK = 8  # networks along each side of a chunk of the store, however many there come to be

_DIMS = ("network_from", "output", "network_to")


class Sums(OfJacobians):
    """Sums over images for every two networks and output, from which affine, distance and CKA follow.

    A block is one output of some networks with some networks. Its worker reads the training rows of both
    once, and before that those of networks whose rows lie in a small space; it reads the test rows once for
    what is mapped and once for the rest; kernels of samples read chunks of test rows with one another.
    """

    stage: ClassVar[str] = "sums"
    fields: ClassVar[frozenset[str]] = SUM_FIELDS
    unit: ClassVar[str] = "sums of pairs"
    verb: ClassVar[str] = "sum"
    dims: ClassVar[tuple[str, ...]] = _DIMS

    def check(self) -> None:
        """Refuse halves of too few test images."""
        replicates, n_test = self.spec.replicates, self.maps.n_test
        if replicates and n_test < _FEWEST_TO_HALVE:
            raise InvalidSweep(
                f"replicates = {replicates}: intervals of CKA are of halves of at least {_FEWEST_TO_HALVE} "
                f"test images, and there are {n_test}; --set replicates=0"
            )

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What was mapped, and sums of single outputs."""
        mapped = "mapped coefficients of a network at the test images, applied to them"
        own = "over test images and coefficients of the output"
        pair = f"{own}, x of network_from and y of network_to"
        constant = "of test images; 0 for constant rows; missing for less than {} images"
        form = numbers(
            _DIMS,
            "int8",
            "what CKA was summed over",
            flag_values=list(range(len(FORMS))),
            flag_meanings=" ".join(FORMS),
            comment="the form of fewer multiplications for the pairs of a block; samples for intervals",
        )
        found = {
            "mapped": numbers((*_DIMS, "test_sample"), "float32", mapped, compressed=False),
            "apart": numbers(_DIMS, "float64", "sum of |x - y|²", comment=pair),
            "inner": numbers(_DIMS, "float64", "sum of x·(x - y)", comment=pair),
            "squares": numbers(_DIMS[:2], "float64", "sum of |x|²", comment=own),
            "largest": numbers(_DIMS[:2], "float64", "largest coefficient", comment=own),
            "least": numbers(_DIMS[:2], "float64", "least coefficient, by sign", comment=own),
            "hsic": numbers(_DIMS, "float64", "HSIC with the linear kernel", comment=constant.format(2)),
            "hsic_unbiased": numbers(_DIMS, "float64", "unbiased HSIC", comment=constant.format(4)),
            "cka_form": form,
        }
        if self.spec.replicates:
            dims = (*_DIMS, "replicate")
            found["hsic_halves"] = numbers(dims, "float64", "HSIC of halves", comment="of the test images")
        return found

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Say how CKA is summed and what memory that takes."""
        side = self.side()
        said = {"cka_form": self.said_of_cka, "tile": side, "peak_memory_bytes": self.memory(side)}
        return {**super().attrs, **said}

    @property
    def said_of_cka(self) -> str:
        """Say what both forms of CKA cost, and which is taken."""
        n, n_test = len(self.spec.networks), self.maps.n_test
        if n_test < LEAST_SAMPLES[True]:
            return f"CKA is of at least 2 test images, by the unbiased HSIC of at least 4; there are {n_test}"
        pairs = n * (n + 1) // 2
        cost = cka_cost(n_test, self.maps.n_columns, n, pairs)
        said = (
            f"{pairs} pairs of {n} networks cost {cost.columns:.3g} multiplications an output over columns "
            f"and {cost.samples:.3g} over samples: "
        )
        if self.spec.replicates:
            return said + "over samples, which intervals need"
        return said + f"the cheaper is over {cost.cheaper}; each block takes the cheaper for its own pairs"

    def task(self, block: Block, store: str) -> Task:
        """Give what sums one output of some networks with some networks."""
        from relusweep.tasks.comparison.sums import SumBlock, sum_pairs

        sources, (output,), targets = (block[dim] for dim in _DIMS)
        return sum_pairs, SumBlock(
            coefficients=self.coefficients(store),
            networks=tuple(label for label in self.spec.networks if label in {*sources, *targets}),
            sources=sources,
            targets=targets,
            output=output,
            cutoff=self.spec.cutoff,
            replicates=self.spec.replicates,
            constant=self.constant,
            at_once=self.at_once,
        )

    @property
    def schedule(self) -> Schedule:
        """One output of as many networks with as many as memory allows; chunks that do not depend on it."""
        side = self.side()
        return Schedule(
            block_shape=dict(zip(_DIMS, (side, 1, side), strict=True)),
            chunks=dict(zip(_DIMS, (_CHUNK, 1, _CHUNK), strict=True)),
            divisible=False,
            cost=_cost,
        )

    def side(self, memory: int = _MOST_MEMORY) -> int:
        """Count the networks of a side of a block: all, or as many as bytes of memory allow, at least one."""
        sides = range(len(self.spec.networks), 1, -1)
        return next((side for side in sides if self.memory(side) <= memory), 1)

    def memory(self, side: int) -> int:
        """Give the most bytes that a worker takes for a block beside its libraries: `sums_memory`."""
        return sums_memory(self, side, side, min(2 * side, len(self.spec.networks)))

    @property
    def constant(self) -> float:
        """What part of its size rounding makes of a row that is always the same.

        Rounded to k bits of the mantissa, neighbours differ by 2^-k, and that is more than what rounding to
        float32 has left: `relusweep.tasks.comparison.moments.Moments.hsic`.
        """
        precision = self.spec.precision
        bits = {"float32": 22, "float16": 10}.get(str(precision), precision)
        return max(2.0**-16, 2.0 ** (1 - int(bits)))

    @property
    def at_once(self) -> int:
        """Rows of a network that are read at a time: a chunk of the store; of patterns fewer, which grow."""
        if self.spec.form == "patterns":
            return ROWS_AT_ONCE.moments
        return Jacobians(self.spec).chunks["sample"]


def _cost(block: Block) -> float:
    """Count the pairs, each once: the moments of the training rows take most of the time."""
    sources, targets = set(block["network_from"]), set(block["network_to"])
    both = len(sources & targets)
    return float(len(sources) * len(targets) - both * (both - 1) // 2)


def sums_memory(stage: Sums, n_from: int, n_to: int, n_networks: int) -> int:
    """Most memory that a block takes: a function of the chunks, of the columns and of its networks.

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
    c, n_test = stage.maps.n_columns, stage.maps.n_test
    itemsize = 2 if stage.spec.precision == "float16" else 4
    chunk = n_networks * stage.at_once * c * itemsize
    row = Jacobians(stage.spec).chunks["output"] if stage.spec.form == "rows" else stage.maps.n_outputs
    reading = 3 * stage.at_once * row * c * itemsize  # decoded by the store, and cut to what was asked
    result = n_from * n_to * (4 * n_test + 8 * (8 + stage.spec.replicates))
    some = {step: min(rows, stage.at_once) for step, rows in ROWS_AT_ONCE._asdict().items()}
    training = chunk + reading + moments_memory(n_networks, some["moments"], 1, c, trained)
    fitting = reading + moments_memory(n_networks, 0, 1, c, trained)
    fitting += 8 * c * ((n_to + _SQUARES) * c + _COLUMNS * some["mapping"])
    of_rows = 8 * (n_networks + 2) * some["distances"] * c
    columns = chunk + reading + of_rows + moments_memory(n_networks, some["moments"], 1, c, pairs)
    halves, side = 1 + stage.spec.replicates, some["kernels"]
    kernels = 2 * chunk + reading + grams_memory(n_networks, n_test, halves, c, side, side)
    drawn = 24 * stage.spec.replicates * n_test
    return int(result + max(training, fitting, columns, kernels + drawn))
