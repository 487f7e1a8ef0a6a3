"""What the sine sweep is: networks of one input, started again until they fit, and cut into linear pieces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from relusweep.pipeline.sweeps.base import Block, Schedule, SpecifiedSweep, Task
from relusweep.pipeline.sweeps.boolean.variables import VARIABLES
from relusweep.pipeline.sweeps.fields import EngineName, Seed, Sizes, Trials
from relusweep.pipeline.sweeps.variables import numbers
from relusweep.storage.layout import Variable
from relusweep.tasks.networks import Network
from relusweep.tasks.training.protocol import Protocol, Sgd
from relusweep.tasks.training.restarts import Restarts

__all__ = ["SineSweep"]

TRIALS_PER_BLOCK = 16  # one for each lane
_DIMS = ("width", "depth", "trial")
_LONG_NAMES = {
    "width": "units of each hidden layer",
    "depth": "hidden layers",
    "trial": "number of the trial",
    "piece": "linear piece, from left to right",
    "parameter": "place in the row of parameters",
}
_DIM_ATTRS = {dim: {"long_name": name, "units": "1"} for dim, name in _LONG_NAMES.items()}


_PIECE = (*_DIMS, "piece")
_TRIED, _ROW = "epochs of a try, where one met the bar", "weights and biases at the end"
_ORDER = "layer after layer, unit after unit, each unit's weights and then its bias"

_VARIABLES = {
    "success_epoch": numbers(_DIMS, "int32", _TRIED, fill=-2, comment="-1: none did"),
    "tries": numbers(_DIMS, "int32", "tries made, the one that was kept included"),
    "try_loss": numbers(_DIMS, "float32", "mean squared error after the try that was kept"),
    "loss": numbers(_DIMS, "float32", "mean squared error at the end"),
    "stop_reason": replace(VARIABLES["stop_reason"], dims=_DIMS),
    "n_pieces": numbers(_DIMS, "int32", "linear pieces on [-pi, pi]", comment="0: outputs are not finite"),
    "piece_start": numbers(_PIECE, "float64", "left end of a piece"),
    "piece_stop": numbers(_PIECE, "float64", "right end of a piece"),
    "slope": numbers(_PIECE, "float64", "slope of a piece"),
    "intercept": numbers(_PIECE, "float64", "intercept of a piece, its value extended to 0"),
    "parameters": numbers((*_DIMS, "parameter"), "float32", _ROW, comment=_ORDER),
}


class SineSweep(SpecifiedSweep):
    """Networks that fit the sine on [−π, π]: every width × depth × trial.

    The axes (`width`, `depth`, `trials`) may grow later without touching a finished network; any change of
    another field makes other networks. Axes are kept ascending, without repetition.

    Attributes
    ----------
    name : str
        Its results live in the group ``sine/<name>``.
    width, depth : tuple of int
        Units per hidden layer, hidden layers.
    trials : int
        Networks of each size, numbered from 0.
    seed : int
        Root of all random streams.
    leak : float
        Slope of a unit below zero.
    points : int
        Uniformly spaced points of [−π, π], both ends among them.
    bias, optimizer, epochs
        The protocol of one try, on all points at once; see `relusweep.tasks.training.Protocol`.
    restarts : Restarts
        When a try is given up, how often, and the further epochs of the one that is kept.
    most_pieces : int
        Linear pieces of a network that are kept, from the left.
    engine : {'lanes', 'reference'}
        Who trains; ``"auto"`` is `lanes`.
    """

    kind: ClassVar[str] = "sine"
    variables: ClassVar[Mapping[str, Variable]] = _VARIABLES
    dim_attrs: ClassVar[Mapping[str, Mapping[str, Any]]] = _DIM_ATTRS
    growable_fields: ClassVar[tuple[str, ...]] = ("width", "depth", "trials")

    width: Sizes
    depth: Sizes
    trials: Trials
    seed: Seed = 0
    leak: Annotated[float, Field(ge=0, le=1, description="a number from 0 to 1")] = 0.0
    bias: Literal["uniform", "zero"] = "uniform"
    points: Annotated[int, Field(ge=2, le=100_000, description="2 to 100 000")] = 100
    optimizer: Sgd = Sgd(learning_rate=0.1, momentum=0.0)
    epochs: Annotated[int, Field(ge=1, le=5_000_000, description="1 to 5 000 000")] = 200
    restarts: Restarts = Restarts(bar=0.45, most=1000, further_epochs=1000)
    most_pieces: Annotated[int, Field(ge=1, le=100_000, description="1 to 100 000")] = 256
    engine: EngineName = "lanes"

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Labels of widths, depths, trials."""
        labels = (self.width, self.depth, range(self.trials))
        return {dim: np.asarray(values) for dim, values in zip(_DIMS, labels, strict=True)}

    @property
    def inner(self) -> Mapping[str, NDArray[Any]]:
        """Numbers of pieces and parameters."""
        return {"piece": np.arange(self.most_pieces), "parameter": np.arange(self._most_parameters)}

    def task(self, block: Block, store: str) -> Task:
        """Give what trains the networks of a block and finds their pieces."""
        from relusweep.tasks.sine import FitBlock, fit_block

        trials = block["trial"]
        return fit_block, FitBlock(
            protocol=self._protocol_of(block),
            restarts=self.restarts,
            seed=self.seed,
            points=self.points,
            trial_start=trials[0],
            trial_stop=trials[-1] + 1,
            n_parameters=self._most_parameters,
            n_pieces=self.most_pieces,
            engine=self.engine,
        )

    @property
    def schedule(self) -> Schedule:
        """One width × one depth × a range of trials; a kernel for each width."""
        return Schedule(
            block_shape=dict(zip(_DIMS, (1, 1, TRIALS_PER_BLOCK), strict=True)),
            cost=self._cost,
            compile_key=lambda block: block["width"],
        )

    def _cost(self, block: Block) -> float:
        """Estimate the multiply-adds of a block.

        A layer of ReLU is off everywhere with a chance of about one half to the power of its width, and a
        network with such a layer cannot learn: a rule of thumb that the tries of `sine` follow.
        """
        network = self._protocol_of(block).network
        alive = 1.0 if network.leak else (1 - 0.5**network.width) ** network.depth
        tries = min(1 / alive, 1.0 + self.restarts.most)
        epochs = (tries + 1) * self.epochs + self.restarts.further_epochs
        return block.cells * epochs * network.n_parameters * self.points

    def _protocol_of(self, block: Block) -> Protocol:
        (width,), (depth,) = block["width"], block["depth"]
        return self.protocol(width, depth)

    def protocol(self, width: int, depth: int) -> Protocol:
        """Give the protocol of one try of one size."""
        return Protocol(
            network=self._network(width, depth),
            loss="mse",
            optimizer=self.optimizer,
            epochs=self.epochs,
            stop="last_epoch",
        )

    def _network(self, width: int, depth: int) -> Network:
        return Network(n_inputs=1, width=width, depth=depth, leak=self.leak, bias=self.bias)

    @property
    def _most_parameters(self) -> int:
        return self._network(self.width[-1], self.depth[-1]).n_parameters
