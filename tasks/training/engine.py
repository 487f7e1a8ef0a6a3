"""One function that trains, and the choice between its engines."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tasks.training.protocol import Protocol, TrainingResult

__all__ = ["Engine", "train"]

Engine = Literal["auto", "lanes", "reference"]


def train(
    protocol: Protocol,
    inputs: ArrayLike,
    targets: ArrayLike,
    initial: ArrayLike,
    *,
    engine: Engine = "auto",
    keep_parameters: bool = False,
) -> TrainingResult:
    """Train many networks of one shape, each on its own targets and from its own start.

    Parameters
    ----------
    protocol : Protocol
    inputs : array_like of shape (n_rows, n_inputs)
        Inputs, finite in float32, the same for all networks.
    targets : array_like of shape (n_networks, n_rows)
        -1 or +1.
    initial : array_like of shape (n_networks, n_parameters)
        Starts, in the order of :class:`tasks.networks.Network`; computed in float32.
    engine : {'auto', 'lanes', 'reference'}
        `lanes` is the fast one: compiled, vectorised over networks. `reference` is stacked PyTorch with
        autograd. Both follow the same protocol; their roundings differ. `auto` is `lanes`.
    keep_parameters : bool
        Whether to return the parameters of each network's last forward pass.

    Returns
    -------
    TrainingResult
        In the order of the networks. Of `lanes`, the bits of each network's result depend on its own
        arguments alone.

    Raises
    ------
    ValueError
        If shapes do not fit the network, targets are not -1 or +1, inputs are not finite, or the engine is
        unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from tasks.networks import Network
    >>> protocol = Protocol(network=Network(n_inputs=1, width=2, depth=1))
    >>> start = np.ones((1, protocol.network.n_parameters))
    >>> train(protocol, [[-1.0], [1.0]], [[-1, 1]], start).stop_reason
    array([0], dtype=int8)
    """
    if engine not in get_args(Engine):
        raise ValueError(f"unknown engine {engine!r}; the engines are {', '.join(get_args(Engine))}")
    x, y, start = _checked(protocol, inputs, targets, initial)
    if engine == "reference":
        from tasks.training.reference import train_reference

        return train_reference(protocol, x, y, start, keep_parameters=keep_parameters)
    from tasks.training.lanes import train_lanes

    return train_lanes(protocol, x, y, start, keep_parameters=keep_parameters)


def _checked(
    protocol: Protocol, inputs: ArrayLike, targets: ArrayLike, initial: ArrayLike
) -> tuple[NDArray[np.float32], NDArray[np.int8], NDArray[np.float32]]:
    network = protocol.network
    y, start = np.asarray(targets), np.asarray(initial)
    with np.errstate(over="ignore"):  # reported below
        x = np.ascontiguousarray(inputs, np.float32)
    if x.ndim != 2 or x.shape[0] == 0 or x.shape[1] != network.n_inputs:
        raise ValueError(
            f"inputs have shape {x.shape}; allowed is (n_rows >= 1, n_inputs = {network.n_inputs})"
        )
    if y.ndim != 2 or y.shape[1] != len(x):
        raise ValueError(f"targets have shape {y.shape}; allowed is (n_networks, n_rows = {len(x)})")
    if start.shape != (len(y), network.n_parameters):
        raise ValueError(
            f"initial parameters have shape {start.shape}; "
            f"allowed is (n_networks, n_parameters) = {(len(y), network.n_parameters)}"
        )
    if not np.isfinite(x).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(x))} inputs are not finite in float32; all must be")
    if not np.isin(y, (-1, 1)).all():
        raise ValueError(f"targets hold {np.setdiff1d(y, (-1, 1))[:5].tolist()}; allowed are -1 and +1")
    return (
        x,
        np.ascontiguousarray(y, np.int8),
        np.ascontiguousarray(start, np.float32),
    )
