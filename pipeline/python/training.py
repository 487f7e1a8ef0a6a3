"""Training from Python: networks on data of one's own, without a sweep."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.networks import initial_parameters
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import Engine, Protocol, TrainingResult
from relusweep.tasks.training import train as train_networks

__all__ = ["train"]


def train(
    protocol: Protocol,
    inputs: ArrayLike,
    targets: ArrayLike,
    *,
    trials: int = 1,
    seed: int = 0,
    initial: ArrayLike | None = None,
    test: tuple[ArrayLike, ArrayLike] | None = None,
    weights: ArrayLike | None = None,
    engine: Engine = "auto",
) -> TrainingResult:
    """Train many networks on the same rows, each from a start of its own, and keep their parameters.

    Parameters
    ----------
    protocol : Protocol
        With the network; says the loss, the optimiser, how long to train.
    inputs : array_like of shape (n_rows, n_inputs)
    targets : array_like of shape (n_rows,) or (n_rows, n_targets)
        One of each output: −1 or +1 with the losses `bce` and `hinge`, any finite numbers with `mse` and
        `huber`. With `cross_entropy` one of each row: the number of its class, from 0.
    trials : int
        How many networks.
    seed : int
        Another one draws other starts, and other orders of the rows where they come in batches. The start of
        a trial does not depend on how many there are, nor on anything of the protocol but the network; with
        ``init="compositional"`` it depends on whether the rows are of a convex or a concave function.
    initial : array_like of shape (trials, n_parameters), optional
        Starts of one's own, in the order of `relusweep.Network`.
    test : pair of array_like, optional
        Inputs and targets, shaped alike, of rows to look at after training.
    weights : array_like of shape (n_rows,), optional
        What the loss of each row counts, from 0: the loss is the mean of weight × loss. Those of mean 1 leave
        its size as it is.
    engine : {'auto', 'lanes', 'cuda', 'reference'}
        ``lanes`` is compiled and fast; ``reference`` is PyTorch. ``auto`` is ``lanes`` where that can train
        the networks, and ``reference`` for others.

    Returns
    -------
    TrainingResult
        Of every network, among others, ``success_epoch`` (−1: it never had all rows right), ``loss`` and
        ``parameters``.

    Raises
    ------
    ValueError
        Shapes do not fit the network or one another, or targets or weights are not what is allowed.

    Examples
    --------
    >>> import relusweep as rs
    >>> network = rs.Network(n_inputs=2, width=3, depth=1, leak=0.1)
    >>> rows = [[-1, -1], [1, -1], [-1, 1], [1, 1]]
    >>> result = rs.train(rs.Protocol(network=network), rows, [-1, 1, 1, -1], trials=20)
    >>> result.success_epoch.shape, result.parameters.shape
    ((20,), (20, 13))
    """
    rows, one = np.asarray(inputs), np.asarray(targets)
    if one.ndim == 2 and one.shape[1] != protocol.n_targets:
        allowed = f"(n_rows, n_targets = {protocol.n_targets})"
        raise ValueError(f"targets have shape {one.shape}; allowed is {allowed}, the same for all trials")
    if one.ndim not in (1, 2):
        raise ValueError(
            f"targets have shape {one.shape}; allowed is (n_rows,) or (n_rows, n_targets), the same for all "
            "trials"
        )
    if weights is not None and np.ndim(weights) != 1:
        raise ValueError(
            f"weights have shape {np.shape(weights)}; allowed is (n_rows,), the same for all trials"
        )
    seed = int(index(seed))  # streams are named by how it is written
    if initial is None:
        network = protocol.network
        shape = (network.n_inputs, network.width, network.depth, float(network.leak), network.bias)
        numbers = range(trials)
        learned = rows, _of_all(one, len(numbers))
        initial = initial_parameters(network, Stream(("own starts", seed, *shape)), numbers, learned)
    start = np.asarray(initial)
    orders = Stream(("own orders", seed)).keys(range(len(start)))
    beside = None if test is None else (test[0], _of_all(test[1], len(start)))
    return train_networks(
        protocol,
        rows,
        _of_all(one, len(start)),
        start,
        orders=orders,
        test=beside,
        weights=weights,
        engine=engine,
        keep_parameters=True,
    )


def _of_all(targets: ArrayLike, trials: int) -> NDArray[Any]:
    """Give the same targets to all trials."""
    one = np.asarray(targets)
    return np.tile(one, (trials, *(1,) * one.ndim))
