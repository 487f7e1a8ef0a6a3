"""What training a network means: the protocol, and what is recorded of each network."""

from enum import IntEnum
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from tasks.networks import Network

__all__ = ["Adam", "Protocol", "StopReason", "TrainingResult"]


class Adam(BaseModel):
    """The optimiser of Kingma and Ba (2015), with bias correction, as ``torch.optim.Adam`` computes it.

    Parameters
    ----------
    learning_rate : float
        From 1e-30 to 1e30: what float32 holds with room to spare.
    beta1, beta2 : float
        Decay of the first and second moments, from 0 and below 1.
    epsilon : float
        Added to the root of the second moment, from 1e-16 to 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_rate: Annotated[float, Field(ge=1e-30, le=1e30)] = 0.025
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    epsilon: Annotated[float, Field(ge=1e-16, le=1)] = 1e-8


class Protocol(BaseModel):
    """How a network is trained: full batches, until every row is right or the epochs are used up.

    Parameters
    ----------
    network : Network
    loss : {'bce'}
        Binary cross-entropy on the logit, mean over the rows.
    optimizer : Adam
    epochs : int
        Most updates of the parameters, from 0.
    stop : {'first_success'}
        Stop before the first update at whose forward pass all rows are right.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: Network
    loss: Literal["bce"] = "bce"
    optimizer: Adam = Adam()
    epochs: Annotated[int, Field(ge=0, le=10_000_000)] = 4000
    stop: Literal["first_success"] = "first_success"


class StopReason(IntEnum):
    """Why the training of a network ended."""

    SUCCESS = 0
    EPOCHS = 1
    NOT_FINITE = 2


class TrainingResult(NamedTuple):
    """What is recorded of each network.

    Attributes
    ----------
    success_epoch : ndarray of shape (n_networks,), dtype int32
        Updates made before the first forward pass that was right on every row; -1: never.
    rows_right : ndarray of shape (n_networks,), dtype int32
        Rows on the right side of zero in the last forward pass.
    loss : ndarray of shape (n_networks,), dtype float32
        Loss of the last forward pass.
    stop_reason : ndarray of shape (n_networks,), dtype int8
        A :class:`StopReason`.
    epochs : ndarray of shape (n_networks,), dtype int32
        Updates made.
    parameters : ndarray of shape (n_networks, n_parameters), dtype float32, or None
        Parameters of the last forward pass, where asked for.
    """

    success_epoch: NDArray[np.int32]
    rows_right: NDArray[np.int32]
    loss: NDArray[np.float32]
    stop_reason: NDArray[np.int8]
    epochs: NDArray[np.int32]
    parameters: NDArray[np.float32] | None

    @classmethod
    def empty(cls, n_networks: int, n_parameters: int | None) -> "TrainingResult":
        """Room for the results of `n_networks`; no parameters are kept where `n_parameters` is None."""
        return cls(
            np.full(n_networks, -1, np.int32),
            np.zeros(n_networks, np.int32),
            np.full(n_networks, np.nan, np.float32),
            np.zeros(n_networks, np.int8),
            np.zeros(n_networks, np.int32),
            None if n_parameters is None else np.empty((n_networks, n_parameters), np.float32),
        )
