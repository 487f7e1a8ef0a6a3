"""What a sweep of balls and shells is: networks that must close a region around a ball."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator, Field, PositiveInt, ValidationInfo, field_validator

from relusweep.pipeline.sweeps.base import Block, Schedule, SpecifiedSweep, Task
from relusweep.pipeline.sweeps.fields import EngineName, Epochs, Leaks, Seed, Trials, ascending, listed
from relusweep.pipeline.sweeps.hypersphere.variables import DIM_ATTRS, DIMS, variables
from relusweep.storage.layout import Variable
from relusweep.tasks.compiled import LANES
from relusweep.tasks.hypersphere.geometry import ShellVolume
from relusweep.tasks.hypersphere.problems import BallAndShell
from relusweep.tasks.networks import Network
from relusweep.tasks.training.protocol import Adam, Protocol

if TYPE_CHECKING:
    import xarray as xr

    from relusweep.tasks.hypersphere.training import SampleBlock

__all__ = ["DIMS", "HypersphereSweep", "network_of"]

TRIALS_PER_BLOCK = 32
"""Two fillings of the sixteen lanes that train side by side."""

_LOSS, _SHUFFLE = 50.0, 200.0
"""Cost of the loss of a sample, and of its place in an order, in multiply-adds: as measured, about."""

_MSE_TARGETS = {"0,1": (0.0, 1.0), "-1,1": (-1.0, 1.0)}
_BCE_TARGETS = (-1.0, 1.0)

_AXIS = BeforeValidator(listed), AfterValidator(ascending)


class HypersphereSweep(SpecifiedSweep):
    """Networks of one hidden layer of n + 1 units, trained to tell a ball from the shell around it.

    Every dimension × loss × leak × batch × scaling of the inputs × trial; each network has its own samples,
    start and orders of batches. The axes may grow later without touching a finished network; any change of
    another field makes other networks. Axes are kept ascending, without repetition.

    Attributes
    ----------
    name : str
        Its results live in the group ``hypersphere/<name>``.
    n_inputs, leak, batch : tuple of numbers
        Dimensions n, slopes below zero, samples of an update.
    loss, inputs : tuple of str
        Losses, and whether inputs are scaled to standard deviation 1.
    trials : int
        Networks for each combination, numbered from 0.
    samples, test_samples : int
        Of each network, half of them in the ball and half in the shell; it is trained on the former alone.
    ball : float
        Radius of the ball.
    shell_volume : {'surrounded', 'ball'}
        How large the shell is; see `relusweep.tasks.hypersphere.geometry.radii`.
    mse_targets : {'0,1', '-1,1'}
        What ball and shell are to give under the squared error: the threshold is between the two.
    success : float
        Share of right training samples, at the end, that is a success.
    seed : int
        Root of all random streams.
    bias, optimizer, epochs, stop
        The protocol; see `relusweep.tasks.training.Protocol`.
    engine : {'lanes', 'reference'}
        Who trains; ``"auto"`` is `lanes`, as in `relusweep.tasks.training.train`.
    """

    kind: ClassVar[str] = "hypersphere"
    dim_attrs: ClassVar[Mapping[str, Mapping[str, Any]]] = DIM_ATTRS
    growable_fields: ClassVar[tuple[str, ...]] = ("n_inputs", "loss", "leak", "batch", "inputs", "trials")

    n_inputs: Annotated[
        tuple[Annotated[int, Field(ge=2, le=32)], ...],
        *_AXIS,
        Field(min_length=1, description="whole numbers from 2 to 32, as 2 or 2..8"),
    ]
    loss: Annotated[
        tuple[Literal["bce", "mse"], ...], *_AXIS, Field(min_length=1, description="bce, mse or bce,mse")
    ]
    leak: Leaks
    samples: Annotated[int, Field(ge=2, multiple_of=2, description="an even number of at least 2")]
    batch: Annotated[
        tuple[PositiveInt, ...],
        *_AXIS,
        Field(min_length=1, description="divisors of the number of samples, as 10,100"),
    ]
    inputs: Annotated[
        tuple[Literal["raw", "scaled"], ...],
        *_AXIS,
        Field(min_length=1, description="raw, scaled or raw,scaled"),
    ]
    trials: Trials
    test_samples: Annotated[int, Field(ge=0, multiple_of=2, description="an even number, or 0")] = 0
    ball: Annotated[float, Field(gt=0, le=1e3, description="above 0, at most 1000")] = 0.5
    shell_volume: Annotated[ShellVolume, Field(description="surrounded or ball")] = "surrounded"
    mse_targets: Annotated[Literal["0,1", "-1,1"], Field(description="0,1 or -1,1")] = "0,1"
    success: Annotated[float, Field(gt=0, le=1, description="above 0, at most 1")] = 0.95
    seed: Seed = 0
    bias: Literal["uniform", "zero"] = "uniform"
    optimizer: Adam = Adam(learning_rate=0.01)
    epochs: Epochs = 1000
    stop: Literal["last_epoch", "first_success"] = "last_epoch"
    engine: EngineName = "lanes"

    @field_validator("batch")
    @classmethod
    def _divide_the_samples(cls, batch: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        samples = info.data.get("samples")  # None where it is wrong itself, and reported so
        if samples is not None and (others := [size for size in batch if samples % size]):
            fitting = ",".join(str(size) for size in batch if size not in others) or samples
            raise ValueError(
                f"{samples} samples cannot be cut into batches of {' or '.join(map(str, others))}; "
                f"set the batches too, as --set batch={fitting}"
            )
        return batch

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Labels of dimensions, losses, leaks, batches, inputs, trials."""
        return {
            "n_inputs": np.array(self.n_inputs),
            "loss": np.array(self.loss, object),
            "leak": np.array(self.leak),
            "batch": np.array(self.batch),
            "inputs": np.array(self.inputs, object),
            "trial": np.arange(self.trials),
        }

    @property
    def inner(self) -> Mapping[str, NDArray[Any]]:
        """Places of parameters, of a network of the largest dimension."""
        return {"parameter": np.arange(self._room)}

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What is kept of every network."""
        return variables(self.samples, self.test_samples)

    @property
    def _room(self) -> int:
        return _network(max(self.n_inputs)).n_parameters

    def task(self, block: Block, store: str) -> Task:
        """Give what trains the networks of a block."""
        from relusweep.tasks.hypersphere.training import train_block

        first, last = block["trial"][0], block["trial"][-1]
        setting = (block[dim][0] for dim in DIMS[:-1])
        return train_block, self.networks(range(first, last + 1), *setting)

    def networks(
        self,
        trials: range,
        n_inputs: int,
        loss: Literal["bce", "mse"],
        leak: float,
        batch: int,
        inputs: Literal["raw", "scaled"],
    ) -> SampleBlock:
        """Describe some trials of one setting; from this their samples and starts can be drawn again."""
        from relusweep.tasks.hypersphere.training import SampleBlock

        targets = _MSE_TARGETS[self.mse_targets] if loss == "mse" else _BCE_TARGETS
        protocol = Protocol(
            network=_network(n_inputs, leak, self.bias),
            loss=loss,
            threshold=sum(targets) / 2,
            optimizer=self.optimizer,
            batch=batch,
            epochs=self.epochs,
            stop=self.stop,
            success=self.success,
        )
        return SampleBlock(
            problem=BallAndShell(
                n_inputs=n_inputs,
                n_samples=self.samples,
                ball=self.ball,
                shell_volume=self.shell_volume,
                inputs=inputs,
            ),
            protocol=protocol,
            targets=targets,
            test_samples=self.test_samples,
            seed=self.seed,
            trial_start=trials.start,
            trial_stop=trials.stop,
            room=self._room,
            engine=self.engine,
        )

    @property
    def schedule(self) -> Schedule:
        """One setting × a range of trials; a kernel for each dimension and size of batch."""
        return Schedule(
            block_shape=dict.fromkeys(DIMS, 1) | {"trial": TRIALS_PER_BLOCK},
            cost=self._cost,
            compile_key=lambda block: block["n_inputs"] + block["batch"],
        )

    def _cost(self, block: Block) -> float:
        """Estimate the cost of a block; lanes that no network fills cost as much as others."""
        (n_inputs,), (batch,) = block["n_inputs"], block["batch"]
        lanes = -(-block.cells // LANES) * LANES
        shuffle = _SHUFFLE if batch < self.samples else 0
        each = 6 * _network(n_inputs).n_parameters + _LOSS + shuffle
        return float(lanes * self.epochs * self.samples * each)


def _network(n_inputs: int, leak: float = 0.0, bias: Literal["uniform", "zero"] = "uniform") -> Network:
    return Network(n_inputs=n_inputs, width=n_inputs + 1, depth=1, leak=leak, bias=bias)


def network_of(dataset: xr.Dataset) -> SampleBlock:
    """Describe one network of a group, so that its samples can be drawn again.

    Parameters
    ----------
    dataset : xarray.Dataset
        A part of a group ``hypersphere/...`` with one label along every dimension of the sweep.

    Returns
    -------
    SampleBlock
        Of one trial.

    Raises
    ------
    ValueError
        If there is more than one label along a dimension.
    """
    if several := [dim for dim in DIMS if dataset[dim].size != 1]:
        raise ValueError(
            f"one network is asked for, got several labels of {', '.join(several)}; select one of each, "
            f"as in sel({several[0]}={dataset[several[0]].values.tolist()[0]!r})"
        )
    sweep = HypersphereSweep.model_validate_json(dataset.attrs["specification"])
    *setting, trial = (dataset[dim].item() for dim in DIMS)
    return sweep.networks(range(trial, trial + 1), *setting)
