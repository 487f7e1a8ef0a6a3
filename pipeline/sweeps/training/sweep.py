"""A training sweep: problem × network × protocol × probes, every field an axis."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, reduce
from operator import getitem
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.common.where import satisfied
from relusweep.pipeline.common.wording import bytes_in_words
from relusweep.pipeline.sweeps.base import Coordinate, Sweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.pipeline.sweeps.fields import EngineName, Seed
from relusweep.pipeline.sweeps.kinds import probe_kinds, problem_kinds, read_probes, read_problem
from relusweep.pipeline.sweeps.training.checks import (
    check,
    check_lists,
    check_names,
    check_starts,
    check_until,
    check_where,
    check_whole_starts,
)
from relusweep.pipeline.sweeps.training.combinations import Combinations
from relusweep.pipeline.sweeps.training.estimates import Estimates
from relusweep.pipeline.sweeps.training.growth import Growing
from relusweep.pipeline.sweeps.training.of_setting import completed, pretraining_of, protocol_of, restarts_of
from relusweep.pipeline.sweeps.training.parts import Network, Protocol
from relusweep.pipeline.sweeps.training.pinned import check_unchanged
from relusweep.pipeline.sweeps.training.places import Place, full_path, places, spread
from relusweep.pipeline.sweeps.training.schedule import schedule_of
from relusweep.pipeline.sweeps.until import TrialsOrUntil, Until
from relusweep.storage.layout import Variable
from relusweep.tasks import activations
from relusweep.tasks.axes import Setting, is_fixed, is_later, label_array
from relusweep.tasks.probes import Extent, Probe
from relusweep.tasks.problems import Problem
from relusweep.tasks.training.engine import lacking_of, lacking_on_gpu

if TYPE_CHECKING:
    import xarray as xr

    from relusweep.tasks.training_block import TrainingBlock

__all__ = ["TrainingSweep"]

_TRIAL = {"long_name": "number of the trial", "units": "1", "part": "trial"}
_SLOWER = "small networks take 15 to 60 times as long as with lanes"


class TrainingSweep(Growing):
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
    engine : {'lanes', 'cuda', 'reference'}
        Who trains; ``"auto"``, as by default, is `lanes` where that can train all of the networks, or `cuda`
        in workers that were given a GPU: their bits are the same, and they may stand in one group. Those of
        `reference` differ by rounding, so results of it under the same name would be of two kinds.
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
        if not self._says_engine and any(self._not_in_lanes):
            self.__dict__["engine"] = "reference"
        return self

    @property
    def _says_engine(self) -> bool:
        return "engine" in self.model_fields_set

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
    def _combinations(self) -> Combinations:
        return Combinations(self.problem, self.network, self.protocol, self.places)

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
    def fixed(self) -> Mapping[str, str]:
        """Axes that were given as one value: they open as scalar coordinates."""
        only = {dim: place for dim, place in self.places.items() if is_fixed(place.labels)}
        return {dim: place.axis.written(place.labels[0]) for dim, place in only.items()}

    @cached_property
    def largest(self) -> Extent:
        """How large its networks are, and how long they train, at most."""
        return self._combinations.largest()

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
        alike = [dim for dim in several if self._combinations.alike(dim, self.seed)]
        return {"fixed": list(self.fixed), "paired_along": alike}

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
        if found["engine"] == "cuda":  # whose bits they are
            found["engine"] = "lanes"
        if starts := found["network"].pop("starts"):  # wherever the file lies
            found["network"]["starts"] = starts["digest"]
        return found

    def check(self) -> None:
        """Refuse combinations that cannot be trained."""
        labels = {dim: place.labels for dim, place in self.places.items()}
        try:
            check_where(self.where, self.wanted)
            check_until(self.until, self.where, self.problem, labels)
            check(self.problem, self.probes, labels, engine=self.engine, pruned=self.where is not None)
            if self.engine == "cuda" and (large := lacking_on_gpu(self.largest.most_parameters)):
                raise ValueError(f"the engine cuda does not have {large}; set engine=lanes, or engine=auto")
            self.problem.check(self.seed)
            kept = [(probe.kind, list(probe.variables(self.largest))) for probe in self._every_probe]
            check_lists(self._starting())
            check_whole_starts(self.problem, self._starting(), self.seed)
            check_names(self.problem, [dim for dim, at in self.places.items() if at.part != "problem"], kept)
            if self.network.starts is not None:
                most = self.until.most if self.until else self._n_trials
                check_starts(self.network.starts, self._combinations.networks(), range(most), labels)
        except ValueError as error:
            raise InvalidSweep(f"{self.name}: {error}") from None

    def _starting(self) -> Iterator[Setting]:
        return self._combinations.starting(tuple(self.axes), self.wanted)

    @property
    def notes(self) -> Sequence[str]:
        """Say what is to be known of the problem's rows, and where the slow engine trains, and why."""
        if self.engine == "lanes":
            return self.problem.notes
        if self.engine == "cuda":
            return (*self.problem.notes, self._on_gpu())
        why = f"since lanes does not have {self._not_in_lanes[0]}" if self._not_in_lanes else "as asked for"
        return (*self.problem.notes, f"trained by the engine reference, PyTorch, {why}: {_SLOWER}")

    def _on_gpu(self) -> str:
        """Say what a block fills of a GPU's memory, at most."""
        from relusweep.tasks.training.device.training import bytes_of_network

        points = {epoch for probe in self._every_probe for epoch in probe.epochs(self.largest)}
        of_network = max(
            bytes_of_network(protocol_of(self.problem, setting), self.problem.n_rows_of(setting), len(points))
            for setting in self._combinations.sizes()
        )
        cells = math.prod(min(n, len(self.axes[dim])) for dim, n in self.schedule.block_shape.items())
        filled = bytes_in_words(cells * of_network)
        return f"trained on a GPU: a block fills at most {filled} of its memory, or is trained in parts"

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
            engine="auto" if self.engine == "lanes" and not self._says_engine else self.engine,
            starts=self.network.starts,
            pretraining=pretraining_of(setting),
            digest=self.problem.digest(setting, problems, self.seed),
        )

    def setting(self, labels: Setting) -> Setting:
        """Complete the labels of a combination: what is the problem's own becomes a number."""
        return completed(self.problem, labels)

    # How blocks are scheduled

    @cached_property
    def schedule(self) -> Schedule:
        """Blocks of one setting, some problems and a range of trials."""
        of = Estimates(self.problem, self._every_probe, self.largest)
        return schedule_of(self, of, self._setting_of, self.until, engine=self.engine)

    def _setting_of(self, block: Block) -> Setting:
        return self.setting({dim: block[dim][0] for dim in self.places})
