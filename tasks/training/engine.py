"""One function that trains, and the choice between its engines."""

import logging
import os
from collections.abc import Sequence
from time import thread_time
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks import activations
from relusweep.tasks.networks import Network, places_of
from relusweep.tasks.training.protocol import Protocol, Rows, TrainingResult

__all__ = [
    "MOST_ON_GPU",
    "Engine",
    "chosen_engine",
    "lacking",
    "lacking_of",
    "lacking_on_gpu",
    "prepare",
    "train",
]

_log = logging.getLogger(__name__)

MOST_ON_GPU = 4096
"""Parameters of a network that the engine `cuda` trains: they lie in the memory of one thread."""

Engine = Literal["auto", "lanes", "cuda", "reference"]

_MANY = 1024
"""Networks of a call from which on a GPU is faster than the lanes."""


def train(
    protocol: Protocol,
    inputs: ArrayLike,
    targets: ArrayLike,
    initial: ArrayLike,
    *,
    orders: ArrayLike | None = None,
    test: tuple[ArrayLike, ArrayLike] | None = None,
    weights: ArrayLike | None = None,
    engine: Engine = "auto",
    keep_parameters: bool = False,
    snapshots: Sequence[int] = (),
) -> TrainingResult:
    """Train many networks of one shape, each on its own targets and from its own start.

    Parameters
    ----------
    protocol : Protocol
    inputs : array_like of shape (n_rows, n_inputs) or (n_networks, n_rows, n_inputs)
        Inputs, finite in float32: the same for all networks, or each network's own.
    targets : array_like of shape (n_networks, n_rows) or (n_networks, n_rows, n_targets)
        One of each output: −1 or +1 with the losses `bce` and `hinge`, finite in float32 with `mse` and
        `huber`. With `cross_entropy` one of each row: the number of its class, from 0.
    initial : array_like of shape (n_networks, n_parameters)
        Starts, in the order of :class:`relusweep.tasks.networks.Network`; computed in float32.
    orders : array_like of shape (n_networks,), uint64, optional
        What each network's orders of the rows are drawn from, as :meth:`relusweep.tasks.streams.Stream.keys`
        gives it; needed for batches of fewer rows than there are.
    test : pair of array_like, optional
        Inputs and targets, shaped alike, of rows to look at after training.
    weights : array_like of shape (n_rows,) or (n_networks, n_rows), optional
        What the loss of each row counts: the loss of a batch is the mean over its rows of weight × loss.
        Finite, from 0, and not all 0. Rows of weight 0 count as right. Test rows have no weights.
    engine : {'auto', 'lanes', 'cuda', 'reference'}
        `lanes` is the fast one: compiled, vectorised over networks. `cuda` gives the same bits on a GPU.
        `reference` is stacked PyTorch with autograd. All follow the same protocol; the roundings of the last
        differ. `auto` is `lanes` where that can train the networks, else `reference`, see :func:`lacking`;
        in a worker that was given a GPU, `cuda` for many networks.
    keep_parameters : bool
        Whether to return the parameters of each network at the end.
    snapshots : sequence of int
        Epochs, ascending, after which to keep the parameters too.

    Returns
    -------
    TrainingResult
        In the order of the networks. Of `lanes` and `cuda`, the bits of each network's result depend on its
        own arguments alone.

    Raises
    ------
    NoDeviceError
        The engine is `cuda`, and there is no GPU that can be used.
    ValueError
        If shapes do not fit the network or one another, units of zeros are not zero, targets or weights are
        not what is allowed, inputs are not finite, orders are lacking, the engine is unknown or cannot train
        the networks.

    Examples
    --------
    >>> import numpy as np
    >>> from relusweep.tasks.networks import Network
    >>> protocol = Protocol(network=Network(n_inputs=1, width=2, depth=1))
    >>> start = np.ones((1, protocol.network.n_parameters))
    >>> train(protocol, [[-1.0], [1.0]], [[-1, 1]], start).stop_reason
    array([0], dtype=int8)
    """
    start = np.ascontiguousarray(initial, np.float32)
    rows = _checked_rows(protocol, inputs, targets, "")
    if weights is not None:
        rows = rows._replace(weights=_checked_weights(rows, weights))
    n_networks = len(rows.targets)
    chosen = chosen_engine(engine, protocol, n_networks)
    if start.shape != (n_networks, protocol.network.n_parameters):
        raise ValueError(
            f"initial parameters have shape {start.shape}; "
            f"allowed is (n_networks, n_parameters) = {(n_networks, protocol.network.n_parameters)}"
        )
    if protocol.network.widths is not None:
        _check_zeros(protocol.network, start)
    keys = _checked_orders(protocol, rows, orders)
    if list(snapshots) != sorted({epoch for epoch in snapshots if epoch >= 0}):
        raise ValueError(f"snapshots are {list(snapshots)}; allowed are epochs from 0, ascending, each once")
    test_rows = None if test is None else _checked_rows(protocol, *test, "test ")
    if test_rows is not None and len(test_rows.targets) != n_networks:
        raise ValueError(f"test targets are of {len(test_rows.targets)} networks, the others of {n_networks}")
    return _trained(
        chosen,
        *(protocol, rows, start, keys, test_rows),
        fall_back=engine == "auto",
        keep_parameters=keep_parameters,
        snapshots=snapshots,
    )


def _trained(chosen: str, *arguments: Any, fall_back: bool, **kept: Any) -> TrainingResult:
    """Train by an engine; by the lanes where a GPU has no room and they may stand in for it."""
    if chosen == "reference":
        from relusweep.tasks.training.reference import train_reference

        return train_reference(*arguments, **kept)
    if chosen == "cuda":
        from relusweep.tasks.training.device.machine import DeviceMemoryError, NoDeviceError
        from relusweep.tasks.training.device.training import train_cuda

        try:
            return train_cuda(*arguments, **kept)
        except (DeviceMemoryError, NoDeviceError) as error:
            if not fall_back:
                raise
            _log.warning("networks are trained by lanes: %s", error)
    from relusweep.tasks.training.lanes import train_lanes

    return train_lanes(*arguments, **kept)


def prepare(protocol: Protocol, n_rows: int, engine: Engine = "auto") -> float:
    """Compile the kernels of a shape, or load them from the cache on disk, by training no network with them.

    Those are the kernels of the lanes, which the engine `cuda` is held against.

    Parameters
    ----------
    protocol : Protocol
    n_rows : int
        Rows of the data.
    engine : {'auto', 'lanes', 'cuda', 'reference'}

    Returns
    -------
    float
        CPU seconds it took: next to nothing where this process has the kernels already, or needs none.
    """
    if chosen_engine(engine, protocol) == "reference":
        return 0.0
    from relusweep.tasks.training import lanes

    start = thread_time()
    shape = (0, n_rows) if protocol.n_targets == 1 else (0, n_rows, protocol.n_targets)
    rows = Rows(np.zeros((n_rows, protocol.network.n_inputs), np.float32), np.zeros(shape, np.float32))
    lanes.prepare(protocol, rows, np.zeros(0, np.uint64) if protocol.updates_of(n_rows) > 1 else None)
    return thread_time() - start


def lacking(protocol: Protocol) -> str | None:
    """Say what the engine `lanes` lacks to train networks; None where it can train them.

    Parameters
    ----------
    protocol : Protocol
        With the network.
    """
    return lacking_of(protocol.network.activation)


def lacking_on_gpu(n_parameters: int) -> str | None:
    """Say what the engine `cuda` lacks, beside what `lanes` does, for networks of so many parameters."""
    if n_parameters <= MOST_ON_GPU:
        return None
    return f"networks of {n_parameters:,} parameters: allowed are at most {MOST_ON_GPU:,}, a thread's memory"


def lacking_of(activation: str) -> str | None:
    """Say what the engine `lanes` lacks to train networks of an activation: that alone it may lack."""
    if activations.load(activation).in_lanes:
        return None
    slow = [name for name in activation.split("-") if not activations.load(name).in_lanes]
    return f"the activation {slow[0]}"


def chosen_engine(
    engine: Engine, protocol: Protocol, n_networks: int = 0
) -> Literal["lanes", "cuda", "reference"]:
    """Give the engine that trains networks.

    Parameters
    ----------
    engine : {'auto', 'lanes', 'cuda', 'reference'}
        `auto` is `lanes` where that can, else `reference`; and `cuda` in place of `lanes` where this process
        was given a GPU, and the networks are many.
    protocol : Protocol
        With the network.
    n_networks : int
        How many they are.

    Raises
    ------
    ValueError
        There is no such engine, or it cannot train them.
    """
    if engine not in get_args(Engine):
        raise ValueError(f"unknown engine {engine!r}; the engines are {', '.join(get_args(Engine))}")
    without, large = lacking(protocol), lacking_on_gpu(protocol.network.n_parameters)
    if engine in ("lanes", "cuda") and without:
        raise ValueError(
            f"the engine {engine} does not have {without}; use engine='auto' or 'reference', which trains "
            "with PyTorch"
        )
    if engine == "cuda" and large:
        raise ValueError(f"the engine cuda does not have {large}; use engine='auto' or 'lanes'")
    if engine == "reference" or without:
        return "reference"
    if engine == "cuda" or (engine == "auto" and n_networks >= _MANY and not large and _has_gpu()):
        return "cuda"
    return "lanes"


def _has_gpu() -> bool:
    """Tell whether this process was given a GPU, as workers are, that the engine `cuda` can use."""
    if not os.environ.get("CUDA_VISIBLE_DEVICES"):
        return False
    from relusweep.tasks.training.device.cuda import device
    from relusweep.tasks.training.device.machine import NoDeviceError

    try:
        device()
    except NoDeviceError as error:
        _log.debug("networks are trained by lanes: %s", error)
        return False
    return True


def _checked_rows(protocol: Protocol, inputs: ArrayLike, targets: ArrayLike, of: str) -> Rows:
    n_inputs, n_targets = protocol.network.n_inputs, protocol.n_targets
    with np.errstate(over="ignore"):  # reported below
        x, y = np.ascontiguousarray(inputs, np.float32), np.ascontiguousarray(targets, np.float32)
    if x.ndim not in (2, 3) or x.shape[-2] == 0 or x.shape[-1] != n_inputs:
        raise ValueError(
            f"{of}inputs have shape {x.shape}; allowed is (n_rows >= 1, n_inputs = {n_inputs}), "
            "with n_networks before it where each has its own"
        )
    n_rows = x.shape[-2]
    if n_targets == 1 and y.ndim == 3 and y.shape[2] == 1:
        y = y[..., 0]
    if y.ndim < 2 or y.shape[1:] != ((n_rows,) if n_targets == 1 else (n_rows, n_targets)):
        several = "" if n_targets == 1 else f", n_targets = {n_targets}"
        raise ValueError(
            f"{of}targets have shape {y.shape}; allowed is (n_networks, n_rows = {n_rows}{several})"
        )
    if x.ndim == 3 and len(x) != len(y):
        raise ValueError(f"{of}inputs are of {len(x)} networks, {of}targets of {len(y)}")
    for what, array in ((f"{of}inputs", x), (f"{of}targets", y)):
        if not np.isfinite(array).all():
            n_bad = np.count_nonzero(~np.isfinite(array))
            raise ValueError(f"{n_bad} {what} are not finite in float32; all must be")
    _check_targets(protocol, y, of)
    return Rows(x, y)


def _check_targets(protocol: Protocol, targets: NDArray[np.float32], of: str) -> None:
    """Refuse targets that the loss does not allow."""
    if protocol.loss in ("bce", "hinge"):
        allowed, right = "-1 and +1", np.isin(targets, (-1, 1))
    elif protocol.loss == "cross_entropy":
        n_classes = protocol.network.n_outputs
        allowed = f"the numbers of the classes, 0 to {n_classes - 1}"
        right = (targets >= 0) & (targets < n_classes) & (targets == np.floor(targets))
    else:
        return
    if not right.all():
        strange = np.unique(targets[~right])[:5].tolist()
        raise ValueError(f"{of}targets hold {strange}; with loss = {protocol.loss} allowed are {allowed}")


def _checked_weights(rows: Rows, weights: ArrayLike) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # reported below
        w = np.asarray(weights, np.float32)
    shape = rows.targets.shape[:2]
    if w.shape not in (shape, shape[1:]):
        raise ValueError(
            f"weights have shape {w.shape}; allowed is (n_rows = {shape[1]},) or "
            f"(n_networks = {shape[0]}, n_rows = {shape[1]})"
        )
    if not (np.isfinite(w) & (w >= 0)).all():
        strange = np.unique(w[~(np.isfinite(w) & (w >= 0))])[:5].tolist()
        raise ValueError(f"weights hold {strange}; allowed are finite numbers from 0")
    if not w.any(axis=-1).all():
        raise ValueError("all weights of a network are 0; give a row at least that is learned")
    return np.ascontiguousarray(np.broadcast_to(w, shape))


def _check_zeros(network: Network, initial: NDArray[np.float32]) -> None:
    removed = np.count_nonzero(np.delete(initial, places_of(network), axis=1))
    if removed:
        raise ValueError(
            f"initial parameters hold {removed} numbers that are not 0 in units of zeros of widths "
            f"{network.widths}; a removed unit has incoming weights, bias and outgoing weights 0"
        )


def _checked_orders(protocol: Protocol, rows: Rows, orders: ArrayLike | None) -> NDArray[np.uint64] | None:
    """Give the keys of the orders; None where an epoch is one batch of all rows."""
    batch = protocol.batch_of(rows.n_rows)
    if batch == rows.n_rows:
        return None
    if orders is None:
        raise ValueError(f"batches of {batch} of {rows.n_rows} rows need orders, a key for each network")
    keys = np.asarray(orders)
    if keys.shape != (len(rows.targets),) or keys.dtype != np.uint64:
        raise ValueError(
            f"orders are {keys.dtype} of shape {keys.shape}; "
            f"allowed is uint64 of shape (n_networks = {len(rows.targets)},)"
        )
    return keys
