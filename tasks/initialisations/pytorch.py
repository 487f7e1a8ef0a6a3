"""Uniform within ±1 / sqrt(fan_in), as ``torch.nn.Linear`` starts.

With ``bias='uniform'`` biases start as those of ``torch.nn.Linear`` too.
"""

import math
from typing import Any

from numpy.typing import NDArray

from relusweep.tasks.initialisations import Initialisation

__all__ = ["INITIALISATION"]


def _weights(uniform: NDArray[Any], fan_in: int, fan_out: int) -> NDArray[Any]:
    return uniform / math.sqrt(fan_in)


INITIALISATION = Initialisation("uniform", _weights)
