"""One function that trains, and the choice between its engines."""

from collections.abc import Sequence
from time import thread_time
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks import activations
from relusweep.tasks.training.protocol import Protocol, Rows, TrainingResult

__all__ = ["Engine", "prepare", "train"]

Engine = Literal["auto", "lanes", "reference"]


def train(
    protocol: Protocol,
    inputs: ArrayLike,
    targets: ArrayLike,
    initial: ArrayLike,
    *,
    orders: ArrayLike | None = None,
    test: tuple[ArrayLike, ArrayLike] | None = None,
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
    targets : array_like of shape (n_networks, n_rows)
        For cross-entropy −1 or +1; for the squared error finite in float32.
    initial : array_like of shape (n_networks, n_parameters)
        Starts, in the order of :class:`relusweep.tasks.networks.Network`; computed in float32.
    orders : array_like of shape (n_networks,), uint64, optional
        What each network's orders of the rows are drawn from, as :meth:`relusweep.tasks.streams.Stream.keys`
        gives it; needed for batches of fewer rows than there are.
    test : pair of array_like, optional
        Inputs and targets, shaped alike, of rows to look at after training.
    engine : {'auto', 'lanes', 'reference'}
        `lanes` is the fast one: compiled, vectorised over networks. `reference` is stacked PyTorch with
        autograd. Both follow the same protocol; their roundings differ. `auto` is `lanes` where that has the
        network's activation, else `reference`.
    keep_parameters : bool
        Whether to return the parameters of each network at the end.
    snapshots : sequence of int
        Epochs, ascending, after which to keep the parameters too.

    Returns
    -------
    TrainingResult
        In the order of the networks. Of `lanes`, the bits of each network's result depend on its own
        arguments alone.

    Raises
    ------
    ValueError
        If shapes do not fit the network or one another, targets are not what the loss allows, inputs are not
        finite, the batch does not divide the rows, orders are lacking, the engine is unknown or has not the
        network's activation.

    Examples
    --------
    >>> import numpy as np
    >>> from relusweep.tasks.networks import Network
    >>> protocol = Protocol(network=Network(n_inputs=1, width=2, depth=1))
    >>> start = np.ones((1, protocol.network.n_parameters))
    >>> train(protocol, [[-1.0], [1.0]], [[-1, 1]], start).stop_reason
    array([0], dtype=int8)
    """
    chosen = _chosen(engine, protocol.network.activation)
    start = np.ascontiguousarray(initial, np.float32)
    rows = _checked_rows(protocol, inputs, targets, "")
    n_networks = len(rows.targets)
    if start.shape != (n_networks, protocol.network.n_parameters):
        raise ValueError(
            f"initial parameters have shape {start.shape}; "
            f"allowed is (n_networks, n_parameters) = {(n_networks, protocol.network.n_parameters)}"
        )
    keys = _checked_orders(protocol, rows, orders)
    if list(snapshots) != sorted({epoch for epoch in snapshots if epoch >= 0}):
        raise ValueError(f"snapshots are {list(snapshots)}; allowed are epochs from 0, ascending, each once")
    test_rows = None if test is None else _checked_rows(protocol, *test, "test ")
    if test_rows is not None and len(test_rows.targets) != n_networks:
        raise ValueError(f"test targets are of {len(test_rows.targets)} networks, the others of {n_networks}")
    if chosen == "reference":
        from relusweep.tasks.training.reference import train_reference

        return train_reference(
            protocol, rows, start, keys, test_rows, keep_parameters=keep_parameters, snapshots=snapshots
        )
    from relusweep.tasks.training.lanes import train_lanes

    return train_lanes(
        protocol, rows, start, keys, test_rows, keep_parameters=keep_parameters, snapshots=snapshots
    )


def prepare(protocol: Protocol, n_rows: int, engine: Engine = "auto") -> float:
    """Compile the kernels of a shape, or load them from the cache on disk, by training no network with them.

    Parameters
    ----------
    protocol : Protocol
    n_rows : int
        Rows of the data.
    engine : {'auto', 'lanes', 'reference'}

    Returns
    -------
    float
        CPU seconds it took: next to nothing where this process has the kernels already, or needs none.
    """
    if _chosen(engine, protocol.network.activation) == "reference":
        return 0.0
    from relusweep.tasks.training import lanes

    start = thread_time()
    rows = Rows(np.zeros((n_rows, protocol.network.n_inputs), np.float32), np.zeros((0, n_rows), np.float32))
    shuffled = protocol.batch not in (None, n_rows)
    lanes.prepare(protocol, rows, np.zeros(0, np.uint64) if shuffled else None)
    return thread_time() - start


def _chosen(engine: Engine, activation: str) -> Engine:
    """Give the engine that trains networks of an activation."""
    if engine not in get_args(Engine):
        raise ValueError(f"unknown engine {engine!r}; the engines are {', '.join(get_args(Engine))}")
    fast = activations.load(activation).in_lanes
    if engine == "lanes" and not fast:
        raise ValueError(
            f"the engine lanes has not the activation {activation}; use engine='auto' or 'reference', which "
            "train it with PyTorch"
        )
    return engine if engine != "auto" else "lanes" if fast else "reference"


def _checked_rows(protocol: Protocol, inputs: ArrayLike, targets: ArrayLike, of: str) -> Rows:
    n_inputs = protocol.network.n_inputs
    with np.errstate(over="ignore"):  # reported below
        x, y = np.ascontiguousarray(inputs, np.float32), np.ascontiguousarray(targets, np.float32)
    if x.ndim not in (2, 3) or x.shape[-2] == 0 or x.shape[-1] != n_inputs:
        raise ValueError(
            f"{of}inputs have shape {x.shape}; allowed is (n_rows >= 1, n_inputs = {n_inputs}), "
            "with n_networks before it where each has its own"
        )
    if y.ndim != 2 or y.shape[1] != x.shape[-2]:
        raise ValueError(f"{of}targets have shape {y.shape}; allowed is (n_networks, n_rows = {x.shape[-2]})")
    if x.ndim == 3 and len(x) != len(y):
        raise ValueError(f"{of}inputs are of {len(x)} networks, {of}targets of {len(y)}")
    for what, array in ((f"{of}inputs", x), (f"{of}targets", y)):
        if not np.isfinite(array).all():
            n_bad = np.count_nonzero(~np.isfinite(array))
            raise ValueError(f"{n_bad} {what} are not finite in float32; all must be")
    if protocol.loss == "bce" and not np.isin(y, (-1, 1)).all():
        strange = np.setdiff1d(y, (-1, 1))[:5].tolist()
        raise ValueError(f"{of}targets hold {strange}; allowed are -1 and +1")
    return Rows(x, y)


def _checked_orders(protocol: Protocol, rows: Rows, orders: ArrayLike | None) -> NDArray[np.uint64] | None:
    """Give the keys of the orders; None where an epoch is one batch of all rows."""
    batch = protocol.batch or rows.n_rows
    if rows.n_rows % batch:
        raise ValueError(f"batches of {batch} do not divide {rows.n_rows} rows; allowed are divisors")
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
