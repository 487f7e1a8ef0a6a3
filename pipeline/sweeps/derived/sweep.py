"""A sweep over stored networks: what a probe finds of a selection of them, in a group beside theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PlainValidator, SerializeAsAny

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.base import Block, Coordinate, Schedule, Specification, Sweep, Task
from relusweep.pipeline.sweeps.derived.source import Source
from relusweep.pipeline.sweeps.kinds import read_comparison, read_probes
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage.layout import Variable
from relusweep.tasks.pairs import Comparison
from relusweep.tasks.probes import END, Probe

if TYPE_CHECKING:
    from relusweep.tasks.derived_block import DerivedBlock

__all__ = ["Derivation", "DerivedSweep"]

_BYTES_A_BLOCK = 2**26
_LARGE = 2**20
_LABELS = "label "


Function = Probe | Comparison
"""What is found of each network, or of each pair of networks."""


def _read_function(value: Any) -> Function:
    if isinstance(value, Comparison):
        return value
    if found := read_comparison(value):
        return found
    (probe,) = read_probes([value])
    return probe


class Derivation(Specification):
    """What is derived of which networks.

    Attributes
    ----------
    name : str
        Of the group, behind that of the networks and a dot.
    source : TrainingSweep
        That the networks are of.
    labels : mapping of str to label or list
        Along every axis of the source; one that is no list opens as a scalar coordinate.
    first_success : bool
        Of each setting only the first trial that succeeded.
    function : Probe or Comparison
    """

    source: TrainingSweep
    labels: Mapping[str, Any]
    first_success: bool = False
    function: Annotated[
        SerializeAsAny[Function], PlainValidator(_read_function), Field(description="a probe or a comparison")
    ]


@dataclass(frozen=True)
class DerivedSweep(Sweep):
    """A probe of stored networks.

    Attributes
    ----------
    spec : Derivation
    networks : Source
        Where they are.
    kept : ndarray of bool, optional
        Which networks of these labels are asked for, along all axes of the source, of length one where it
        does not matter; by default all.
    """

    kind: ClassVar[str] = "derived"
    verb: ClassVar[str] = "measure"

    spec: Derivation
    networks: Source
    kept: NDArray[np.bool_] | None = field(default=None, compare=False)

    def with_spec(self, spec: Derivation) -> Self:
        """Derive something else of the same group; with other labels, of all networks that they say."""
        return replace(self, spec=spec, kept=self.kept if spec.labels == self.spec.labels else None)

    @cached_property
    def source(self) -> TrainingSweep:
        """The sweep of the networks, with as many trials as are chosen of."""
        return self.spec.source.reaching(1 + max(listed_labels(self.spec.labels["trial"])))

    @property
    def name(self) -> str:
        """That of the networks' sweep, and its own."""
        return f"{self.source.name}.{self.spec.name}"

    @property
    def group(self) -> str:
        """Beside that of the networks."""
        return f"{self.networks.group}.{self.spec.name}"

    @property
    def title(self) -> str:
        """What its group is, in words."""
        return f"{self.spec.function.kind} of {self.source.title}"

    @property
    def names_code(self) -> bool:
        """Whether the function, or what the networks learn, is of the user's own."""
        return bool(self.source.own_code or self.spec.function.own_code)

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Labels of the axes of the source, as far as they are chosen."""
        return self.network_axes

    @cached_property
    def network_axes(self) -> Mapping[str, NDArray[Any]]:
        """Labels of the axes of the source, as far as they are chosen."""
        chosen = {dim: set(listed_labels(some)) for dim, some in self.spec.labels.items()}
        return {
            dim: labels[[label in chosen[dim] for label in labels.tolist()]]
            for dim, labels in self.source.axes.items()
        }

    @cached_property
    def _inner(self) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        return self.spec.function.inner(self.source.largest)

    @property
    def inner(self) -> Mapping[str, NDArray[Any]]:
        """Labels of the dimensions that the function adds."""
        return {dim: labels for dim, (labels, _) in self._inner.items()}

    @cached_property
    def variables(self) -> Mapping[str, Variable]:
        """What the function keeps of every network."""
        axes = tuple(self.axes)
        return {
            name: Variable((*axes, *dims), dtype, fill, attrs)
            for name, (dims, dtype, fill, attrs) in self.spec.function.variables(self.source.largest).items()
        }

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Give what the source knows of its labels, and the labels that the function adds."""
        return self._coordinates(self.axes)

    def _coordinates(self, of: Mapping[str, NDArray[Any]]) -> dict[str, Coordinate]:
        known = self.networks.coordinates(of)
        axes: dict[str, Coordinate] = {
            dim: (dim, labels, {}) for dim, labels in of.items() if dim not in known
        }
        return {**known, **axes, **{dim: (dim, *of) for dim, of in self._inner.items()}}

    @property
    def fixed(self) -> Mapping[str, str]:
        """Axes of which one label is chosen, not a list."""
        return {dim: str(label) for dim, label in self.spec.labels.items() if not isinstance(label, list)}

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Which axes are fixed, and of what it is derived."""
        known = self.networks.dataset.attrs.get("paired_along", [])
        return {"fixed": list(self.fixed), "paired_along": known, "derived_of": self.networks.group}

    @property
    def probe(self) -> Probe:
        """What is found of each network."""
        assert isinstance(self.spec.function, Probe)  # see `derived`
        return self.spec.function

    # How far it reaches

    @property
    def result_schema(self) -> int:
        """That of the function."""
        return self.spec.function.result_schema

    def identity(self) -> dict[str, Any]:
        """Give the function, and of which networks it is, as the store names their specification."""
        function = self.spec.function.model_dump(mode="json")
        of = f"{self.networks.fingerprint:016x}"
        which = {"first_success": True} if self.spec.first_success else {}
        return {
            "name": self.spec.name,
            "of": self.networks.group,
            "networks": of,
            "function": function,
            **which,
        }

    def extent(self) -> dict[str, Any]:
        """Give the labels of each axis, and the sweep of the networks."""
        labels = {f"{_LABELS}{dim}": some for dim, some in self.spec.labels.items()}
        return {**labels, "source": self.source.model_dump_json()}

    @property
    def growable_fields(self) -> tuple[str, ...]:
        """Names of what `extent` gives."""
        return tuple(self.extent())

    def joined(self, name: str, stored: Any, asked: Any) -> Any:
        """Join labels; the source is what it is now."""
        if name == "source" or stored == asked:
            return asked
        return list(dict.fromkeys([*listed_labels(stored), *listed_labels(asked)]))

    def with_extent(self, extent: Mapping[str, Any]) -> Self:
        """Make the sweep whose axes reach so far."""
        labels = {name.removeprefix(_LABELS): some for name, some in extent.items() if name != "source"}
        return self.with_spec(self.spec.model_copy(update={"labels": labels}))

    @cached_property
    def there(self) -> NDArray[np.bool_]:
        """Those networks that the store has, of those that are asked for."""
        of = self.networks
        return (of.first_successes if self.spec.first_success else of.done)(self.network_axes, self.kept)

    @property
    def wanted(self) -> NDArray[np.bool_]:
        """Those networks that the store has, of those that are asked for."""
        return self.there

    @property
    def again(self) -> bool:
        """Whether networks are trained again: the store lacks what the function looks at."""
        function, extent = self.probe, self.source.largest
        epochs = set(function.epochs(extent)) - {END}
        kept = "parameters" in self.networks.dataset or not function.looks_at_end(extent)
        return function.needs_training or not kept or not epochs <= set(self.networks.snapshot_epochs)

    @property
    def notes(self) -> Sequence[str]:
        """Say where networks are trained again, which takes its time."""
        if not self.again:
            return ()
        words = (
            f"{self.networks.group} does not keep all that {self.spec.function.kind} looks at: the networks "
            "are trained again, and must end as they did. That takes as long as it did first; the probe "
            "parameters, or snapshots, keeps what is needed"
        )
        return (words,)

    def check(self) -> None:
        """Refuse labels that the group does not have, and what the function is not for."""
        for dim, axis in self.source.axes.items():
            there = dict.fromkeys(axis.tolist())
            if strangers := [label for label in listed_labels(self.spec.labels[dim]) if label not in there]:
                known = ", ".join(map(str, [*there][:20]))
                raise InvalidSweep(f"{self.networks.group} has no {dim} {strangers[0]}; there are {known}")
        labels = {dim: tuple(values.tolist()) for dim, values in self.axes.items()}
        if self.spec.first_success and not (self.source.problem.has_classes or self.source.protocol.restarts):
            raise InvalidSweep(
                f"{self.name}: no network of {self.source.name} succeeds or fails; leave first_success out"
            )
        try:
            self.spec.function.check(self.source.problem, labels)
        except ValueError as error:
            raise InvalidSweep(f"{self.name}: {error}") from None

    def task(self, block: Block, store: str) -> Task:
        """Give what measures the networks of a block."""
        from relusweep.tasks.derived_block import derive_block

        return derive_block, self._block(block, self.probe)

    def _block(self, block: Block, *probes: Probe) -> DerivedBlock:
        """Describe the networks of a block."""
        from relusweep.tasks.derived_block import DerivedBlock

        trials = block["trial"]
        first = replace(block, labels=tuple({**dict(block.labels), "trial": trials[:1]}.items()))
        training = replace(self.source.block(first), probes=probes)
        return DerivedBlock(
            training, trials, dict(block.labels), self.networks, self.networks.snapshot_epochs, self.again
        )

    @cached_property
    def schedule(self) -> Schedule:
        """Blocks as those of the source, of fewer networks where much is kept of each."""
        of = self.source.schedule
        shape = dict(of.block_shape)
        first, last = next(iter(shape)), next(reversed(shape))
        shape[last] = min(shape[last], self.probe.block_trials or shape[last])
        for dim in (first, last):
            others = prod(size for name, size in shape.items() if name != dim)
            shape[dim] = min(shape[dim], max(1, _BYTES_A_BLOCK // (self.bytes_per_cell * others)))
        large = self.probe.large or self.bytes_per_cell * prod(shape.values()) > _LARGE
        return Schedule(
            block_shape=shape,
            divisible=False,
            cost=of.cost if self.again else lambda block: block.cells,
            seconds=of.seconds if self.again else None,
            memory=of.memory,
            written_by_workers=frozenset(self.variables) if large else frozenset(),
        )


def listed_labels(some: Any) -> list[Any]:
    """Give the labels of an axis as a list."""
    return some if isinstance(some, list) else [some]
