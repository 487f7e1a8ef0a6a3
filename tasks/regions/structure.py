"""What is left of waves in networks of one input: pieces, and how often units of each layer switch."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.networks import Network, layer_views
from relusweep.tasks.regions import linear_pieces

__all__ = ["SHORTEST", "Structure", "structure"]

SHORTEST = 1e-6
"""Pieces shorter than this share of the interval do not count: parameters rounded to float32 make such ones
where a wave is to touch zero."""
_SAME = 1e-9


class Structure(NamedTuple):
    """Of some networks.

    Attributes
    ----------
    pieces : ndarray of shape (n_networks,), int32
        Linear pieces of the output.
    switches : ndarray of shape (n_networks, depth), int32
        How often that unit of each layer which does so most is switched on or off between the ends of the
        interval. Where layer k computes with its wave, one is switched ``2**(k − 1)`` times.
    spread : ndarray of shape (n_networks,), float64
        Largest output less the smallest one; 0 of a constant.
    """

    pieces: NDArray[np.int32]
    switches: NDArray[np.int32]
    spread: NDArray[np.float64]


def structure(network: Network, parameters: NDArray[Any], low: float, high: float) -> Structure:
    """Find pieces and switches between the ends of an interval; nothing is sampled.

    Parameters
    ----------
    network : Network
        Of one input, relu.
    parameters : ndarray of shape (n_networks, n_parameters)
        Finite.
    low, high : float

    Returns
    -------
    Structure

    Examples
    --------
    >>> from relusweep.tasks.composition.encoding import encoded
    >>> network = Network(n_inputs=1, width=4, depth=3)
    >>> square = encoded(network, [[0.5] * 4], [[1 / 4, 1 / 16, 1 / 64]], [-1])
    >>> found = structure(network, square, 0, 1)
    >>> found.pieces.tolist(), found.switches.tolist(), found.spread.tolist()
    ([8], [[1, 2, 4]], [1.0])
    """
    rows = np.asarray(parameters, np.float64)
    pieces = linear_pieces(network, rows, low, high)
    ends = np.stack([pieces.slope * x + pieces.intercept for x in (pieces.start, pieces.stop)])
    first = np.flatnonzero(np.diff(pieces.network, prepend=-1))
    spread = np.maximum.reduceat(ends.max(axis=0), first) - np.minimum.reduceat(ends.min(axis=0), first)
    shortest = SHORTEST * (high - low)
    long = pieces.stop - pieces.start >= shortest
    network_of, slope = pieces.network[long], pieces.slope[long]
    bends = np.abs(np.diff(slope)) > _SAME * np.maximum(np.abs(slope[1:]), np.abs(slope[:-1]))
    bends &= network_of[1:] == network_of[:-1]
    counts = 1 + np.bincount(network_of[1:][bends], minlength=len(rows))
    return Structure(counts.astype(np.int32), _switches(network, rows, low, high, shortest), spread)


def _switches(
    network: Network, rows: NDArray[np.float64], low: float, high: float, shortest: float
) -> NDArray[np.int32]:
    cells = linear_pieces(network, rows, low, high, merge=False)
    long = cells.stop - cells.start >= shortest
    of, middle = cells.network[long], (cells.start[long] + cells.stop[long]) / 2
    same = of[1:] == of[:-1]
    found = np.zeros((len(rows), network.depth), np.int32)
    for k, on in enumerate(_on(network, rows, of, middle)):
        changed = (on[1:] != on[:-1]) & same[:, None]
        counts = [np.bincount(of[1:][unit], minlength=len(rows)) for unit in changed.T]
        found[:, k] = np.max(counts, axis=0)
    return found


def _on(network: Network, rows: NDArray[np.float64], of: NDArray[Any], x: NDArray[Any]) -> list[NDArray[Any]]:
    """Say which units of each hidden layer are on at points, each of one of the networks."""
    found, below = [], x[:, None]
    for layer in list(layer_views(network, rows))[:-1]:
        z = layer.biases[of]
        for i in range(below.shape[1]):  # in a fixed order
            z = z + layer.weights[of, :, i] * below[:, i, None]
        below = np.maximum(z, 0)
        found.append(z > 0)
    return found
