"""What plan, dispatch and run know of a sweep: what it is, how a block is computed, how blocks run."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from relusweep.pipeline.common.library_versions import library_versions
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task

if TYPE_CHECKING:
    import xarray as xr

    from relusweep.pipeline.sweeps.until import Until
    from relusweep.storage.layout import Layout, Variable

__all__ = ["Coordinate", "Specification", "SpecifiedSweep", "Sweep"]

_PROGRESS_BYTES = 9  # of `done` and the fingerprint, which the store adds to every cell

Coordinate = tuple[str | tuple[str, ...], NDArray[Any], Mapping[str, Any]]
"""Dimension or dimensions, values and attributes."""


class Specification(BaseModel):
    """What a user writes: named fields, validated.

    Attributes
    ----------
    growable_fields : tuple of str
        The fields that say how far the axes reach: collections of labels, or a number of labels from 0.
        They may grow without touching a finished cell; the rest may not change.
    instead : mapping of str to str
        What to write in place of fields that other specifications have, in words.
    name : str
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    growable_fields: ClassVar[tuple[str, ...]]
    instead: ClassVar[Mapping[str, str]] = {}

    name: Annotated[
        str, Field(pattern=r"^[A-Za-z][\w-]*$", description="letters, digits, _ and -, a letter first")
    ]


class Sweep(ABC):
    """A sweep, or a stage of one.

    Below, in this order: what it is, how a block is computed, how blocks are scheduled, and what follows from
    these. A sweep must give `kind`, `axes`, `variables`, `task` and `schedule`, and its specification.

    Attributes
    ----------
    name : str
    kind : str
        What its groups are told apart by: it names the report that can read them.
    dim_attrs : mapping of str to mapping
        Attributes of the labels of dimensions, where there are some.
    spec : pydantic model
        What it was made of.
    growable_fields : tuple of str
        Those of the fields of its specification that say how far its axes reach.
    """

    dim_attrs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    if TYPE_CHECKING:  # fields, or what a class says

        @property
        def kind(self) -> str: ...  # noqa: D102
        @property
        def name(self) -> str: ...  # noqa: D102
        @property
        def spec(self) -> BaseModel: ...  # noqa: D102
        @property
        def growable_fields(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def unit(self) -> str:
        """What its cells are, in words."""
        return "networks"

    @property
    def verb(self) -> str:
        """What is done to them."""
        return "train"

    @abstractmethod
    def with_spec(self, spec: Any) -> Self:
        """Make another one of the kind, of another specification."""

    def full_path(self, path: tuple[str, ...], value: Any) -> tuple[str, ...]:
        """Give the path, from the root of the specification, of a field that is to get a value."""
        return path

    @property
    def names_code(self) -> bool:
        """Whether it names code of the user's own by an import path."""
        return bool(self.own_code)

    @property
    def own_code(self) -> tuple[str, ...]:
        """Name the code of the user's own that it needs, as ``module:name``."""
        return ()

    @property
    def pinned(self) -> tuple[str, ...]:
        """Coordinates that hold what such code gave, to be told when it gives something else."""
        return ()

    def check_pinned(self, stored: xr.Dataset) -> None:  # noqa: B027
        """Raise `SpecificationChanged` where the pinned coordinates of its group are others now."""

    @property
    def group(self) -> str:
        """Where its results live in the store."""
        return f"{self.kind}/{self.name}"

    @property
    def report_group(self) -> str:
        """Where what its report is of lives: its group, or the tree of all stages that it is one of."""
        return self.group

    @property
    def title(self) -> str:
        """What its group is, in words."""
        return f"{self.kind.capitalize()} sweep {self.name}"

    @property
    @abstractmethod
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Labels of every dimension of the cells, each once, in the order of the store."""

    @property
    def inner(self) -> Mapping[str, NDArray[Any]]:
        """Labels of the dimensions that variables have behind the axes."""
        return {}

    @property
    @abstractmethod
    def variables(self) -> Mapping[str, Variable]:
        """What is stored of every cell; a task gives exactly these.

        Their dimensions are those of the axes, and behind them inner ones. Where blocks are not divisible, a
        variable may lack axes: the block that comes last decides.
        """

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Sweeps that must be complete before the `coordinates` and tasks of this one can be given."""
        return ()

    @property
    def roots(self) -> tuple[Sweep, ...]:
        """What a run of it computes, beside what that requires: itself, or others in its place."""
        return (self,)

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Say what is known of labels, `axes` and `inner` among it; the store has all that it `requires`."""
        labels = {**self.axes, **self.inner}
        return {dim: (dim, values, self.dim_attrs.get(dim, {})) for dim, values in labels.items()}

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Attributes of its group, JSON-able, beside those that all have."""
        return {}

    def identity(self) -> dict[str, Any]:
        """Everything that decides a cell's numbers besides its place on the axes, JSON-able."""
        return self.spec.model_dump(mode="json", exclude=set(self.growable_fields))

    def extent(self) -> dict[str, Any]:
        """How far the axes reach, JSON-able: the rest of the specification."""
        return self.spec.model_dump(mode="json", include=set(self.growable_fields))

    def parted(self, stored: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Split a specification that a store keeps into identity and extent."""
        growable = set(self.growable_fields)
        return (
            {key: value for key, value in stored.items() if key not in growable},
            {key: value for key, value in stored.items() if key in growable},
        )

    def with_extent(self, extent: Mapping[str, Any]) -> Self:
        """Make the sweep whose axes reach so far."""
        spec = self.spec
        return self.with_spec(type(spec).model_validate({**spec.model_dump(), **extent}))

    def union(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Join its extent with a stored one."""
        return {name: self.joined(name, stored[name], asked) for name, asked in self.extent().items()}

    def joined(self, name: str, stored: Any, asked: Any) -> Any:
        """Join what stands under a name in two extents: numbers of labels, labels, or what labels have."""
        if isinstance(asked, int):
            return max(stored, asked)
        if isinstance(asked, dict):
            return {**stored, **asked}
        return "all" if "all" in (stored, asked) else (*stored, *asked)

    @property
    def fixed(self) -> Mapping[str, str]:
        """Axes that open as scalar coordinates, since they were given as one value, and this in words."""
        return {}

    @property
    def wanted(self) -> NDArray[np.bool_] | None:
        """Which cells are asked for, along all axes, of length one where it does not matter; None: all."""
        return None

    @property
    def until(self) -> Until | None:
        """When each setting, a combination of labels of all axes but the last, has enough cells."""
        return None

    def reaching(self, trials: int) -> Self:
        """Make the sweep whose last axis reaches so far, where `until` says how far it may."""
        return self

    @property
    def notes(self) -> Sequence[str]:
        """What is to be known before a run, in sentences."""
        return ()

    def check(self) -> None:  # noqa: B027  (most have nothing to check)
        """Raise `InvalidSweep` where the fields, each allowed, cannot be met together or with the data."""

    @abstractmethod
    def task(self, block: Block, store: str) -> Task:
        """Give what computes a block; the store has all that the sweep `requires`."""

    @property
    @abstractmethod
    def schedule(self) -> Schedule:
        """How its cells are cut into blocks, and these are scheduled."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes; to be overridden where counting labels is cheaper than listing them."""
        return tuple(map(len, self.axes.values()))

    @final
    @property
    def n_cells(self) -> int:
        """Cells in all."""
        return prod(self.shape)

    @final
    @property
    def most_cells(self) -> int:
        """Cells asked for, if `until` never held before its most."""
        return self.n_wanted if self.until is None else self.n_wanted // self.shape[-1] * self.until.most

    @final
    @property
    def bytes_per_cell(self) -> int:
        """Before compression, what is kept once for many cells divided among them."""
        sizes = {dim: len(labels) for dim, labels in {**self.axes, **self.inner}.items()}
        stored = sum(
            np.dtype(variable.dtype).itemsize * prod(sizes[dim] for dim in variable.dims)
            for variable in self.variables.values()
        )
        return stored // max(1, self.n_cells) + _PROGRESS_BYTES

    @final
    @property
    def n_wanted(self) -> int:
        """Cells asked for."""
        wanted = self.wanted
        return self.n_cells if wanted is None else int(wanted.sum()) * (self.n_cells // max(1, wanted.size))

    @property
    def specification(self) -> str:
        """The identity and how far the axes reach, as JSON: what the store keeps."""
        return json.dumps({**self.identity(), **self.extent()})

    @property
    def result_schema(self) -> int:
        """Part of the fingerprint: raised when the same specification comes to mean other numbers."""
        return 1

    @cached_property
    def fingerprint(self) -> int:
        """64 bits of the identity and of the schema of results: the same however far the axes extend."""
        text = json.dumps([self.result_schema, self.identity()], sort_keys=True)
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())

    @final
    def layout(self, store: str) -> Layout:
        """Describe its group: every axis is a dimension, progress is kept for every cell."""
        import xarray as xr

        from relusweep.storage.layout import Layout

        return Layout(
            group=self.group,
            coords=xr.Dataset(coords=self.coordinates(store)),
            variables=self.variables,
            chunks=self.schedule.chunks,
            attrs={
                "Conventions": "CF-1.12",
                "title": self.title,
                "kind": self.kind,
                "specification": self.specification,
                "result_schema": self.result_schema,
                "versions": json.dumps(library_versions()),
                **self.attrs,
            },
            progress_dims=tuple(self.axes),
        )


class SpecifiedSweep(Specification, Sweep):
    """A sweep that is its own specification: its fields are what a user writes."""

    @property
    def spec(self) -> Self:
        """Itself."""
        return self

    def with_spec(self, spec: Self) -> Self:
        """Give the other one."""
        return spec

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy it, perhaps with other fields, and so without what is known of these."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied
