"""What a sweep of trained networks is: its axes, its protocol, its seed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.sweeps.base import Block, Coordinate, Sweep, Task
from relusweep.pipeline.sweeps.boolean.measures import measures_before
from relusweep.pipeline.sweeps.boolean.problems import ProblemSweep
from relusweep.pipeline.sweeps.boolean.variables import DIMS, VARIABLES, problem_coordinates
from relusweep.pipeline.sweeps.fields import EngineName, Epochs, Leaks, Seed, Sizes, Trials
from relusweep.storage import Variable
from relusweep.tasks.boolean.training import TrainingBlock, train_block
from relusweep.tasks.networks import Network
from relusweep.tasks.training import Adam, Protocol

__all__ = ["BooleanSweep", "TrainingSweep"]

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

    def cost(self, block: Block) -> float:
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

    def compile_key(self, block: Block) -> int:
        """There is one for each width."""
        (width,) = block["width"]
        return int(width)

    def _inputs_of(self, block: Block) -> int:
        return self.n_inputs
