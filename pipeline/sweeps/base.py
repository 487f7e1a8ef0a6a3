"""What plan, dispatch and run know of a sweep: a kind of sweep is a subclass, not more machinery."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from math import prod
from typing import Annotated, Any, ClassVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from relusweep.pipeline.common.library_versions import library_versions
from relusweep.storage import Layout, Variable
from relusweep.tasks.blocks import BlockResult

__all__ = ["Block", "Coordinate", "Sweep", "Task"]

RESULT_SCHEMA = 1
"""Part of every fingerprint: raised when the same specification comes to mean other numbers."""

Task = tuple[Callable[[Any], BlockResult], object]
"""A function and its argument, both of which travel to a worker."""

Coordinate = tuple[str | tuple[str, ...], NDArray[Any], Mapping[str, Any]]
"""Dimension or dimensions, values and attributes."""


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
    """

    sweep: str
    fingerprint: int
    labels: tuple[tuple[str, tuple[Any, ...]], ...]

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
        spans = ((dim, labels[0], labels[-1]) for dim, labels in self.labels)
        return ", ".join(f"{dim} {a}" if a == b else f"{dim}s {a} to {b}" for dim, a, b in spans)


class Sweep(BaseModel, ABC):
    """A specification: axes, which may grow without touching a finished cell, and the rest, which may not.

    Attributes
    ----------
    name : str
        Its results live in the group `group`.
    kind : str
        What its groups are told apart by: it names the report that can read them.
    growable_fields : tuple of str
        The fields that say how far the axes reach: collections of labels, or a number of labels from 0.
    unit, verb : str
        What its cells are, and what is done to them, in words.
    divisible : bool
        Whether a part of a block can be computed alone, so that long blocks may be shared among workers.
    written_by_workers : frozenset of str
        Variables too large to travel: the worker that computed them writes them, whole chunks of the store,
        and only the record of what it wrote comes back. Each has all axes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: ClassVar[str]
    growable_fields: ClassVar[tuple[str, ...]]
    unit: ClassVar[str] = "networks"
    verb: ClassVar[str] = "train"
    divisible: ClassVar[bool] = True
    written_by_workers: ClassVar[frozenset[str]] = frozenset()

    name: Annotated[str, Field(pattern=r"^[A-Za-z][\w-]*$", description="letters, digits, _ and -")]

    @property
    def names_code(self) -> bool:
        """Whether it names code of the user's own by an import path."""
        return False

    @property
    @abstractmethod
    def group(self) -> str:
        """Where its results live in the store."""

    @property
    @abstractmethod
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Labels of every dimension, each once, the dimensions in the order of the store."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""

    @property
    @abstractmethod
    def block_shape(self) -> Mapping[str, int]:
        """Largest size of a block along each dimension: 1 along all but the first and the last.

        A block is whole `chunks` of the store where writing it is to touch no other.
        """

    @property
    def chunks(self) -> Mapping[str, int]:
        """Length of the chunks of the store along each dimension, all of it where not named."""
        return self.block_shape

    @property
    @abstractmethod
    def variables(self) -> Mapping[str, Variable]:
        """What is stored of every cell; a task gives exactly these.

        Their dimensions are those of the axes, and behind them others, whose labels `coordinates` gives.
        Where blocks are not divisible, a variable may lack axes: the block that comes last decides.
        """

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Sweeps that must be complete before the `coordinates` and tasks of this one can be given."""
        return ()

    @property
    def resources(self) -> Mapping[str, float]:
        """What a worker must have to compute a block, by Dask's names of resources."""
        return {}

    @property
    @abstractmethod
    def title(self) -> str:
        """What its group is, in words."""

    @abstractmethod
    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Give the coordinates of its group, at least the `axes`; the store has all that it `requires`."""

    def layout(self, store: str) -> Layout:
        """Describe its group: every axis is a dimension, progress is kept for every cell."""
        return Layout(
            group=self.group,
            coords=xr.Dataset(coords=self.coordinates(store)),
            variables=self.variables,
            chunks=self.chunks,
            attrs={
                "Conventions": "CF-1.12",
                "title": self.title,
                "kind": self.kind,
                "specification": self.specification,
                "versions": json.dumps(library_versions()),
            },
            progress_dims=tuple(self.axes),
        )

    @abstractmethod
    def task(self, block: Block, store: str) -> Task:
        """Give what computes a block; the store has all that the sweep `requires`."""

    def predecessor(self, block: Block) -> Block | None:
        """Name the block that must be computed before this one, which goes on from its result."""
        return None

    def resume(self, argument: Any, before: BlockResult) -> object:
        """Put what came of the block before into the argument of a task; else the store has it."""
        raise NotImplementedError(f"no block of {self.kind} follows another")

    def check(self) -> None:
        """Raise `InvalidSweep` where the fields, each allowed, cannot be met together or with the data."""

    @abstractmethod
    def cost(self, block: Block) -> float:
        """Estimate the cost of a block, to start the longest first and to tell the time left."""

    def successes(self, result: BlockResult) -> int | None:
        """Count the cells of a block that succeeded; None where there is nothing to succeed in."""
        epochs = result.arrays.get("success_epoch")
        return None if epochs is None else int(np.sum(epochs.astype(np.int64) >= 0))

    def compile_key(self, block: Block) -> Hashable:
        """Name what a worker must compile for a block; blocks of different names begin side by side."""
        return None

    @property
    def n_cells(self) -> int:
        """Cells in all."""
        return prod(self.shape)

    @property
    def bytes_per_cell(self) -> int:
        """Before compression; with ``done`` and the fingerprint, which the store adds."""
        return sum(np.dtype(variable.dtype).itemsize for variable in self.variables.values()) + 9

    def identity(self) -> dict[str, Any]:
        """Everything that decides a cell's numbers besides its place on the axes, JSON-able."""
        return self.model_dump(mode="json", exclude=set(self.growable_fields))

    @property
    def specification(self) -> str:
        """The identity and how far the axes reach, as JSON: what the store keeps."""
        return json.dumps(
            {**self.identity(), **self.model_dump(mode="json", include=set(self.growable_fields))}
        )

    @property
    def fingerprint(self) -> int:
        """64 bits of the identity and of the schema of results: the same however far the axes extend."""
        text = json.dumps([RESULT_SCHEMA, self.identity()], sort_keys=True)
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
