"""Normal with deviation sqrt(2 / (fan_in + fan_out)).

Glorot and Bengio, *Understanding the Difficulty of Training Deep Feedforward Neural Networks* (2010);
``torch.nn.init.xavier_normal_``.
"""

import math
from typing import Any

from numpy.typing import NDArray

from relusweep.tasks.initialisations import Initialisation

__all__ = ["INITIALISATION"]


def _weights(normal: NDArray[Any], fan_in: int, fan_out: int) -> NDArray[Any]:
    return normal * math.sqrt(2 / (fan_in + fan_out))


INITIALISATION = Initialisation("normal", _weights)
