"""Where the layers of sixteen networks lie in memory: without the units of zeros of stored parameters.

``memory.layers`` has a row of `UNITS`, … for each hidden layer, and one for the outputs.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.networks import Network

__all__ = ["BEFORE", "HIDDEN", "UNITS", "WEIGHTS", "WIDE", "layers_of", "place_of_sums"]

UNITS, WEIGHTS, WIDE, HIDDEN, BEFORE = range(5)
"""How many units there are, where their weights begin, how much the next layer takes of a row (units, inputs
that skip them, a one for the bias), where such rows begin, and how many units lie in layers below."""

_inlined = numba.njit(inline="always")


@_inlined
def place_of_sums(rule, memory, layer):  # type: ignore[no-untyped-def]
    """Give the place of a layer's sums."""
    return memory.layers[layer, BEFORE] * rule.group * rule.piece


def layers_of(network: Network, piece: int) -> NDArray[np.int64]:
    """Give sizes and places of the layers, for so many rows at a time.

    Returns
    -------
    ndarray of shape (network.depth + 1, 5)
    """
    shapes, units = network.true_layers, network.widths or (network.width,) * network.depth
    weights = hidden = before = 0
    table = []
    for layer, (fan_out, fan_in) in enumerate(shapes[:-1]):
        wide = shapes[layer + 1][1] + 1
        table.append((units[layer], weights, wide, hidden, before))
        weights, hidden, before = (
            weights + fan_out * (fan_in + 1),
            hidden + piece * wide,
            before + units[layer],
        )
    return np.array([*table, (network.n_outputs, weights, 0, hidden, before)], np.int64)
