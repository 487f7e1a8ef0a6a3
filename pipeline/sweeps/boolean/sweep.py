"""What a sweep of trained networks is: its axes, its protocol, its seed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.sweeps.base import Block, Coordinate, Schedule, SpecifiedSweep, Sweep, Task
from relusweep.pipeline.sweeps.boolean.measures import measures_before, measures_of
from relusweep.pipeline.sweeps.boolean.problems import ProblemSweep, classes
from relusweep.pipeline.sweeps.boolean.variables import DIM_ATTRS, DIMS, VARIABLES
from relusweep.pipeline.sweeps.fields import EngineName, Epochs, Leaks, Seed, Sizes, Trials
from relusweep.storage.layout import Variable
from relusweep.tasks.networks import Network
from relusweep.tasks.training.protocol import Adam, Protocol

__all__ = ["BooleanSweep", "TrainingSweep"]

TRIALS_PER_BLOCK = 100


class TrainingSweep(SpecifiedSweep):
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
        The protocol; see `relusweep.tasks.training.Protocol`.
    engine : {'lanes', 'reference'}
        Who trains; ``"auto"`` is `lanes`, as in `relusweep.tasks.training.train`. The two agree up to
        rounding, not bit for bit, so results of both under one name would be of two kinds.
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

    def task(self, block: Block, store: str) -> Task:
        """Give what trains the networks of a block."""
        from relusweep.tasks.boolean.training import TrainingBlock, train_block

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
    variables: ClassVar[Mapping[str, Variable]] = VARIABLES
    dim_attrs: ClassVar[Mapping[str, Mapping[str, Any]]] = DIM_ATTRS
    growable_fields: ClassVar[tuple[str, ...]] = ("problems", "leak", "width", "depth", "trials")

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
    def requires(self) -> tuple[Sweep, ...]:
        """Measures of its problems, where they take long."""
        return measures_before(self)

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Give its axes, and what is known of the problems."""
        every = classes(self.n_inputs)
        texts = np.array([f"{i:0{2**self.n_inputs}b}" for i in self.ids.tolist()], dtype=object)
        size = every.size[np.searchsorted(every.representative, self.ids)]
        return {
            **super().coordinates(store),
            "truth_table": ("problem", texts, {"long_name": "outputs, all inputs -1 first, 1 for +1"}),
            **measures_of(self, store),
            "class_size": ("problem", size, {"long_name": "functions in the NPN class", "units": "1"}),
        }

    @property
    def schedule(self) -> Schedule:
        """Some problems × one leak × one width × one depth × a range of trials; a kernel for each width."""
        shape = (self.problems_per_block, 1, 1, 1, TRIALS_PER_BLOCK)
        return Schedule(
            block_shape=dict(zip(DIMS, shape, strict=True)),
            cost=self._cost,
            compile_key=lambda block: block["width"],
        )

    def _cost(self, block: Block) -> float:
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

    def _inputs_of(self, block: Block) -> int:
        return self.n_inputs
