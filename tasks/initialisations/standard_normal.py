"""Normal with deviation 1, whatever the fan-in."""

from typing import Any

from numpy.typing import NDArray

from relusweep.tasks.initialisations import Initialisation

__all__ = ["INITIALISATION"]


def _weights(normal: NDArray[Any], fan_in: int, fan_out: int) -> NDArray[Any]:
    return normal


INITIALISATION = Initialisation("normal", _weights)
