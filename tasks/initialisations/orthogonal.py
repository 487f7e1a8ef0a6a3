"""Uniformly distributed over all matrices of orthonormal rows, or columns where there are more rows.

Saxe et al., *Exact Solutions to the Nonlinear Dynamics of Learning in Deep Linear Networks* (2014);
``torch.nn.init.orthogonal_`` with gain 1.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.compiled import compiled
from relusweep.tasks.initialisations import Initialisation

__all__ = ["INITIALISATION"]


def _weights(normal: NDArray[Any], fan_in: int, fan_out: int) -> NDArray[Any]:
    vectors = normal if fan_out <= fan_in else normal.swapaxes(1, 2)
    made = vectors.astype(np.float64, order="C")
    _orthonormalise(made)
    return made if fan_out <= fan_in else made.swapaxes(1, 2)


@compiled(counted=False)
def _orthonormalise(matrices):  # type: ignore[no-untyped-def]
    """Make the rows of each matrix orthonormal, in place, by modified Gram–Schmidt.

    It is the factor Q of a QR decomposition whose R has a positive diagonal. With that sign, Q of independent
    normal numbers is uniform (Mezzadri, *How to Generate Random Matrices from the Classical Compact Groups*,
    2007).
    """
    for trial in range(matrices.shape[0]):
        rows = matrices[trial]
        for i in range(rows.shape[0]):
            square = 0.0
            for k in range(rows.shape[1]):
                square += rows[i, k] * rows[i, k]
            norm = math.sqrt(square)
            for k in range(rows.shape[1]):
                rows[i, k] /= norm
            for j in range(i + 1, rows.shape[0]):
                shared = 0.0
                for k in range(rows.shape[1]):
                    shared += rows[i, k] * rows[j, k]
                for k in range(rows.shape[1]):
                    rows[j, k] -= shared * rows[i, k]


INITIALISATION = Initialisation("normal", _weights)
