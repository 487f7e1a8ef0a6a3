"""Uniform within ±sqrt(6 / (fan_in + fan_out)).

Glorot and Bengio, *Understanding the Difficulty of Training Deep Feedforward Neural Networks* (2010);
``torch.nn.init.xavier_uniform_``.
"""

import math
from typing import Any

from numpy.typing import NDArray

from relusweep.tasks.initialisations import Initialisation

__all__ = ["INITIALISATION"]


def _weights(uniform: NDArray[Any], fan_in: int, fan_out: int) -> NDArray[Any]:
    return uniform * math.sqrt(6 / (fan_in + fan_out))


INITIALISATION = Initialisation("uniform", _weights)
