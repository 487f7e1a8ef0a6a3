"""What a sweep of trained networks is: its axes, its protocol, its seed."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SpecificationChanged
from pipeline.fields import EngineName, Epochs, Leaks, Seed, Sizes, Trials
from pipeline.kinds import Block, Coordinate, Sweep, Task
from pipeline.layout import DIMS, VARIABLES, problem_coordinates
from pipeline.measures import measures_before
from pipeline.problems import ProblemSweep
from storage import Variable
from tasks.boolean.training import TrainingBlock, train_block
from tasks.networks import Network
from tasks.training import Adam, Protocol

__all__ = ["BooleanSweep", "Difference", "TrainingSweep", "difference", "joined"]

S = TypeVar("S", bound=Sweep)

TRIALS_PER_BLOCK = 100


class TrainingSweep(Sweep):
    """Networks trained on Boolean functions in full batches: leak × width × depth × trial, and the functions.

    Axes are kept ascending, without repetition.

    Attributes
    ----------
    leak, width, depth : tuple of numbers
        Slopes below zero, units per hidden layer, hidden layers.
    trials : int
        Networks for each combination, numbered from 0.
    seed : int
        Root of all random streams.
    bias, loss, optimizer, epochs, stop
        The protocol; see `tasks.training.Protocol`.
    engine : {'lanes', 'reference'}
        Who trains; ``"auto"`` is `lanes`, as in `tasks.training.train`. The two agree up to rounding, not bit
        for bit, so results of both under one name would be of two kinds.
    """

    leak: Leaks
    width: Sizes
    depth: Sizes
    trials: Trials
    seed: Seed = 0
    bias: Literal["uniform", "zero"] = "uniform"
    loss: Literal["bce"] = "bce"
    optimizer: Adam = Adam()
    epochs: Epochs = 4000
    stop: Literal["first_success"] = "first_success"
    engine: EngineName = "lanes"

    @property
    def title(self) -> str:
        """What its group is, in words."""
        return f"Boolean sweep {self.name}"

    @property
    def size_coordinates(self) -> Mapping[str, Coordinate]:
        """Leaks, widths, depths and trials along their dimensions."""
        axes, words = self.axes, {"leak": "slope below zero", "width": "units of each hidden layer"}
        words |= {"depth": "hidden layers", "trial": "number of the trial"}
        return {dim: (dim, axes[dim], {"long_name": name, "units": "1"}) for dim, name in words.items()}

    def task(self, block: Block, store: str) -> Task:
        """Give what trains the networks of a block."""
        trials = block["trial"]
        return train_block, TrainingBlock(
            protocol=self._protocol_of(block),
            seed=self.seed,
            functions=block["problem"],
            trial_start=trials[0],
            trial_stop=trials[-1] + 1,
            engine=self.engine,
        )

    def protocol(self, n_inputs: int, leak: float, width: int, depth: int) -> Protocol:
        """Give the training protocol of one size."""
        network = Network(n_inputs=n_inputs, width=width, depth=depth, leak=leak, bias=self.bias)
        return Protocol(
            network=network, loss=self.loss, optimizer=self.optimizer, epochs=self.epochs, stop=self.stop
        )

    def _protocol_of(self, block: Block) -> Protocol:
        (leak,), (width,), (depth,) = (block[dim] for dim in ("leak", "width", "depth"))
        return self.protocol(self._inputs_of(block), leak, width, depth)

    @abstractmethod
    def _inputs_of(self, block: Block) -> int:
        """Count the inputs of the functions of a block."""


class BooleanSweep(TrainingSweep, ProblemSweep):
    """Networks trained on NPN classes of functions: every problem × leak × width × depth × trial.

    The axes (`problems`, `leak`, `width`, `depth`, `trials`) may grow later without touching a finished
    network; any change of another field makes other networks.

    Attributes
    ----------
    name : str
        Its results live in the group ``boolean/<name>``.
    n_inputs : int
        Inputs of the functions, 1 to 5.
    problems : tuple of int or 'all'
        NPN classes, named by their smallest ids.
    """

    kind: ClassVar[str] = "boolean"
    extents: ClassVar[tuple[str, ...]] = ("problems", "leak", "width", "depth", "trials")

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Labels of problems, leaks, widths, depths, trials."""
        labels = (self.ids, self.leak, self.width, self.depth, range(self.trials))
        return {dim: np.asarray(values) for dim, values in zip(DIMS, labels, strict=True)}

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """Sizes of the axes."""
        return self.n_problems, len(self.leak), len(self.width), len(self.depth), self.trials

    @property
    def block_shape(self) -> Mapping[str, int]:
        """Some problems × one leak × one width × one depth × a range of trials."""
        return dict(zip(DIMS, (self.problems_per_block, 1, 1, 1, TRIALS_PER_BLOCK), strict=True))

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What is kept of every network."""
        return VARIABLES

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Measures of its problems, where they take long."""
        return measures_before(self)

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Give its axes and the measures of its problems."""
        return {**problem_coordinates(self, store), **self.size_coordinates}

    def work(self, block: Block) -> float:
        """Estimate the multiply-adds of a block.

        Networks that succeed stop early, the others go on to the last epoch. How many fail is a rule of thumb
        from ten trials of `npn4`: half as many with each further unit, and with a leak fewer the deeper.
        """
        protocol = self._protocol_of(block)
        network = protocol.network
        spare = network.width - self.n_inputs
        if network.leak:
            failing = min(1.0, 2.0 ** -(spare + 2)) ** network.depth / network.depth
        else:
            failing = min(1.0, 2.0 ** -(spare + 1))
        epochs = min(50, protocol.epochs) + failing * protocol.epochs
        return block.cells * epochs * float(network.n_parameters << self.n_inputs)

    def kernel(self, block: Block) -> int:
        """There is one for each width."""
        (width,) = block["width"]
        return int(width)

    def _inputs_of(self, block: Block) -> int:
        return self.n_inputs


class Difference(NamedTuple):
    """A field in which two specifications differ; None where one lacks it."""

    field: str
    stored: Any
    asked: Any

    def __str__(self) -> str:
        return f"{self.field}: {self.stored!r} in the store, {self.asked!r} asked"


def difference(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> list[Difference]:
    """Compare what two specifications, as JSON objects, say beside how far their axes reach.

    Raw JSON, so that a specification written by an older version, with other fields, can be compared too.
    """
    old, new = _flat(stored), _flat(asked)
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return [Difference(key, old.get(key), new.get(key)) for key in keys]


def joined(stored: str, asked: S) -> S:
    """Extend the axes of a sweep to hold also what the store already has.

    Parameters
    ----------
    stored : str
        The specification kept in the store, JSON.
    asked : Sweep
        What is to be run now.

    Raises
    ------
    SpecificationChanged
        They differ in more than their axes; the message shows in what.
    """
    old = json.loads(stored)
    fixed = {key: value for key, value in old.items() if key not in asked.extents}
    changes = difference(fixed, asked.identity())
    for name, entries in asked.model_dump(mode="json", include=set(asked.extents)).items():
        if isinstance(entries, dict):  # what stands under a label stays, as what lies at one does
            both = entries.keys() & old[name].keys()
            one, other = ({name: {label: some[label] for label in both}} for some in (old[name], entries))
            changes += difference(one, other)
    if changes:
        raise SpecificationChanged(
            f"{asked.group} holds results of another specification ({'; '.join(map(str, changes))}). "
            "Ask for the stored one, or give yours a name of its own in a YAML file, "
            "or start the group anew with --replace (earlier versions stay readable)"
        )
    axes = {name: _union(old[name], getattr(asked, name)) for name in asked.extents}
    return type(asked).model_validate({**asked.model_dump(), **axes})


def _union(old: Any, new: Any) -> Any:
    """Join two extents: numbers of labels, labels, or what stands under labels."""
    if isinstance(new, int):
        return max(old, new)
    if isinstance(new, dict):
        return {**old, **new}
    return "all" if "all" in (old, new) else (*old, *new)


def _flat(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        flat.update(_flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return flat
