"""Results too large to travel: the worker that computed them hands them to a sink, as a fork of the store."""

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

__all__ = ["Sink", "SinkTask", "compute_with_sink", "store_sink"]

Sink = Callable[[Mapping[str, NDArray[np.generic]]], object]
"""Takes the large arrays of a block at the worker, and gives the receipt that travels in their place."""


class SinkTask(NamedTuple):
    """A task whose large arrays go to a sink.

    Attributes
    ----------
    task : callable
    argument : object
        Of the task.
    names : frozenset of str
        Of the large arrays; the others travel.
    sink : callable
    """

    task: Callable[[Any], BlockResult]
    argument: object
    names: frozenset[str]
    sink: Sink


def compute_with_sink(work: SinkTask) -> BlockResult:
    """Compute a block; give its small arrays, and the receipt for the large ones."""
    result = work.task(work.argument)
    large = {name: result.arrays[name] for name in work.names}
    small = {name: array for name, array in result.arrays.items() if name not in large}
    return result._replace(arrays=small, receipt=work.sink(large))


def store_sink(plan: Plan, fork: Fork) -> Callable[[Block], Sink]:
    """Let workers write the large arrays of a plan's blocks into the store.

    Parameters
    ----------
    plan : Plan
    fork : Fork
        Of its group.

    Returns
    -------
    callable
        Gives the sink of a block; raises ValueError for one that is not a single region of the store.
    """

    def sink(block: Block) -> Sink:
        (region, _), *others = plan.regions(block)
        if others:
            raise ValueError(f"{block} is not one region of the store, so that no worker can write it")
        return partial(fork.write, region)

    return sink
