"""Results too large to travel: the worker that computed them hands them to a sink, as a fork of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.planning.plan import Plan
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.storage import Fork, WriteReceipt
from relusweep.tasks.blocks import BlockResult

__all__ = ["Sink", "compute_with_sink", "store_sink"]

Sink = Callable[[Mapping[str, NDArray[np.generic]]], object]
"""Takes the large arrays of a block at the worker, and gives the receipt that travels in their place; None
where it does not take them."""


def compute_with_sink(
    task: Callable[[Any], BlockResult], names: Iterable[str], sink: Sink, argument: object
) -> BlockResult:
    """Compute a block; give its small arrays, and the receipt of a sink for those that are named."""
    result = task(argument)
    large = {name: result.arrays[name] for name in names}
    receipt = sink(large)
    if receipt is None:
        return result
    small = {name: array for name, array in result.arrays.items() if name not in large}
    return result._replace(arrays=small, receipt=receipt)


def store_sink(plan: Plan, fork: Fork) -> Callable[[Block], Sink | None]:
    """Let workers write the large arrays of a plan's blocks into a fork of the store.

    What it gives makes the sink of a block; None where that is not one region. What is not whole chunks of
    the store, as where an axis has grown within one, travels.
    """
    inner = {dim: len(labels) for dim, labels in plan.stored.inner.items()}
    dims = {name: plan.stored.variables[name].dims for name in plan.sweep.schedule.written_by_workers}

    def sink(block: Block) -> Sink | None:
        (region, _), *others = plan.regions(block)
        sizes = {**inner, **dict(zip((dim for dim, _ in block.labels), block.shape, strict=True))}
        shapes = {name: tuple(sizes[dim] for dim in of) for name, of in dims.items()}
        return None if others else partial(_write, fork, region, shapes)

    return sink


def _write(
    fork: Fork,
    region: Mapping[str, slice],
    shapes: Mapping[str, tuple[int, ...]],
    arrays: Mapping[str, NDArray[np.generic]],
) -> WriteReceipt | None:
    """Write arrays, which may lack dimensions of one label."""
    if not fork.takes(region, arrays):
        return None
    return fork.write(region, {name: array.reshape(shapes[name]) for name, array in arrays.items()})
