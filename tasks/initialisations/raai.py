"""Random, asymmetric, anticorrelated: of each unit's normal numbers, less their mean, one is made positive.

After Singh and Sreejith, *Initializing ReLU networks in an expressive subspace of weights* (2021), who join
anticorrelated weights with RAI, the randomised asymmetric initialisation of Lu et al., *Dying ReLU and
Initialization* (2019). What of RAAI is public is this idea. Here the weights and the bias of a unit are
together ``fan_in + 1`` independent normal numbers of deviation 0.6007 / sqrt(fan_in), as in RAI; their mean
is subtracted from each, so that any two have correlation −1 / fan_in, the least that all pairs can have; and
one of them, each as likely, is replaced by a number of the Beta distribution (2, 1), as in RAI. So start all
layers, the output among them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.initialisations import Initialisation, Whole, normal
from relusweep.tasks.layers import Learned, Shape, layer_views

__all__ = ["INITIALISATION"]

_DEVIATION = 0.6007


def _sizes(network: Shape) -> tuple[int, int]:
    """Count normal numbers, made even since they are drawn in pairs, and units."""
    numbers = sum(fan_out * (fan_in + 1) for fan_out, fan_in in network.true_layers)
    return numbers + numbers % 2, sum(fan_out for fan_out, _ in network.true_layers)


def _count(network: Shape) -> int:
    numbers, units = _sizes(network)
    return numbers + 2 * units


def _parameters(words: NDArray[np.uint32], network: Shape, rows: Learned | None) -> NDArray[Any]:
    n_numbers, n_units = _sizes(network)
    drawn = normal(words[:, :n_numbers]).astype(np.float64)
    which, positive = np.split((words[:, n_numbers:] + 0.5) * 2.0**-32, [n_units], axis=1)
    parameters = np.zeros((len(words), network.n_weights))
    place = unit = 0
    for layer, (fan_out, fan_in) in zip(layer_views(network, parameters), network.true_layers, strict=True):
        some = slice(unit, unit + fan_out)
        made = drawn[:, place : place + fan_out * (fan_in + 1)].reshape(-1, fan_out, fan_in + 1)
        made = _unit(made, np.floor(which[:, some] * (fan_in + 1)), np.sqrt(positive[:, some]))
        layer.weights[:], layer.biases[:] = made[..., :fan_in], made[..., fan_in]
        place, unit = place + fan_out * (fan_in + 1), unit + fan_out
    return parameters


def _unit(drawn: NDArray[Any], which: NDArray[Any], positive: NDArray[Any]) -> NDArray[Any]:
    """Make weights and bias of each unit; sums are in a fixed order."""
    count = drawn.shape[-1]
    mean = sum(drawn[..., i] for i in range(count)) / count
    made = (drawn - mean[..., None]) * (_DEVIATION / math.sqrt(count - 1))
    return np.where(np.arange(count) == which[..., None], positive[..., None], made)


INITIALISATION = Initialisation(whole=Whole(_count, _parameters))
