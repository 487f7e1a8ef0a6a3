"""Random compositions: what networks start from."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.composition.encoding import check_network, n_spare
from relusweep.tasks.composition.targets import sign_of
from relusweep.tasks.composition.waves import tied_scales
from relusweep.tasks.initialisations import uniform_around_zero
from relusweep.tasks.networks import Network
from relusweep.tasks.training.protocol import Rows

__all__ = ["Start", "n_words", "starts_of"]


class Start(NamedTuple):
    """Where the compositions of some networks start.

    Attributes
    ----------
    peaks : ndarray of shape (n_networks, depth + 1), float64
        Uniform between 1/4 and 3/4.
    scales : ndarray of shape (n_networks, depth), float64
        Those that the peaks tie.
    signs : ndarray of shape (n_networks,), float64
        Whether waves are subtracted or added.
    spare : ndarray of shape (n_networks, n_spare), float64
        What units behind the fourth of a layer start from; see :func:`.encoded`.
    """

    peaks: NDArray[np.float64]
    scales: NDArray[np.float64]
    signs: NDArray[np.float64]
    spare: NDArray[np.float64]


def n_words(network: Network) -> int:
    """Count the random words of a start; a ValueError says why a network cannot hold waves."""
    check_network(network)
    return network.depth + 1 + n_spare(network)


def starts_of(words: NDArray[np.uint32], network: Network, rows: Rows) -> Start:
    """Make starts of random words.

    Parameters
    ----------
    words : ndarray of shape (n_networks, n_words)
    network : Network
    rows : Rows
        What each network learns.

    Raises
    ------
    ValueError
        Waves cannot make the function; see :func:`.sign_of`.
    """
    numbers = uniform_around_zero(words)
    peaks, spare = 0.5 + 0.25 * numbers[:, : network.depth + 1], numbers[:, network.depth + 1 :]
    each = rows.inputs if rows.inputs.ndim == 3 else [rows.inputs] * len(rows.targets)
    signs = np.array([sign_of(x, y) for x, y in zip(each, rows.targets, strict=True)], np.float64)
    return Start(peaks, tied_scales(peaks, signs), signs, spare)
