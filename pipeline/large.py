"""Results too large to travel: the worker that computed them writes them into the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from storage import Fork
from tasks.blocks import BlockResult

__all__ = ["Large", "write_large"]


class Large(NamedTuple):
    """A task, and where what it gives is written.

    Attributes
    ----------
    task : callable
    argument : object
        Of the task.
    fork : Fork
        Of the group.
    region : dict of slice
        Where the block lies in the group: whole chunks.
    names : frozenset of str
        What the worker writes; the rest travels.
    """

    task: Callable[[Any], BlockResult]
    argument: object
    fork: Fork
    region: Mapping[str, slice]
    names: frozenset[str]


def write_large(large: Large) -> BlockResult:
    """Compute a block and write its large arrays; give the small ones, and the record of what was written."""
    result = large.task(large.argument)
    ours = {name: result.arrays[name] for name in large.names}
    travelling = {name: array for name, array in result.arrays.items() if name not in ours}
    return result._replace(arrays=travelling, written=large.fork.write(large.region, ours))
