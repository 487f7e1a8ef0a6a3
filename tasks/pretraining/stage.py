"""Training of peaks and scales, before all weights of the network that computes the sum are trained."""

from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from relusweep._yaml import Real, Whole
from relusweep.tasks.composition.encoding import encoded
from relusweep.tasks.composition.starts import Start
from relusweep.tasks.composition.waves import partial_sums
from relusweep.tasks.pretraining.ends import PretrainingEnd
from relusweep.tasks.pretraining.triangles import Triangles
from relusweep.tasks.training.engine import Engine
from relusweep.tasks.training.protocol import Protocol, Rows

__all__ = ["Pretrained", "Pretraining", "pretrain"]

_NEAR, _LARGEST = 2.0**-24, 1e26  # exponentials beyond e**60 are not told apart


class Pretraining(BaseModel):
    """What of a composition is trained before all weights are.

    Parameters
    ----------
    kind : {'scales', 'peaks'}
        Peaks and free scales, which stay positive as exponentials; or peaks with the scales that they tie.
        Peaks stay between 0 and 1 by a logistic map.
    epochs : int
        Updates, each of all rows.
    learning_rate : float
        Of the protocol's optimiser.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["scales", "peaks"]
    epochs: Annotated[Whole, Field(ge=0, le=10_000_000)]
    learning_rate: Annotated[Real, Field(gt=0, le=1e30)]


class Pretrained(NamedTuple):
    """What is recorded of each network.

    Attributes
    ----------
    parameters : ndarray of shape (n_networks, n_parameters), dtype float32
        Of the network that computes the sum; NaN where pretraining ended before its last epoch.
    loss : ndarray of shape (n_networks,), dtype float32
        Of the sum.
    end : ndarray of shape (n_networks,), dtype int8
        A :class:`PretrainingEnd`.
    """

    parameters: NDArray[np.float32]
    loss: NDArray[np.float32]
    end: NDArray[np.int8]


def pretrain(
    protocol: Protocol,
    pretraining: Pretraining,
    rows: Rows,
    start: Start,
    *,
    engine: Engine = "auto",
) -> Pretrained:
    """Train compositions, and give the networks that compute them.

    Parameters
    ----------
    protocol : Protocol
        With the network and the optimiser.
    pretraining : Pretraining
    rows : Rows
        Of one input.
    start : Start
    engine : {'auto', 'lanes', 'cuda', 'reference'}
        ``lanes``, as by default, in float32; ``reference`` is PyTorch in float64.

    Returns
    -------
    Pretrained
        Of `lanes`, the bits of each network's result depend on its own arguments alone.

    Raises
    ------
    ValueError
        The network cannot hold waves; see :func:`.encoded`.
    """
    inputs = rows.inputs[..., 0] if rows.inputs.ndim == 3 else rows.inputs[None, :, 0]
    triangles = Triangles(inputs, rows.targets, start.signs.astype(np.float32), start.peaks, start.scales)
    own = {"learning_rate": pretraining.learning_rate, "weight_decay": 0.0}  # of peaks and scales
    optimizer = protocol.optimizer.model_copy(update=own)
    tied = pretraining.kind == "peaks"
    tops, scales = _train(engine)(triangles, optimizer, pretraining.epochs, tied=tied)
    loss = _loss(tops, scales, triangles)
    end = _ends(tops, scales, loss)
    good = end == PretrainingEnd.EPOCHS
    parameters = np.full((len(end), protocol.network.n_parameters), np.nan, np.float32)
    parameters[good] = encoded(
        protocol.network, tops[good], scales[good], start.signs[good], start.spare[good]
    )
    return Pretrained(parameters, loss, end)


def _train(engine: Engine) -> Callable[..., tuple[NDArray[np.floating], NDArray[np.floating]]]:
    if engine == "reference":
        from relusweep.tasks.pretraining.reference import train_reference

        return train_reference
    from relusweep.tasks.pretraining.lanes import train_in_lanes

    return train_in_lanes


def _loss(peaks: NDArray[np.floating], scales: NDArray[np.floating], rows: Triangles) -> NDArray[np.float32]:
    """Give mean squared errors, summed row after row so that bits are the same on every processor."""
    with np.errstate(all="ignore"):  # of what is not finite, which is told
        sums = partial_sums(np.float64(peaks), np.float64(scales), rows.signs, np.float64(rows.inputs))[-1]
        total = np.cumsum((sums - rows.targets) ** 2, axis=1)[:, -1]
        return np.asarray(total / rows.targets.shape[1], np.float32)


def _ends(
    peaks: NDArray[np.floating], scales: NDArray[np.floating], loss: NDArray[np.float32]
) -> NDArray[np.int8]:
    found = np.zeros(len(peaks), np.int8)
    found[((scales <= 0) | (scales >= _LARGEST)).any(axis=1)] = PretrainingEnd.SCALE_OUT_OF_RANGE
    found[((peaks < _NEAR) | (peaks > 1 - _NEAR)).any(axis=1)] = PretrainingEnd.PEAK_AT_END
    lost = ~(np.isfinite(peaks).all(axis=1) & np.isfinite(scales).all(axis=1) & np.isfinite(loss))
    found[lost & (found == PretrainingEnd.EPOCHS)] = PretrainingEnd.NOT_FINITE
    return found
