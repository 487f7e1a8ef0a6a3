"""What training a network means: the protocol, and what is recorded of each network."""

import math
from enum import IntEnum
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from relusweep._yaml import Real, Whole
from relusweep.tasks import activations
from relusweep.tasks.networks import Network
from relusweep.tasks.training.optimizers import Adam, Optimizer, Rate, Schedule, Strength

__all__ = ["PULL_DECAY", "Loss", "Protocol", "Rows", "Rules", "Stop", "StopReason", "TrainingResult"]

Loss = Literal["bce", "mse", "huber", "hinge", "cross_entropy"]
Stop = Literal["first_success", "last_epoch", "plateau", "target_loss", "divergence"]

_Loss = Annotated[Real, Field(ge=0, allow_inf_nan=False)]

PULL_DECAY = 0.9
"""Of running means and variances of hidden activations, from one update to the next."""


class Rules(BaseModel):
    """Biases and scalars of hidden units follow rules of their own: `relusweep.tasks.training.rules`.

    Parameters
    ----------
    kink_rate : float
        Of the biases, the places of the kinks. Above 0, at most 1e30.
    slope_rate : float
        Of the scalars. Above 0, at most 1e30.
    sharpness : {'rule', 'backpropagation'}
        What the sharpness of a bend follows, where a unit has one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kink_rate: Rate = 0.1
    slope_rate: Rate = 0.1
    sharpness: Literal["rule", "backpropagation"] = "rule"


class Protocol(BaseModel):
    """How a network is trained.

    A row is right where each output and its target lie strictly on the same side of the threshold; with
    `cross_entropy`, where the output of its class is larger than all others. A network succeeds where the
    share of right rows is large enough.

    Parameters
    ----------
    network : Network
    loss : {'bce', 'mse', 'huber', 'hinge', 'cross_entropy'}
        Mean over the rows, and over the outputs, of the binary cross-entropy on the logit or the hinge loss
        ``max(0, 1 - target * output)``, for targets −1 and +1; of the squared error or Huber's loss, for any
        targets; or mean over the rows of the cross-entropy of the softmax of all outputs, for targets that
        are numbers of classes, from 0.
    threshold : float
        Where the two classes part; 0 but for the squared error and Huber's loss.
    optimizer : Adam, AdamW, Sgd or RmsProp
    batch : int, optional
        Rows of an update; by default all of them. Batches of fewer rows follow one another through a new
        order of the rows in each epoch; the last one has the rows that are left, as with a ``DataLoader`` of
        PyTorch. A batch of more rows than there are is one of all rows.
    epochs : int
        Most passes over the rows, from 0.
    stop : {'first_success', 'last_epoch', 'plateau', 'target_loss', 'divergence'}
        Stop before the first epoch at whose start the network succeeds, or never before the last one; or as
        soon as the watched loss has not become lower for more than `patience` epochs in a row, is at most
        `target_loss`, or is above `most_loss`. Of the last three, a loss that is not a number ends it too.
    success : float
        Share of right rows that is a success, above 0 and at most 1.
    rules : Rules, optional
        Of biases and scalars of hidden units whose activation allows it; by default they follow the optimiser
        as weights do.
    pull : float
        Strength of the pull of hidden activations to two deviations from their mean, from 0 (none): see
        `relusweep.tasks.training.penalties.Pull`.
    orthogonality : float
        Strength of the penalty on rows of weights that are not orthogonal, from 0 (none): see
        `relusweep.tasks.training.penalties.orthogonality`.
    huber_delta : float
        Error from which on Huber's loss grows linearly, above 0; other losses do not use it.
    l1 : float
        So many times the signs of the parameters are added to their gradient, from 0 (none): the gradient of
        so many times the sum of their absolute values, of which that of 0 is 0. As with weight decay, biases
        and scalars of units count like weights.
    clip_norm : float, optional
        Longest gradient of a network, above 0: a longer one becomes so long, before any weight decay, as
        ``torch.nn.utils.clip_grad_norm_`` does it.
    schedule : Schedule, optional
        Of the learning rate; by default that is constant. Rates of rules have none.
    patience : int, optional
        Of `stop` at a plateau, from 0.
    min_improvement : float
        Of `stop` at a plateau: a loss is lower where it is below the lowest one times 1 − `min_improvement`.
        From 0 and below 1.
    target_loss, most_loss : float, optional
        Of `stop` at a target loss, and by divergence.

    Notes
    -----
    The watched loss, of `stop` and of a schedule that waits for a plateau, is without penalties. With all
    rows in one batch it is the loss over all rows at the start of the epoch, and a network stops before the
    epoch at whose start it is found. With mini-batches it is the mean over the rows of the losses that they
    had when their batch was trained, and a network stops after the epoch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: Network
    loss: Loss = "bce"
    threshold: Annotated[Real, Field(allow_inf_nan=False)] = 0.0
    optimizer: Optimizer = Adam()
    batch: Annotated[Whole, Field(ge=1)] | None = None
    epochs: Annotated[Whole, Field(ge=0, le=10_000_000)] = 4000
    stop: Stop = "first_success"
    success: Annotated[Real, Field(gt=0, le=1)] = 1.0
    rules: Rules | None = None
    pull: Strength = 0.0
    orthogonality: Strength = 0.0
    huber_delta: Annotated[Real, Field(gt=0, le=1e30)] = 1.0
    l1: Strength = 0.0
    clip_norm: Rate | None = None
    schedule: Schedule | None = None
    patience: Annotated[Whole, Field(ge=0, le=10_000_000)] | None = None
    min_improvement: Annotated[Real, Field(ge=0, lt=1)] = 0.0
    target_loss: _Loss | None = None
    most_loss: _Loss | None = None

    @model_validator(mode="after")
    def _rules_are_of_the_units(self) -> "Protocol":
        if self.rules and activations.load(self.network.activation).influences is None:
            fit = [name for name in activations.names() if activations.load(name).influences]
            raise ValueError(
                f"activation {self.network.activation} has no scalars that follow rules; allowed are "
                f"{', '.join(fit)}, or rules = None"
            )
        if self.rules and (self.l1 or self.optimizer.weight_decay):
            raise ValueError(
                "rules move biases and scalars without a gradient, which l1 and weight_decay add to; allowed "
                "are both 0, or rules = None"
            )
        return self

    @model_validator(mode="after")
    def _stop_says_when(self) -> "Protocol":
        needed = {"plateau": "patience", "target_loss": "target_loss", "divergence": "most_loss"}
        if (name := needed.get(self.stop)) and getattr(self, name) is None:
            raise ValueError(f"stop = {self.stop} needs {name}; got none, allowed is a number from 0")
        return self

    @model_validator(mode="after")
    def _loss_fits(self) -> "Protocol":
        if self.loss not in ("mse", "huber") and self.threshold != 0:
            raise ValueError(f"threshold is {self.threshold}; loss = {self.loss} parts its classes at 0")
        if self.loss == "cross_entropy" and self.network.n_outputs == 1:
            raise ValueError(
                "loss = cross_entropy is of one output for each class; got n_outputs = 1, allowed is 2 or "
                "more, or loss = bce for two classes"
            )
        return self

    @property
    def n_targets(self) -> int:
        """Targets of a row: one for each output, or the number of its class."""
        return 1 if self.loss == "cross_entropy" else self.network.n_outputs

    @property
    def reason(self) -> "StopReason":
        """Why a network stops that stops before its last epoch, or at it, as `stop` says."""
        reasons = {"first_success": "SUCCESS", "last_epoch": "EPOCHS"}
        return StopReason[reasons.get(self.stop, self.stop.upper())]

    def batch_of(self, n_rows: int) -> int:
        """Count the rows of an update, of `n_rows`; the last one of an epoch may have fewer."""
        return min(self.batch or n_rows, n_rows)

    def updates_of(self, n_rows: int) -> int:
        """Count the updates of an epoch, of `n_rows`."""
        return -(-n_rows // self.batch_of(n_rows))

    def rows_for_success(self, n_rows: int) -> int:
        """Least number of right rows that is a success, of `n_rows`."""
        return math.ceil(self.success * n_rows * (1 - 1e-12))  # 0.07 * 100 is above 7


class Rows(NamedTuple):
    """Inputs and targets, as the engines take them.

    Attributes
    ----------
    inputs : ndarray of shape (n_rows, n_inputs) or (n_networks, n_rows, n_inputs), dtype float32
        The same for all networks, or each network's own.
    targets : ndarray of shape (n_networks, n_rows) or (n_networks, n_rows, n_targets), dtype float32
    weights : ndarray of shape (n_networks, n_rows), dtype float32, or None
        What the loss of a row counts; by default 1.
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32] | None = None

    @property
    def n_rows(self) -> int:
        """Rows of each network."""
        return int(self.targets.shape[1])


class StopReason(IntEnum):
    """Why the training of a network ended.

    Attributes
    ----------
    SUCCESS
        It succeeded, and was to stop there.
    EPOCHS
        It had its last epoch.
    NOT_FINITE
        An output was infinite or not a number when the rows were looked at.
    PLATEAU, TARGET_LOSS, DIVERGENCE
        The watched loss stayed, was low enough, or was too high, and it was to stop there.
    """

    SUCCESS = 0
    EPOCHS = 1
    NOT_FINITE = 2
    PLATEAU = 3
    TARGET_LOSS = 4
    DIVERGENCE = 5


class TrainingResult(NamedTuple):
    """What is recorded of each network.

    The rows are looked at before each epoch and after the last one; of networks that train in mini-batches to
    the last epoch, only after it.

    Attributes
    ----------
    success_epoch : ndarray of shape (n_networks,), dtype int32
        Epochs made when the network was found to succeed, where it was to stop there; where not, all of them
        if it succeeds at the end; −1: it did not.
    rows_right : ndarray of shape (n_networks,), dtype int32
        Right rows at the end.
    loss : ndarray of shape (n_networks,), dtype float32
        Loss over all rows at the end, without penalties.
    stop_reason : ndarray of shape (n_networks,), dtype int8
        A :class:`StopReason`.
    epochs : ndarray of shape (n_networks,), dtype int32
        Epochs made.
    parameters : ndarray of shape (n_networks, n_parameters), dtype float32, or None
        Parameters at the end, where asked for.
    test_rows_right : ndarray of shape (n_networks,), dtype int32, or None
        Right rows of the test set at the end, where there is one.
    test_loss : ndarray of shape (n_networks,), dtype float32, or None
        Loss over all rows of the test set at the end.
    snapshots : ndarray of shape (n_networks, n_points, n_parameters), dtype float32, or None
        Parameters after chosen epochs, where asked for; NaN after the end of the training.
    """

    success_epoch: NDArray[np.int32]
    rows_right: NDArray[np.int32]
    loss: NDArray[np.float32]
    stop_reason: NDArray[np.int8]
    epochs: NDArray[np.int32]
    parameters: NDArray[np.float32] | None
    test_rows_right: NDArray[np.int32] | None
    test_loss: NDArray[np.float32] | None
    snapshots: NDArray[np.float32] | None

    @classmethod
    def empty(
        cls,
        n_networks: int,
        n_parameters: int,
        *,
        parameters: bool = False,
        test: bool = False,
        snapshots: int = 0,
    ) -> "TrainingResult":
        """Room for the results of `n_networks`, with what of them is to be kept."""
        return cls(
            np.full(n_networks, -1, np.int32),
            np.zeros(n_networks, np.int32),
            np.full(n_networks, np.nan, np.float32),
            np.zeros(n_networks, np.int8),
            np.zeros(n_networks, np.int32),
            np.empty((n_networks, n_parameters), np.float32) if parameters else None,
            np.zeros(n_networks, np.int32) if test else None,
            np.full(n_networks, np.nan, np.float32) if test else None,
            np.full((n_networks, snapshots, n_parameters), np.nan, np.float32) if snapshots else None,
        )
