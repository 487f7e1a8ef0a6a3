"""Blocks: the parts that a sweep is computed in, and how it is cut into them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from math import prod
from typing import Any

from relusweep.tasks.blocks import BlockResult

__all__ = ["Block", "Schedule", "Task"]

Task = tuple[Callable[[Any], BlockResult], object]
"""A function and its argument, both of which travel to a worker."""


@dataclass(frozen=True)
class Block:
    """The unit of work: a box of cells of a sweep.

    Attributes
    ----------
    sweep : str
        Its name.
    fingerprint : int
        Of the sweep.
    labels : tuple of (str, tuple of numbers)
        For every dimension the labels of the box, ascending.
    silent : frozenset of str
        Dimensions of one label in the whole sweep, which words about the block leave out.
    """

    sweep: str
    fingerprint: int
    labels: tuple[tuple[str, tuple[Any, ...]], ...]
    silent: frozenset[str] = field(default=frozenset(), compare=False)

    def __getitem__(self, dim: str) -> tuple[Any, ...]:
        """Labels along a dimension."""
        return dict(self.labels)[dim]

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes along the dimensions."""
        return tuple(len(labels) for _, labels in self.labels)

    @property
    def cells(self) -> int:
        """Results that it gives: networks, or functions measured."""
        return prod(self.shape)

    @property
    def key(self) -> str:
        """Name the block and its content: equal keys mean equal results."""
        digest = blake2b(repr(self.labels).encode(), digest_size=8).hexdigest()
        return f"{self.sweep}-{self.fingerprint:016x}-{digest}"

    def __str__(self) -> str:
        spans = ((dim, labels[0], labels[-1]) for dim, labels in self.labels if dim not in self.silent)
        return ", ".join(
            f"{dim} {a}" if a == b else f"{dim.removesuffix('s')}s {a} to {b}" for dim, a, b in spans
        )


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How the cells of a sweep are cut into blocks, and what is to be known to compute these well.

    Attributes
    ----------
    block_shape : mapping of str to int
        Largest size of a block along each axis: 1 along all but the first and the last. A block is whole
        chunks of the store where writing it is to touch no other.
    chunks : mapping of str to int
        Length of the chunks of the store; what is not given is that of a block, or all of a dimension that
        is no axis.
    divisible : bool
        Whether a part of a block can be computed alone, so that long blocks may be shared among workers.
    spans : bool
        Whether a block has consecutive labels along the last axis, and computes again what the store has in
        between. So do all divisible blocks.
    most_cells : int, optional
        Most cells of a block, where `block_shape` alone would allow more.
    cost : callable
        Estimates the cost of a block, to start the longest first and to tell the time left; by default its
        cells.
    seconds : callable, optional
        Estimates the time of a block on one thread, by what was measured on one machine; up to ten times more
        or less elsewhere. Without, the time before a first run is unknown.
    memory : callable, optional
        Estimates the bytes that computing a block fills.
    resources : mapping of str to float
        What a worker must have to compute a block, by Dask's names of resources.
    written_by_workers : frozenset of str
        Variables too large to travel: the worker that computed them writes them, whole chunks of the store,
        and only the record of what it wrote comes back. Each has all axes.
    predecessor : callable
        Names the block that must be computed before a block, which goes on from its result; None for none.
    independent_along : tuple of str
        Axes along which a block needs, of all that is required, directly or not, only the same labels: it
        begins when these are in the store. The `coordinates` need nothing that is required then.
    resume : callable, optional
        Puts what came of the block before into the argument of a task; without, the store has it.
    """

    block_shape: Mapping[str, int]
    chunks: Mapping[str, int] = field(default_factory=dict)
    divisible: bool = True
    spans: bool = False
    most_cells: int | None = None
    cost: Callable[[Block], float] = lambda block: block.cells
    seconds: Callable[[Block], float] | None = None
    memory: Callable[[Block], float] | None = None
    resources: Mapping[str, float] = field(default_factory=dict)
    written_by_workers: frozenset[str] = frozenset()
    independent_along: tuple[str, ...] = ()
    predecessor: Callable[[Block], Block | None] = lambda block: None
    resume: Callable[[Any, BlockResult], object] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "chunks", {**self.block_shape, **self.chunks})
