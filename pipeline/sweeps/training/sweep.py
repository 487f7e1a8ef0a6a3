"""A training sweep: problem × network × protocol × probes, every field an axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, reduce
from itertools import product
from operator import getitem
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError, model_validator

from relusweep.pipeline.common.errors import InvalidSweep, SpecificationChanged
from relusweep.pipeline.common.where import any_of, satisfied, within
from relusweep.pipeline.sweeps.base import Block, Coordinate, Schedule, SpecifiedSweep, Sweep, Task
from relusweep.pipeline.sweeps.fields import EngineName, Seed
from relusweep.pipeline.sweeps.kinds import probe_kinds, problem_kinds, read_probes, read_problem
from relusweep.pipeline.sweeps.training.checks import (
    STARTING,
    check,
    check_lists,
    check_names,
    check_starts,
    check_until,
    check_where,
    check_whole_starts,
)
from relusweep.pipeline.sweeps.training.estimates import Estimates
from relusweep.pipeline.sweeps.training.of_setting import (
    completed,
    group_of,
    network_of,
    pretraining_of,
    protocol_of,
    restarts_of,
)
from relusweep.pipeline.sweeps.training.parts import Network, Protocol
from relusweep.pipeline.sweeps.training.pinned import check_unchanged
from relusweep.pipeline.sweeps.training.places import Place, full_path, places, spread
from relusweep.pipeline.sweeps.training.schedule import schedule_of
from relusweep.pipeline.sweeps.until import TrialsOrUntil, Until
from relusweep.storage.layout import Variable
from relusweep.tasks import activations, networks
from relusweep.tasks.axes import Setting, is_fixed, is_later, label_array, listed
from relusweep.tasks.probes import Extent, Probe
from relusweep.tasks.problems import Problem
from relusweep.tasks.training.engine import lacking_of

if TYPE_CHECKING:
    import xarray as xr

    from relusweep.tasks.training_block import TrainingBlock

__all__ = ["TrainingSweep"]

_TRIAL = {"long_name": "number of the trial", "units": "1", "part": "trial"}
_SLOWER = "small networks take 15 to 60 times as long as with lanes"
_SIZES = frozenset({"width", "depth", "widths"})


class TrainingSweep(SpecifiedSweep):
    """Networks of every combination of the labels of all axes.

    Every field of problem, network and protocol that takes a value takes a list: it is an axis then, and may
    grow later without touching a finished network.

    Attributes
    ----------
    name : str
        Its results live in the group ``<folder of the problem>/<name>``.
    problem : Problem
        What is learned; see `relusweep.tasks.problems`.
    network : Network
    protocol : Protocol
    probes : tuple of Probe
        What is kept of each network beside how training ended; see `relusweep.tasks.probes`.
    trials : int or Until
        Networks of each combination, numbered from 0. With ``{most: …, until: …}`` as many as it takes; see
        `relusweep.pipeline.sweeps.until`.
    where : str, optional
        Which combinations are asked for, as ``width * depth <= 20``; by default all.
    seed : int
        Root of all random streams.
    engine : {'lanes', 'reference'}
        Who trains; ``"auto"``, as by default, is `lanes` where that can train all of the networks. The two
        agree up to rounding, not bit for bit, so results of both under one name would be of two kinds.
    """

    kind: ClassVar[str] = "training"

    problem: Annotated[
        SerializeAsAny[Problem],
        BeforeValidator(read_problem),
        Field(description=f"a mapping of a kind: {', '.join(problem_kinds())}"),
    ]
    network: Network
    protocol: Protocol = Protocol()
    probes: Annotated[
        tuple[SerializeAsAny[Probe], ...],
        BeforeValidator(read_probes),
        Field(description=", ".join(probe_kinds())),
    ] = ()
    trials: TrialsOrUntil
    where: Annotated[
        str | None,
        BeforeValidator(lambda condition: None if condition == "none" else condition),
        Field(description="a condition on labels, as width * depth <= 20, or none"),
    ] = None
    seed: Seed = 0
    engine: EngineName = "lanes"

    @model_validator(mode="before")
    @classmethod
    def _in_place(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        said = {name: value for name, value in fields.items() if (name, value) != ("engine", "auto")}
        return spread(said, cls)

    @model_validator(mode="after")
    def _engine_that_can(self) -> Self:
        if "engine" not in self.model_fields_set and any(self._not_in_lanes):
            self.__dict__["engine"] = "reference"
        return self

    @property
    def _not_in_lanes(self) -> tuple[str, ...]:
        """Say what the engine `lanes` lacks for some of the networks."""
        return tuple(lack for name in self.network.activation if (lack := lacking_of(name)))

    def full_path(self, path: tuple[str, ...], value: Any) -> tuple[str, ...]:
        """Give the path of a field that may be named alone, as ``learning_rate``."""
        return full_path(path, value, type(self), self.problem)

    # What it is

    @cached_property
    def places(self) -> dict[str, Place]:
        """Where each axis stands in the specification."""
        return {
            **places(self.problem, "problem"),
            **places(self.network, "network"),
            **places(self.protocol, "protocol"),
        }

    @property
    def group(self) -> str:
        """Where its results live in the store."""
        return f"{self.problem.folder}/{self.name}"

    @property
    def title(self) -> str:
        """What its group is, in words."""
        return f"{self.problem.title} {self.name}"

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Labels of the problem's axes, the network's, the protocol's, and trials."""
        own = {dim: label_array(place.labels) for dim, place in self.places.items()}
        return {**self.problem.axes, **own, "trial": np.arange(self._n_trials)}

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        own = {dim: len(place.labels) for dim, place in self.places.items()}
        names = {self.problem.labels: self.problem.count_names()} if self.problem.labels else {}
        return (*(names | own).values(), self._n_trials)

    @property
    def _n_trials(self) -> int:
        return self.trials.trials if isinstance(self.trials, Until) else self.trials

    @property
    def until(self) -> Until | None:
        """When each combination has enough trials."""
        return self.trials if isinstance(self.trials, Until) else None

    def reaching(self, trials: int) -> Self:
        """Make the sweep whose axis of trials reaches so far, where there is no number of its own."""
        if self.until is None:
            return self
        return self.model_copy(update={"trials": self.until.reaching(trials)})

    @property
    def fixed(self) -> Mapping[str, str]:
        """Axes that were given as one value: they open as scalar coordinates."""
        only = {dim: place for dim, place in self.places.items() if is_fixed(place.labels)}
        return {dim: place.axis.written(place.labels[0]) for dim, place in only.items()}

    @cached_property
    def largest(self) -> Extent:
        """How large its networks are, and how long they train, at most."""
        largest = [network_of(self.problem, setting) for setting in self._sizes()]
        return Extent(
            self.problem,
            max(network.n_parameters for network in largest),
            self._most_epochs(),
            self.protocol.restarts is not None,
            max(network.width for network in largest),
            max(network.depth for network in largest),
            self.protocol.pretraining is not None,
            max(network.n_outputs for network in largest),
        )

    @cached_property
    def _every_probe(self) -> tuple[Probe, ...]:
        return read_probes(["outcome", *(probe for probe in self.probes if probe.kind != "outcome")])

    @property
    def _inner(self) -> dict[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        return {dim: of for probe in self._every_probe for dim, of in probe.inner(self.largest).items()}

    @property
    def inner(self) -> Mapping[str, NDArray[Any]]:
        """Labels of the dimensions that probes add."""
        return {dim: labels for dim, (labels, _) in self._inner.items()}

    @property
    def inner_attrs(self) -> Mapping[str, Mapping[str, Any]]:
        """Attributes of those labels."""
        return {dim: attrs for dim, (_, attrs) in self._inner.items()}

    @cached_property
    def variables(self) -> Mapping[str, Variable]:
        """What the probes keep of every network."""
        axes = (*((self.problem.labels,) if self.problem.labels else ()), *self.places, "trial")
        return {
            name: Variable((*axes, *dims), dtype, fill, attrs)
            for probe in self._every_probe
            for name, (dims, dtype, fill, attrs) in probe.variables(self.largest).items()
        }

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Measures of its problems, where they take long."""
        from relusweep.pipeline.sweeps.training.measures import measures_before

        return measures_before(self.problem)

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Give its axes, and what is known of the problems."""
        from relusweep.pipeline.sweeps.training.measures import measures_of

        attrs = {dim: {**place.axis.attrs, "part": place.part} for dim, place in self.places.items()}
        if self.problem.labels:
            attrs[self.problem.labels] = {**self.problem.label_attrs, "part": "problem"}
        attrs |= {"trial": _TRIAL, **{dim: dict(of) for dim, (_, of) in self._inner.items()}}
        known = {**self.problem.coordinates(self.seed), **measures_of(self.problem, store)}
        return {
            **{dim: (dim, labels, attrs[dim]) for dim, labels in {**self.axes, **self.inner}.items()},
            **known,
        }

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Which axes are fixed, and along which of several labels the same trial starts alike."""
        several = [dim for dim, place in self.places.items() if len(place.labels) > 1]
        return {"fixed": list(self.fixed), "paired_along": [dim for dim in several if self._alike(dim)]}

    def _alike(self, dim: str) -> bool:
        """Tell whether networks that differ in a label of an axis alone have the same start, as named."""
        first = {dim: place.labels[0] for dim, place in self.places.items()}
        settings = [self.setting({**first, dim: label}) for label in self.places[dim].labels]
        problem = self.problem.names()[0] if self.problem.labels else None
        shapes = {
            (group_of(setting), *(setting.get(name) for name in ("width", "depth", "widths", "init", "skip")))
            for setting in settings
        }
        inputs = {(self.problem.n_inputs_of(of), self.problem.n_outputs_of(of)) for of in settings}
        names = {self.problem.start_name(setting, problem, self.seed) for setting in settings}
        return len(shapes) == len(inputs) == len(names) == 1

    @cached_property
    def own_code(self) -> tuple[str, ...]:
        """Name the code of the user's own that networks need, as ``module:name``."""
        of_units = (code for name in self.network.activation for code in activations.own_code(name))
        return (*of_units, *self.problem.own_code)

    @property
    def pinned(self) -> tuple[str, ...]:
        """Those of the problem."""
        return self.problem.pinned if self.problem.own_code else ()

    def check_pinned(self, stored: xr.Dataset) -> None:
        """Refuse code of the user's own that gives other values than those that the store has results of."""
        if self.pinned:
            check_unchanged(self.problem, self.seed, stored)

    @property
    def names_code(self) -> bool:
        """Whether networks or probes need code of the user's own."""
        return bool(self.own_code) or any(probe.own_code for probe in self.probes)

    # How far it reaches

    @property
    def result_schema(self) -> int:
        """That of the probe that has changed most often."""
        return max(probe.result_schema for probe in self._every_probe)

    def identity(self) -> dict[str, Any]:
        """Everything that decides a network besides its place on the axes."""
        found = self.model_dump(mode="json")
        found["problem"] = self.problem.identity(found["problem"])
        later = {place.path for place in self.places.values() if place.later}
        later |= {("problem", name) for name in self.problem.extent if is_later(self.problem, name)}
        for path in self._reaching.values():
            held = reduce(getitem, path[:-1], found)
            if path in later:
                held[path[-1]] = "an axis"  # beside groups that lack it
            else:
                del held[path[-1]]
        if starts := found["network"].pop("starts"):  # wherever the file lies
            found["network"]["starts"] = starts["digest"]
        return found

    @cached_property
    def _reaching(self) -> dict[str, tuple[str, ...]]:
        """Paths of all fields that may grow, by the names of axes or fields."""
        rigid = self.problem.rigid
        axes = {dim: place.path for dim, place in self.places.items() if dim not in rigid}
        others = {name: ("problem", name) for name in self.problem.extent}
        return {**others, **axes, "where": ("where",), "trials": ("trials",)}

    def extent(self) -> dict[str, Any]:
        """How far the axes reach: one value where it is fixed, else a list; beside trials their rule."""
        whole = self.model_dump(mode="json")
        found = {name: reduce(getitem, path, whole) for name, path in self._reaching.items()}
        if self.until is None:
            return found
        return {**found, "trials": self.until.most, "until": self.until.half_width or "first_success"}

    def parted(self, stored: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Split a stored specification; that of an earlier version has other axes."""
        try:
            old = type(self).model_validate(stored)
        except ValidationError:
            old = None
        if old is None or not all(_says(stored, place.path) for place in old.places.values()):
            raise SpecificationChanged(
                f"{self.group} was written by another version of relusweep, with other axes, and cannot "
                "grow; its results stay readable. Give yours another name (--set name=…, or name=… in "
                "Python), run into another store, or start the group anew (--replace, or replace=True)"
            )
        return old.identity(), old.extent()

    def with_extent(self, extent: Mapping[str, Any]) -> Self:
        """Make the sweep whose axes reach so far."""
        fields = self.model_dump()
        given = dict(extent)
        if rule := given.pop("until", None):
            given["trials"] = Until(given["trials"], None if rule == "first_success" else rule)
        for name, value in given.items():
            *parents, last = self._reaching[name]
            reduce(getitem, parents, fields)[last] = value
        return type(self).model_validate(fields)

    def union(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Join its extent with a stored one, and the conditions: what either asked for, within its labels."""
        asked = self.extent()
        rules = [one["until"] for one in (stored, asked) if "until" in one]
        both = super().union({"until": None, **stored}) | ({"until": _stricter(*rules)} if rules else {})
        if stored["where"] == asked["where"]:
            return both
        differing = [dim for dim in self.places if dim in asked and stored[dim] != asked[dim]]
        most = max(stored["trials"], asked["trials"])
        parts = [
            within(
                one["where"],
                {dim: listed(one[dim]) for dim in differing},
                one["trials"] if one["trials"] < most and not rules else None,
            )
            for one in (stored, asked)
        ]
        return both | {"where": any_of(*parts) if all(parts) else None}

    def joined(self, name: str, stored: Any, asked: Any) -> Any:
        """Join labels: an axis that has one value in both stays fixed."""
        if name in ("where", "until"):
            return stored
        if name in self.places:
            return stored if stored == asked else [*listed(stored), *listed(asked)]
        return super().joined(name, stored, asked)

    @property
    def specification(self) -> str:
        """All of it, as JSON: what the store keeps."""
        return self.model_dump_json()

    def check(self) -> None:
        """Refuse combinations that cannot be trained."""
        labels = {dim: place.labels for dim, place in self.places.items()}
        try:
            check_where(self.where, self.wanted)
            check_until(self.until, self.where, self.problem, labels)
            check(self.problem, self.probes, labels, engine=self.engine, pruned=self.where is not None)
            self.problem.check(self.seed)
            kept = [(probe.kind, list(probe.variables(self.largest))) for probe in self._every_probe]
            check_lists(self._starting())
            check_whole_starts(self.problem, self._starting(), self.seed)
            check_names(self.problem, [dim for dim, at in self.places.items() if at.part != "problem"], kept)
            if self.network.starts is not None:
                most = self.until.most if self.until else self._n_trials
                check_starts(self.network.starts, self._networks(labels), range(most), labels)
        except ValueError as error:
            raise InvalidSweep(f"{self.name}: {error}") from None

    def _networks(self, labels: Mapping[str, tuple[Any, ...]]) -> Iterator[networks.Network]:
        """Give a network of each size."""
        first = {dim: some[0] for dim, some in labels.items()}
        sizes = [dim for dim, place in self.places.items() if place.part == "problem" or dim in _SIZES]
        for size in product(*(labels[dim] for dim in sizes)):
            yield network_of(self.problem, self.setting({**first, **dict(zip(sizes, size, strict=True))}))

    def _starting(self) -> Iterator[Setting]:
        """Give what is asked for of the axes that decide how networks start, with the first of the others."""
        first = {dim: place.labels[0] for dim, place in self.places.items()}
        some = [dim for dim, at in self.places.items() if at.part == "problem" or dim in STARTING]
        rest = tuple(i for i, dim in enumerate(self.axes) if dim not in some)
        wanted = np.array(True) if self.wanted is None else self.wanted.any(axis=rest)
        asked = np.broadcast_to(wanted, [len(self.places[dim].labels) for dim in some])
        for labels, is_asked in zip(
            product(*(self.places[dim].labels for dim in some)), asked.flat, strict=True
        ):
            if is_asked:
                yield self.setting({**first, **dict(zip(some, labels, strict=True))})

    @property
    def notes(self) -> Sequence[str]:
        """Say what is to be known of the problem's rows, and where the slow engine trains, and why."""
        if self.engine == "lanes":
            return self.problem.notes
        why = f"since lanes does not have {self._not_in_lanes[0]}" if self._not_in_lanes else "as asked for"
        return (*self.problem.notes, f"trained by the engine reference, PyTorch, {why}: {_SLOWER}")

    @property
    def wanted(self) -> NDArray[np.bool_] | None:
        """Which cells are asked for, along the axes or of length one; None where all are."""
        return None if self.where is None else satisfied(self.where, self.axes)

    # How a block is computed

    def task(self, block: Block, store: str) -> Task:
        """Give what trains the networks of a block."""
        from relusweep.tasks.training_block import train_block

        return train_block, self.block(block)

    def block(self, block: Block) -> TrainingBlock:
        """Describe the networks of a block; from this their rows and starts can be drawn again."""
        from relusweep.tasks.training_block import TrainingBlock

        labels, trials = dict(block.labels), block["trial"]
        setting = self._setting_of(block)
        problems = labels[self.problem.labels] if self.problem.labels else (None,)
        return TrainingBlock(
            problem=self.problem,
            setting=setting,
            labels=problems,
            trials=range(trials[0], trials[-1] + 1),
            seed=self.seed,
            protocol=protocol_of(self.problem, setting),
            restarts=restarts_of(setting),
            probes=self._every_probe,
            extent=self.largest,
            engine=self.engine,
            starts=self.network.starts,
            pretraining=pretraining_of(setting),
            digest=self.problem.digest(setting, problems, self.seed),
        )

    def setting(self, labels: Setting) -> Setting:
        """Complete the labels of a combination: what is the problem's own becomes a number."""
        return completed(self.problem, labels)

    def _sizes(self) -> Iterator[Setting]:
        """Give settings among which the largest network is."""
        largest = {dim: place.labels[-1] for dim, place in self.places.items()}
        usual = {"init": "he_normal", "leak": 0.0}  # whatever goes with all others
        own = sorted(
            self.problem.settings(), key=lambda setting: self.problem.n_inputs_of({**largest, **setting})
        )
        larger = [name for name in self.network.activation if _is_larger(activations.load(name))]
        for widths, activation, skip, loss in product(
            self.network.widths, ["relu", *larger], self.network.skip or ("none",), self.protocol.loss
        ):
            of = {"widths": widths, "activation": activation, "skip": skip, "loss": loss}
            most = {self.problem.n_outputs_of({**largest, **setting, **of}): setting for setting in own}
            for setting in most.values():
                yield self.setting({**largest, **usual, **setting, **of})

    def _most_epochs(self) -> int:
        restarts = self.protocol.restarts
        return max(self.protocol.epochs) + (max(restarts.further_epochs) if restarts else 0)

    # How blocks are scheduled

    @cached_property
    def schedule(self) -> Schedule:
        """Blocks of one setting, some problems and a range of trials."""
        of = Estimates(self.problem, self._every_probe, self.largest)
        return schedule_of(self, of, self._setting_of, self.until, lanes=self.engine == "lanes")

    def _setting_of(self, block: Block) -> Setting:
        return self.setting({dim: block[dim][0] for dim in self.places})


def _stricter(one: Any, other: Any = None) -> Any:
    """Give the rule that asks for more trials; of two kinds the one that was asked for last."""
    both = isinstance(one, float) and isinstance(other, float)
    return min(one, other) if both else other or one


def _is_larger(activation: activations.Activation) -> bool:
    return bool(activation.scalars) or activation.grouped


def _says(fields: Any, path: tuple[str, ...]) -> bool:
    """Tell whether a stored specification says something of a field."""
    for name in path:
        if not isinstance(fields, Mapping) or name not in fields:
            return False
        fields = fields[name]
    return True
