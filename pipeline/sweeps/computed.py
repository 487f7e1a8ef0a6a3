"""A sweep of a quantity: what is computed of labels, without training anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.base import Coordinate, Sweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.storage.layout import Variable
from relusweep.tasks.axes import axes_of, is_fixed, listed
from relusweep.tasks.quantities import Quantity, QuantityBlock, compute_block

__all__ = ["ComputedSweep"]


@dataclass(frozen=True)
class ComputedSweep(Sweep):
    """A sweep of a quantity, which is its specification; see `relusweep.tasks.quantities`."""

    spec: Quantity

    def with_spec(self, spec: Quantity) -> Self:
        """Make another one, of another quantity."""
        return type(self)(spec)

    @property
    def name(self) -> str:
        """Name of the sweep."""
        return self.spec.name

    @property
    def kind(self) -> str:
        """That of the quantity: the name of its module."""
        return self.spec.kind

    @property
    def unit(self) -> str:
        """What its cells are, in words."""
        return self.spec.unit

    @property
    def verb(self) -> str:
        """What is done to them."""
        return self.spec.verb

    @property
    def growable_fields(self) -> tuple[str, ...]:
        """Its axes, and what else says how far labels reach."""
        return (*self.spec.extent, *axes_of(self.spec))

    @property
    def group(self) -> str:
        """Where its results live in the store."""
        return f"{self.spec.folder}/{self.name}"

    @property
    def title(self) -> str:
        """What its group is, in words."""
        return self.spec.title

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Labels of its axes."""
        return {dim: labels for dim, (labels, _) in self.spec.axes.items()}

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of its axes."""
        return self.spec.shape

    @property
    def fixed(self) -> Mapping[str, str]:
        """Axes that were given as one value: they open as scalar coordinates."""
        only = {name: mark for name, mark in axes_of(self.spec).items() if is_fixed(getattr(self.spec, name))}
        return {mark.dim or name: mark.written(getattr(self.spec, name)[0]) for name, mark in only.items()}

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Which axes are fixed."""
        return {"fixed": list(self.fixed)} if self.fixed else {}

    @property
    def inner(self) -> Mapping[str, NDArray[Any]]:
        """Labels of the dimensions that variables have behind the axes."""
        return {dim: labels for dim, (labels, _) in self.spec.inner().items()}

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What the quantity keeps of every cell."""
        axes = tuple(self.spec.axes)
        return {
            name: Variable((*axes, *dims), dtype, fill, attrs)
            for name, (dims, dtype, fill, attrs) in self.spec.variables().items()
        }

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Give the labels, and what is known of them."""
        labels = {**self.spec.axes, **self.spec.inner()}
        return {**{dim: (dim, *of) for dim, of in labels.items()}, **self.spec.coordinates()}

    def joined(self, name: str, stored: Any, asked: Any) -> Any:
        """Join labels: an axis that has one value in both stays fixed."""
        if name in axes_of(self.spec):
            return stored if stored == asked else [*listed(stored), *listed(asked)]
        return super().joined(name, stored, asked)

    @property
    def result_schema(self) -> int:
        """That of the quantity."""
        return self.spec.result_schema

    @property
    def wanted(self) -> NDArray[np.bool_] | None:
        """Which cells there are."""
        return self.spec.wanted

    @property
    def notes(self) -> Sequence[str]:
        """What the quantity says."""
        return self.spec.notes()

    def check(self) -> None:
        """Refuse what the quantity refuses."""
        try:
            self.spec.check()
        except ValueError as error:
            raise InvalidSweep(f"{self.name}: {error}") from None

    def task(self, block: Block, store: str) -> Task:
        """Give what computes a block."""
        return compute_block, QuantityBlock(self.spec, dict(block.labels))

    @property
    def schedule(self) -> Schedule:
        """Blocks of as many labels as the quantity says."""
        return Schedule(
            block_shape={**dict.fromkeys(self.spec.axes, 1), **self.spec.block_shape()},
            cost=lambda block: self.spec.cost(dict(block.labels)),
        )
