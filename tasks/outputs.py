"""What networks of several shapes make of inputs, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.networks import Network

__all__ = ["OutputsBy", "in_lanes", "in_words", "outputs"]

OutputsBy = Literal["auto", "lanes", "torch"]
"""Who computes outputs."""


def outputs(
    parameters: NDArray[np.float32],
    which: NDArray[np.intp],
    inputs: NDArray[np.float32],
    *,
    networks: Sequence[Network],
    engine: OutputsBy,
) -> NDArray[np.float32]:
    """Give the outputs of networks.

    Parameters
    ----------
    parameters : ndarray of shape (…, n_parameters)
        A row of each network, with room behind it.
    which : ndarray of int
        Which of `networks` each one is, of a shape that broadcasts to that of the rows; -1: none.
    inputs : ndarray of shape (…, n_rows, n_inputs)
        The same for all, or each network's own.
    networks : sequence of Network
    engine : {'auto', 'lanes', 'torch'}

    Returns
    -------
    ndarray of shape (…, n_rows, n_outputs)
        As many as the network with the most has. NaN behind those of others, of networks that are none, and
        where parameters are not finite.
    """
    shape, (n_rows, n_inputs) = parameters.shape[:-1], inputs.shape[-2:]
    rows = parameters.reshape(-1, parameters.shape[-1])
    kinds = np.broadcast_to(which, shape).reshape(-1)
    x = inputs if inputs.ndim == 2 else np.broadcast_to(inputs, (*shape, n_rows, n_inputs))
    own = x.reshape(-1, n_rows, n_inputs) if inputs.ndim > 2 else None
    most = max(network.n_outputs for network in networks)
    found = None
    for kind in np.unique(kinds[kinds >= 0]):
        network = networks[kind]
        chosen = (kinds == kind) & np.isfinite(rows[:, : network.n_parameters]).all(axis=1)
        members = slice(None) if chosen.all() else np.flatnonzero(chosen)
        some = rows[members, : network.n_parameters]
        came = _of_one_shape(network, some, inputs if own is None else own[members], engine)
        came = came.reshape(len(some), n_rows, network.n_outputs)
        if chosen.all() and network.n_outputs == most:
            return came.reshape(*shape, n_rows, most)  # the usual case, without another array as large
        found = _missing(len(rows), n_rows, most) if found is None else found
        found[members, :, : network.n_outputs] = came
    found = _missing(len(rows), n_rows, most) if found is None else found
    return found.reshape(*shape, n_rows, most)


def _missing(*shape: int) -> NDArray[np.float32]:
    return np.full(shape, np.nan, np.float32)


def in_lanes(network: Network) -> bool:
    """Tell whether the engine `lanes` has a network."""
    from relusweep.tasks.training.engine import lacking
    from relusweep.tasks.training.protocol import Protocol

    return lacking(Protocol(network=network, loss="mse")) is None


def in_words(network: Network) -> str:
    """Name a shape, as ``2-8-8-1 relu, leak 0.1``."""
    units = network.widths or (network.width,) * network.depth
    sizes = "-".join(map(str, (network.n_inputs, *units, network.n_outputs)))
    more = {
        "leak": network.leak or None,
        "group": network.group if network.group > 1 else None,
        "skip": network.skip if network.skip != "none" else None,
    }
    said = [f"{name} {value}" for name, value in more.items() if value is not None]
    return ", ".join([f"{sizes} {network.activation}", *said])


def _of_one_shape(
    network: Network, rows: NDArray[np.float32], inputs: NDArray[np.float32], engine: OutputsBy
) -> NDArray[np.float32]:
    if engine == "lanes" or (engine == "auto" and in_lanes(network)):
        from relusweep.tasks.training import lanes

        return lanes.outputs(network, rows, inputs)
    import torch

    from relusweep.tasks.training.reference import logits

    with torch.no_grad():
        found: NDArray[np.float32] = logits(network, torch.tensor(rows), torch.tensor(inputs)).numpy()
    return found
