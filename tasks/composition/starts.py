"""Random compositions: what networks start from."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.composition.encoding import check_network, n_spare
from relusweep.tasks.composition.targets import sign_of
from relusweep.tasks.composition.waves import tied_scales
from relusweep.tasks.layers import Shape

__all__ = ["Start", "n_numbers", "starts_of"]


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


def n_numbers(network: Shape) -> int:
    """Count the random numbers of a start; a ValueError says why a network cannot hold waves."""
    check_network(network)
    return network.depth + 1 + n_spare(network)


def starts_of(
    numbers: NDArray[np.float64], network: Shape, inputs: NDArray[Any], targets: NDArray[Any]
) -> Start:
    """Make starts of random numbers.

    Parameters
    ----------
    numbers : ndarray of shape (n_networks, n_numbers)
        Uniform between −1 and 1.
    network : Shape
    inputs : ndarray of shape (n_rows, 1) or (n_networks, n_rows, 1)
    targets : ndarray of shape (n_networks, n_rows)
        What each network learns.

    Raises
    ------
    ValueError
        Waves cannot make the function; see :func:`.sign_of`.
    """
    peaks, spare = 0.5 + 0.25 * numbers[:, : network.depth + 1], numbers[:, network.depth + 1 :]
    each = inputs if inputs.ndim == 3 else [inputs] * len(targets)
    signs = np.array([sign_of(x, y) for x, y in zip(each, targets, strict=True)], np.float64)
    return Start(peaks, tied_scales(peaks, signs), signs, spare)
