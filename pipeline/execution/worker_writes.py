"""Results too large to travel: what is done with them is done by the worker that computed them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.planning.plan import Plan
from relusweep.pipeline.sweeps.base import Block
from relusweep.storage import Fork
from relusweep.tasks.blocks import BlockResult

__all__ = ["Keep", "Large", "compute_large", "writing"]

Keep = Callable[[Mapping[str, NDArray[np.generic]]], object]
"""Takes the large arrays of a block at the worker, and gives what travels in their stead."""


class Large(NamedTuple):
    """A task, and what is done with its large arrays.

    Attributes
    ----------
    task : callable
    argument : object
        Of the task.
    names : frozenset of str
        Of the large arrays; the rest travels.
    keep : callable
    """

    task: Callable[[Any], BlockResult]
    argument: object
    names: frozenset[str]
    keep: Keep


def compute_large(large: Large) -> BlockResult:
    """Compute a block; give its small arrays, and what has become of the large ones."""
    result = large.task(large.argument)
    ours = {name: result.arrays[name] for name in large.names}
    travelling = {name: array for name, array in result.arrays.items() if name not in ours}
    return result._replace(arrays=travelling, receipt=large.keep(ours))


def writing(plan: Plan, fork: Fork) -> Callable[[Block], Keep]:
    """Let workers write the large arrays of a plan's blocks into the store.

    Parameters
    ----------
    plan : Plan
    fork : Fork
        Of its group.

    Returns
    -------
    callable
        Raises ValueError for a block that is not one region of the store.
    """

    def keep(block: Block) -> Keep:
        (region, _), *others = plan.regions(block)
        if others:
            raise ValueError(f"{block} is not one region of the store, so that no worker can write it")
        return partial(fork.write, region)

    return keep
