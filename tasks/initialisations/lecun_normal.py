"""Normal with deviation sqrt(1 / fan_in), not truncated.

LeCun et al., *Efficient BackProp* (1998).
"""

import math
from typing import Any

from numpy.typing import NDArray

from relusweep.tasks.initialisations import Initialisation

__all__ = ["INITIALISATION"]


def _weights(normal: NDArray[Any], fan_in: int, fan_out: int) -> NDArray[Any]:
    return normal / math.sqrt(fan_in)


INITIALISATION = Initialisation("normal", _weights)
