"""Restarts: tries from fresh weights until the loss meets a bar, then further epochs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from relusweep._yaml import Real, Whole
from relusweep.tasks.compiled import LANES
from relusweep.tasks.networks import initial_parameters
from relusweep.tasks.streams import Stream
from relusweep.tasks.training.engine import Engine, train
from relusweep.tasks.training.protocol import Protocol, TrainingResult

__all__ = ["Restarts", "RestartsResult", "train_with_restarts"]

_MOST_AT_ONCE = 4096  # networks of a call: their starts stay within megabytes


class Restarts(BaseModel):
    """When to start again from fresh weights, and how long to go on with the try that is kept.

    Parameters
    ----------
    bar : float
        A try whose loss after its epochs is above this, or not finite, is given up.
    most : int
        Most restarts, from 0; the last try is kept whatever its loss.
    further_epochs : int
        Epochs of the try that is kept after those of a try, from 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bar: Annotated[Real, Field(allow_inf_nan=False, description="a finite number")]
    most: Annotated[Whole, Field(ge=0, le=1_000_000, description="0 to 1 000 000")]
    further_epochs: Annotated[Whole, Field(ge=0, le=5_000_000, description="0 to 5 000 000")]


class RestartsResult(NamedTuple):
    """What is recorded of each network.

    Attributes
    ----------
    tries : ndarray of shape (n_networks,), dtype int32
        Tries made, the one that was kept included: at least 1.
    try_loss : ndarray of shape (n_networks,), dtype float32
        Loss of the try that was kept, after the epochs of a try.
    training : TrainingResult
        Of the try that was kept, from its start to the last of the further epochs.
    """

    tries: NDArray[np.int32]
    try_loss: NDArray[np.float32]
    training: TrainingResult


def train_with_restarts(
    protocol: Protocol,
    restarts: Restarts,
    inputs: ArrayLike,
    targets: ArrayLike,
    starts: Sequence[Stream],
    *,
    orders: Sequence[Stream] | None = None,
    test: tuple[ArrayLike, ArrayLike] | None = None,
    weights: ArrayLike | None = None,
    engine: Engine = "auto",
    keep_parameters: bool = False,
    snapshots: Sequence[int] = (),
) -> RestartsResult:
    """Train each network from fresh weights until its loss meets a bar, and then go on with it.

    Parameters
    ----------
    protocol : Protocol
        Of one try, to its last epoch.
    restarts : Restarts
    inputs, targets
        As for :func:`relusweep.tasks.training.train`.
    starts : sequence of Stream, one for each network
        Try t of a network starts from trial t of its stream.
    orders : sequence of Stream, one for each network, optional
        Try t of a network draws its orders of the rows from the key of trial t; needed for batches of fewer
        rows than there are.
    test, keep_parameters, snapshots
        As for :func:`relusweep.tasks.training.train`; of the try that is kept.
    weights, engine
        As for :func:`relusweep.tasks.training.train`.

    Returns
    -------
    RestartsResult
        In the order of the networks: what trying one after another gives. With the engine `lanes`, the bits
        of a network's result depend on its own arguments alone.

    Raises
    ------
    ValueError
        If tries may end before their last epoch, or there is not one stream for each network; and as for
        :func:`relusweep.tasks.training.train`.

    Notes
    -----
    Many tries are made at once, and the first of them that meets the bar is kept. It is trained again from
    its own start, which gives the same bits, and so its optimiser goes on in the state that it had.
    """
    each = None if weights is None else np.asarray(weights)
    tries = _Tries(np.asarray(inputs), np.asarray(targets), each, starts, orders, engine)
    _check(protocol, tries)
    made, losses = _search(protocol, restarts, tries)
    longer = protocol.model_copy(update={"epochs": protocol.epochs + restarts.further_epochs})
    kept = [range(count - 1, count) for count in made.tolist()]
    options = {"test": test, "keep_parameters": keep_parameters, "snapshots": snapshots}
    training = tries.train(longer, np.arange(len(starts)), kept, **options)
    return RestartsResult(made, losses, training)


@dataclass(frozen=True)
class _Tries:
    """The data of some networks, and where their tries draw from."""

    inputs: NDArray[np.generic]
    targets: NDArray[np.generic]
    weights: NDArray[np.generic] | None
    starts: Sequence[Stream]
    orders: Sequence[Stream] | None
    engine: Engine

    def train(
        self,
        protocol: Protocol,
        networks: NDArray[np.intp],
        tries: Sequence[range],
        **options: Any,
    ) -> TrainingResult:
        """Train tries of some networks: for each network a range of them, one network after another."""
        chosen = list(zip(networks.tolist(), tries, strict=True))
        each = np.repeat(networks, [len(some) for some in tries])
        orders, weights = self.orders, self.weights
        return train(
            protocol,
            self.inputs[each] if self.inputs.ndim == 3 else self.inputs,
            self.targets[each],
            np.concatenate(
                [initial_parameters(protocol.network, self.starts[i], some) for i, some in chosen]
            ),
            orders=None if orders is None else np.concatenate([orders[i].keys(some) for i, some in chosen]),
            weights=weights[each] if weights is not None and weights.ndim == 2 else weights,
            engine=self.engine,
            **options,
        )


def _check(protocol: Protocol, tries: _Tries) -> None:
    if protocol.stop != "last_epoch":
        raise ValueError(
            f"tries stop at {protocol.stop!r}; allowed is stop='last_epoch', since the bar is held against "
            "the loss after all epochs of a try"
        )
    counts = {"starts": tries.starts, "orders": tries.orders}
    for what, streams in counts.items():
        if streams is not None and (len(streams) != len(tries.targets) or not streams):
            raise ValueError(
                f"{what} are {len(streams)} streams for the targets of {len(tries.targets)} networks; "
                "give one stream for each network, and at least one"
            )


def _search(
    protocol: Protocol, restarts: Restarts, tries: _Tries
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Find for each network the first try that meets the bar, or the last one: tries made, and its loss."""
    made = np.zeros(len(tries.starts), np.int32)
    losses = np.full(len(tries.starts), np.nan, np.float32)
    seeking, start = np.arange(len(tries.starts)), 0
    while len(seeking) and start <= restarts.most:
        wave = range(start, min(start + _wave(start, len(seeking)), restarts.most + 1))
        result = tries.train(protocol, seeking, [wave] * len(seeking))
        loss = result.loss.reshape(len(seeking), len(wave))
        meets = loss <= restarts.bar  # false where it is not a number
        kept = np.where(meets.any(axis=1), meets.argmax(axis=1), len(wave) - 1)
        made[seeking] = wave.start + kept + 1
        losses[seeking] = np.take_along_axis(loss, kept[:, None], axis=1)[:, 0]
        seeking, start = seeking[~meets.any(axis=1)], wave.stop
    return made, losses


def _wave(made: int, n_seeking: int) -> int:
    """Choose how many tries each network makes at once: enough to fill the lanes, later half of those made.

    So n tries take some log(n) calls, and of many tries at most a third come after the one that is kept.
    """
    return min(max(LANES // n_seeking, made // 2, 1), max(_MOST_AT_ONCE // n_seeking, 1))
