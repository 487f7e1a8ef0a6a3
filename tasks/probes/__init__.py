"""Probes, one file each, found by their names: pure functions of trained networks, and what they declare."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from relusweep.tasks import activations
from relusweep.tasks.axes import Setting, WithAxes
from relusweep.tasks.declared import Declared
from relusweep.tasks.problems import Name, Problem, Trials

if TYPE_CHECKING:
    from relusweep.tasks.pretraining.stage import Pretrained
    from relusweep.tasks.training.engine import Engine
    from relusweep.tasks.training.protocol import Protocol, TrainingResult

__all__ = [
    "END",
    "Cost",
    "Extent",
    "Kept",
    "Probe",
    "Trained",
    "Tried",
    "domain_of",
    "finite",
    "most_rows",
    "needs_linear_pieces",
    "needs_relu",
    "output_labels",
    "outputs_at",
]

END = -1
"""Stands among epochs for the end of the training, whenever that was."""


class Cost(NamedTuple):
    """What measuring takes.

    Attributes
    ----------
    work : float
        Multiply-adds for each network.
    memory : float
        Bytes, however many networks a block has.
    """

    work: float = 0.0
    memory: float = 0.0


class Extent(NamedTuple):
    """How large the networks of a sweep are, and how long they train.

    Attributes
    ----------
    problem : Problem
    most_parameters, most_epochs : int
    restarts : bool
        Whether networks start again until a bar is met.
    most_width, most_depth : int
    pretraining : bool
        Whether some networks are compositions that are trained before all weights are.
    most_outputs : int
    """

    problem: Problem
    most_parameters: int
    most_epochs: int
    restarts: bool
    most_width: int = 1
    most_depth: int = 1
    pretraining: bool = False
    most_outputs: int = 1


class Tried(NamedTuple):
    """What restarts add: tries made, the loss of the one that was kept, and whether it met the bar."""

    tries: NDArray[np.int32]
    loss: NDArray[np.float32]
    met: NDArray[np.bool_]


@dataclass(frozen=True)
class Trained:
    """Networks of one setting, trained, in memory where they were trained.

    Attributes
    ----------
    problem : Problem
    setting : mapping
        One label of every axis but problems and trials.
    protocol : Protocol
        With the network.
    trials : Trials
        Rows and targets.
    result : TrainingResult
        With parameters, and with snapshots at the epochs that probes ask for.
    snapshot_epochs : tuple of int
        The epochs of the snapshots.
    tried : Tried, optional
    engine : {'auto', 'lanes', 'cuda', 'reference'}
        Who trained them, and trains what probes train further.
    names : tuple of tuple
        A name of each network for streams of random numbers that a probe draws (`relusweep.tasks.streams`).
    pretrained : Pretrained, optional
        What came of training compositions before all weights were trained.
    """

    problem: Problem
    setting: Setting
    protocol: Protocol
    trials: Trials
    result: TrainingResult
    snapshot_epochs: tuple[int, ...] = ()
    tried: Tried | None = None
    engine: Engine = "auto"
    names: tuple[Name, ...] = ()
    pretrained: Pretrained | None = None

    @property
    def parameters(self) -> NDArray[np.float32]:
        """Parameters at the end: (n_networks, n_parameters)."""
        assert self.result.parameters is not None  # they are always asked for
        return self.result.parameters

    def snapshots(self, epochs: tuple[int, ...]) -> NDArray[np.float32]:
        """Parameters after some of the epochs, `END` among them: (n_networks, n_epochs, n_parameters)."""
        return np.stack([self._after(epoch) for epoch in epochs], axis=1)

    def _after(self, epoch: int) -> NDArray[np.float32]:
        if epoch == END:
            return self.parameters
        assert self.result.snapshots is not None
        return self.result.snapshots[:, self.snapshot_epochs.index(epoch)]


class Kept(WithAxes, ABC):
    """What is kept of trained networks: the variables, and where they can be had.

    Attributes
    ----------
    kind : str
        Name of the module.
    result_schema : int
        Part of the fingerprint of sweeps that keep it: raised when it comes to give other numbers.
    """

    result_schema: ClassVar[int] = 1
    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str

    @property
    def own_code(self) -> tuple[str, ...]:
        """Code of the user's own that it is made of, as ``module:name``."""
        return ()

    @abstractmethod
    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Say which variables there are; their dimensions are those of `inner`."""

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give labels and attributes of the dimensions that it adds behind the networks."""
        return {}

    def missing(self, extent: Extent, *shape: int) -> dict[str, NDArray[np.generic]]:
        """Make the variables of so many networks, all missing; pairs have two numbers."""
        sizes = {dim: len(labels) for dim, (labels, _) in self.inner(extent).items()}
        return {
            name: np.full((*shape, *(sizes[dim] for dim in of.dims)), of.fill, of.dtype)
            for name, of in self.variables(extent).items()
        }

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Raise ValueError where the problem or the labels of an axis do not allow it."""


class Probe(Kept):
    """What is kept of each network. A probe is one file in `relusweep.tasks.probes`.

    The module is named like the probe, and defines one subclass of this class. Fields of
    the class are what a specification may set.

    Attributes
    ----------
    wants_parameters : bool
        Whether it looks at the parameters at the end; see `looks_at_end`.
    needs_training : bool
        Whether it looks at more than parameters and how training ended: networks that are stored are trained
        again for it.
    block_trials : int, optional
        Most trials of a block, where measuring a network takes seconds.
    large : bool
        Whether workers write what it gives into the store themselves, so that it does not travel.
    """

    wants_parameters: ClassVar[bool] = True
    needs_training: ClassVar[bool] = False
    block_trials: ClassVar[int | None] = None
    large: ClassVar[bool] = False

    def epochs(self, extent: Extent) -> tuple[int, ...]:
        """Give the epochs, ascending, after which it needs the parameters; `END` is one, and comes first."""
        return ()

    def looks_at_end(self, extent: Extent) -> bool:
        """Tell whether it looks at the parameters at the end."""
        return self.wants_parameters or END in self.epochs(extent)

    def cost(self, setting: Setting, protocol: Protocol, n_rows: int) -> Cost:
        """Estimate what measuring a network takes, where it counts beside its training."""
        return Cost()

    @abstractmethod
    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Give the variables: arrays of (n_networks, …), behind that as long as `inner` says."""


def domain_of(trained: Trained, reach: float = 1.0) -> tuple[float, float]:
    """Give the ends of the problem's own interval, or of that from −1 to 1, stretched about its middle."""
    if not hasattr(trained.problem, "interval"):
        return -reach, reach
    low, high = trained.problem.interval(trained.setting)
    middle, half = (low + high) / 2, (high - low) / 2
    return middle - reach * half, middle + reach * half


def finite(trained: Trained) -> NDArray[np.intp]:
    """Find the networks whose parameters at the end are finite."""
    return np.flatnonzero(np.isfinite(trained.parameters).all(axis=1))


def outputs_at(trained: Trained, inputs: NDArray[Any]) -> NDArray[np.float32]:
    """Give the outputs at the end, as the engine computes them: (n_networks, n_rows, n_outputs).

    Inputs are the same for all networks, (n_rows, n_inputs), or each network's own. NaN where parameters are
    not finite.
    """
    from relusweep.tasks.outputs import outputs

    x = np.ascontiguousarray(inputs, np.float32)
    which = np.zeros(len(trained.parameters), np.intp)
    return outputs(trained.parameters, which, x, networks=[trained.protocol.network], engine="auto")


def output_labels(extent: Extent) -> dict[str, tuple[NDArray[Any], Mapping[str, Any]]]:
    """Give the labels of outputs, where some networks have several."""
    if extent.most_outputs == 1:
        return {}
    return {"output": (np.arange(extent.most_outputs), {"long_name": "output of a network", "units": "1"})}


def most_rows(problem: Problem) -> tuple[int, int]:
    """Count the training rows and the test rows of the networks that have most."""
    rows = max(problem.n_rows_of(setting) for setting in problem.settings())
    test = problem.coordinates(0)["test_rows"][1] if problem.has_test else 0
    return rows, int(np.max(test))


def needs_linear_pieces(probe: str, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
    """Raise ValueError where a network has units that are smooth, several outputs or skip connections."""
    own = [
        {**setting, "loss": loss} for setting in problem.settings() for loss in settings.get("loss", ("",))
    ]
    if any(problem.n_outputs_of(setting) > 1 for setting in own):
        raise ValueError(f"{probe} is of networks of one output, and some have several; leave it out")
    if skip := [name for name in settings.get("skip", ()) if name != "none"]:
        raise ValueError(
            f"{probe} is of networks without skip connections, not of skip = {skip[0]}; leave it out"
        )
    if others := [name for name in settings["activation"] if not activations.load(name).piecewise_linear]:
        raise ValueError(
            f"{probe} needs piecewise linear units of one kink, as those of relu, not {', '.join(others)}; "
            "leave it out"
        )


def needs_relu(probe: str, settings: Mapping[str, tuple[Any, ...]]) -> None:
    """Raise ValueError where a network has units other than those of relu."""
    if others := [name for name in settings["activation"] if name != "relu"]:
        raise ValueError(f"{probe} is of networks of relu units, not of {', '.join(others)}; leave it out")
