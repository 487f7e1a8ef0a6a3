"""How threads share a plan: long blocks are computed as sub-blocks, side by side, and put together again.

A block is a chunk of the store, whatever it costs: a long one would keep one thread busy when the others have
nothing left to do.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from math import ceil, gcd
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.common.usage import Span
from relusweep.pipeline.planning.plan import Plan
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.compiled import LANES

__all__ = ["SplitBlock", "SubBlock", "cut", "partition"]


@dataclass
class SplitBlock:
    """A block cut into sub-blocks, and what has come of them.

    Attributes
    ----------
    block : Block
    pieces : list of Block
        As `cut` gives them.
    failed : bool
        Whether one has: the others are of no use then.
    """

    block: Block
    pieces: list[Block]
    failed: bool = False
    _came: dict[int, tuple[BlockResult, Span]] = field(default_factory=dict)

    def add(self, number: int, result: BlockResult, span: Span) -> bool:
        """Take the result of a sub-block; true when it was the last."""
        self._came[number] = result, span
        return len(self._came) == len(self.pieces)

    @property
    def spans(self) -> tuple[Span, ...]:
        """When the sub-blocks that have come were computed, and by whom."""
        return tuple(span for _, span in self._came.values())

    def result(self, sweep: Sweep) -> BlockResult:
        """Put the results of all sub-blocks together.

        Parameters
        ----------
        sweep : Sweep
            Whose block it is.

        Returns
        -------
        BlockResult
            Arrays over all dimensions of the block and then those of the variable alone; tasks may leave out
            dimensions of one label.
        """
        results = [self._came[number][0] for number in range(len(self.pieces))]
        if not sweep.schedule.divisible:
            (result,) = results
            return result._replace(arrays=self._shaped(sweep, self.block, result))
        parts = [self._shaped(sweep, *pair) for pair in zip(self.pieces, results, strict=True)]
        arrays = {
            name: np.concatenate([part[name] for part in parts], _longest(self.block)) for name in parts[0]
        }
        epochs, kernels, compiling = (sum(cost) for cost in zip(*(r[1:4] for r in results), strict=True))
        return BlockResult(arrays, epochs, kernels, compiling)

    @staticmethod
    def _shaped(sweep: Sweep, piece: Block, result: BlockResult) -> dict[str, NDArray[np.generic]]:
        sizes = dict(zip((dim for dim, _ in piece.labels), piece.shape, strict=True))
        found = {}
        for name, array in result.arrays.items():
            outer = [sizes[dim] for dim in sweep.variables[name].dims if dim in sizes]
            alone = len(sweep.variables[name].dims) - len(outer)
            found[name] = array.reshape(*outer, *array.shape[array.ndim - alone :])
        return found


class SubBlock(NamedTuple):
    """A piece of a split block, the unit that goes to a worker."""

    split: SplitBlock
    number: int

    @property
    def block(self) -> Block:
        """What is to be computed."""
        return self.split.pieces[self.number]


def partition(plan: Plan, threads: int, per_thread: float = 16.0) -> list[SubBlock]:
    """Give the blocks of a plan in its order, the long ones cut into sub-blocks.

    Parameters
    ----------
    plan : Plan
    threads : int
        How many compute at a time.
    per_thread : float
        No sub-block takes longer than the plan takes, divided by `threads` and by this: so long do threads
        wait for one another at its end.
    """
    schedule = plan.sweep.schedule
    work = [schedule.cost(block) for block in plan.blocks]
    most = sum(work) / (threads * per_thread)
    found: list[SubBlock] = []
    for block, its_work in zip(plan.blocks, work, strict=True):
        pieces = cut(block, ceil(its_work / most)) if schedule.divisible else [block]
        split = SplitBlock(block, pieces)
        found += [SubBlock(split, number) for number in range(len(pieces))]
    return found


def cut(block: Block, n: int, lanes: int = LANES) -> list[Block]:
    """Cut a block along its longest dimension into at most `n` pieces, whose networks fill the lanes."""
    at = _longest(block)
    dim, labels = block.labels[at]
    filling = lanes // gcd(lanes, block.cells // len(labels))
    size = ceil(ceil(len(labels) / n) / filling) * filling
    spans = (labels[start : start + size] for start in range(0, len(labels), size))
    before, after = block.labels[:at], block.labels[at + 1 :]
    return [dataclasses.replace(block, labels=(*before, (dim, span), *after)) for span in spans]


def _longest(block: Block) -> int:
    return int(np.argmax(block.shape))
