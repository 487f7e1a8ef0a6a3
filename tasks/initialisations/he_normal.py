"""Normal with deviation sqrt(2 / fan_in), the gain of ReLU for every activation.

He et al., *Delving Deep into Rectifiers* (2015); ``torch.nn.init.kaiming_normal_``.
"""

import math
from typing import Any

from numpy.typing import NDArray

from relusweep.tasks.initialisations import Initialisation

__all__ = ["INITIALISATION"]


def _weights(normal: NDArray[Any], fan_in: int, fan_out: int) -> NDArray[Any]:
    return normal * math.sqrt(2 / fan_in)


INITIALISATION = Initialisation("normal", _weights)
