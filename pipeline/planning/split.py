"""How threads share a plan: long blocks are computed in parts, side by side, and put together again.

A block is a chunk of the store, whatever it costs: a long one would keep one thread busy when the others have
nothing left to do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from dataclasses import dataclass, field
from math import ceil, gcd
from typing import NamedTuple

import numpy as np

from relusweep.pipeline.common.usage import Span
from relusweep.pipeline.planning.plan import Plan
from relusweep.pipeline.sweeps.base import Block, Sweep
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.compiled import LANES

__all__ = ["SplitBlock", "SubBlock", "cut", "partition"]

# At the end threads wait for one another no longer than a part takes: a sixteenth of the run.
_PARTS_PER_THREAD = 16


@dataclass
class SplitBlock:
    """A block in parts, and what has come of them.

    Attributes
    ----------
    block : Block
    parts : list of Block
        As `cut` gives them.
    failed : bool
        Whether one has: the others are of no use then.
    """

    block: Block
    parts: list[Block]
    failed: bool = False
    _came: dict[int, tuple[BlockResult, Span]] = field(default_factory=dict)

    def add(self, number: int, result: BlockResult, span: Span) -> bool:
        """Take what a part gives; true when it was the last."""
        self._came[number] = result, span
        return len(self._came) == len(self.parts)

    @property
    def spans(self) -> tuple[Span, ...]:
        """When the parts were computed that have come, and by whom."""
        return tuple(span for _, span in self._came.values())

    def result(self, sweep: Sweep) -> BlockResult:
        """Put all parts together.

        Parameters
        ----------
        sweep : Sweep
            Whose block it is.

        Returns
        -------
        BlockResult
            Arrays over all dimensions of the block and then those of the variable alone; tasks of divisible
            sweeps may leave out dimensions of one label.
        """
        results = [self._came[number][0] for number in range(len(self.parts))]
        if not sweep.schedule.divisible:
            return results[0]
        arrays, variables = {}, sweep.variables
        for name in results[0].arrays:
            alone = len(variables[name].dims) - len(self.block.shape)
            pieces = [
                array.reshape(*part.shape, *array.shape[array.ndim - alone :])
                for part, array in zip(self.parts, (result.arrays[name] for result in results), strict=True)
            ]
            arrays[name] = np.concatenate(pieces, _longest(self.block))
        epochs, kernels, compiling = (sum(cost) for cost in zip(*(r[1:4] for r in results), strict=True))
        return BlockResult(arrays, epochs, kernels, compiling)


class SubBlock(NamedTuple):
    """One of the parts of a block."""

    whole: SplitBlock
    number: int

    @property
    def block(self) -> Block:
        """What is to be computed."""
        return self.whole.parts[self.number]


def partition(plan: Plan, threads: int) -> list[SubBlock]:
    """Give the blocks of a plan in the order in which to begin them, the long ones in parts.

    Each kernel comes once before one comes again, since workers compile kernels and share them on disk:
    those that begin one side by side would all compile it. Beyond that, the plan's order stays.

    Parameters
    ----------
    plan : Plan
    threads : int
        How many compute at a time.
    """
    schedule = plan.sweep.schedule
    work = [schedule.cost(block) for block in plan.blocks]
    most = sum(work) / (threads * _PARTS_PER_THREAD)
    begun: set[Hashable] = set()
    first: list[SubBlock] = []
    others: list[SubBlock] = []
    for block, its_work in zip(plan.blocks, work, strict=True):
        parts = cut(block, ceil(its_work / most)) if schedule.divisible else [block]
        whole, kernel = SplitBlock(block, parts), schedule.compile_key(block)
        for number in range(len(whole.parts)):
            (others if kernel in begun else first).append(SubBlock(whole, number))
            begun.add(kernel)
    return first + others


def cut(block: Block, n: int) -> list[Block]:
    """Cut a block along its longest dimension into at most `n` parts, whose networks fill the lanes."""
    at = _longest(block)
    dim, labels = block.labels[at]
    filling = LANES // gcd(LANES, block.cells // len(labels))
    size = ceil(ceil(len(labels) / n) / filling) * filling
    spans = (labels[start : start + size] for start in range(0, len(labels), size))
    before, after = block.labels[:at], block.labels[at + 1 :]
    return [dataclasses.replace(block, labels=(*before, (dim, span), *after)) for span in spans]


def _longest(block: Block) -> int:
    return int(np.argmax(block.shape))
