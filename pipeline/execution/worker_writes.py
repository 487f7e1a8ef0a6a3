"""Results too large to travel: the worker that computed them hands them to a sink, as a fork of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.planning.plan import Plan
from relusweep.pipeline.sweeps.base import Block
from relusweep.storage import Fork
from relusweep.tasks.blocks import BlockResult

__all__ = ["Sink", "compute_with_sink", "store_sink"]

Sink = Callable[[Mapping[str, NDArray[np.generic]]], object]
"""Takes the large arrays of a block at the worker, and gives the receipt that travels in their place."""


def compute_with_sink(
    task: Callable[[Any], BlockResult], names: Iterable[str], sink: Sink, argument: object
) -> BlockResult:
    """Compute a block; give its small arrays, and the receipt of a sink for those that are named."""
    result = task(argument)
    large = {name: result.arrays[name] for name in names}
    small = {name: array for name, array in result.arrays.items() if name not in large}
    return result._replace(arrays=small, receipt=sink(large))


def store_sink(plan: Plan, fork: Fork) -> Callable[[Block], Sink]:
    """Let workers write the large arrays of a plan's blocks into a fork of the store.

    What it gives makes the sink of a block, and raises ValueError for one that is not a single region.
    """

    def sink(block: Block) -> Sink:
        (region, _), *others = plan.regions(block)
        if others:
            raise ValueError(f"{block} is not one region of the store, so that no worker can write it")
        return partial(fork.write, region)

    return sink
