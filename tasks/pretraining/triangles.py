"""What engines train compositions on."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Triangles"]


class Triangles(NamedTuple):
    """What triangles are trained on, and from where.

    Attributes
    ----------
    inputs : ndarray of shape (n_networks or 1, n_rows), float32
    targets : ndarray of shape (n_networks, n_rows), float32
    signs : ndarray of shape (n_networks,), float32
    peaks : ndarray of shape (n_networks, depth + 1), float64
    scales : ndarray of shape (n_networks, depth), float64
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]
    signs: NDArray[np.float32]
    peaks: NDArray[np.float64]
    scales: NDArray[np.float64]
