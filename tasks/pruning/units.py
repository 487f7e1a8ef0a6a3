"""Networks with units taken out, and parameters put back to where they were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.networks import Network

__all__ = ["put_back", "without_units"]


def without_units(
    network: Network, parameters: NDArray[np.float32], kept: NDArray[np.bool_]
) -> tuple[Network, NDArray[np.float32]]:
    """Take units out of networks: those that stay move together, in their order.

    Layers become as wide as the widest one that is left in any of the networks; units of zeros fill the
    others. In training each network has the bits that it has with units of zeros in the place of those that
    were taken out: zeros change no sum.

    Parameters
    ----------
    network : Network
        With an activation that is 0 at 0.
    parameters : ndarray of shape (n_networks, network.n_parameters), dtype float32
    kept : ndarray of shape (n_networks, network.depth, network.width), bool
        Which units stay.

    Returns
    -------
    Network
        Of equal widths.
    ndarray of shape (n_networks, n_parameters), dtype float32
        Its parameters.
    """
    small = _rectangle(network, max(1, int(kept.sum(axis=2).max(initial=0))))
    found = np.zeros((len(parameters), small.n_parameters), np.float32)
    layers = zip(_matrices(network, parameters), _matrices(small, found), _places(small, kept), strict=True)
    for large, room, at in layers:
        room[:] = np.where(at.stays, large[at.of_large], 0)
    return small, found


def put_back(
    network: Network, small: Network, parameters: NDArray[np.float32], kept: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Undo `without_units`: the units that were taken out are units of zeros.

    Parameters
    ----------
    network, small : Network
        The network with all units, and what `without_units` made of it.
    parameters : ndarray of shape (n_networks, small.n_parameters), dtype float32
    kept : ndarray of shape (n_networks, network.depth, network.width), bool

    Returns
    -------
    ndarray of shape (n_networks, network.n_parameters), dtype float32
    """
    found = np.zeros((len(parameters), network.n_parameters), np.float32)
    layers = zip(_matrices(network, found), _matrices(small, parameters), _places(small, kept), strict=True)
    for large, part, at in layers:
        large[at.of_large] = part
    return found


class _Places(NamedTuple):
    """Where the numbers of a small layer are in the large one, and which are no filling."""

    of_large: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
    stays: NDArray[np.bool_]


def _places(small: Network, kept: NDArray[np.bool_]) -> Iterator[_Places]:
    n, depth, width = kept.shape
    first = np.argsort(~kept, axis=2, kind="stable")[:, :, : small.width]
    stays = np.take_along_axis(kept, first, axis=2)
    one = np.ones((n, 1), bool)
    columns, known = np.tile(np.arange(small.n_inputs + 1), (n, 1)), np.ones((n, small.n_inputs + 1), bool)
    for layer in range(depth + 1):
        rows, here = (first[:, layer], stays[:, layer]) if layer < depth else (one * 0, one)
        at = (np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :])
        yield _Places(at, here[:, :, None] & known[:, None, :])
        columns, known = np.hstack([rows, np.full((n, 1), width)]), np.hstack([here, one])  # and the bias


def _matrices(network: Network, parameters: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """View the layers, each unit's weights and then its bias, units of zeros included."""
    place = 0
    for fan_out, fan_in in network.layers:
        size = fan_out * (fan_in + 1)
        yield parameters[:, place : place + size].reshape(-1, fan_out, fan_in + 1)
        place += size


def _rectangle(network: Network, width: int) -> Network:
    return network.model_copy(update={"width": width, "widths": None})
