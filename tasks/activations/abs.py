"""The absolute value of z; at 0 the derivative is 0.

Its slope below zero is −1, and `relusweep.tasks.regions` cuts there as it does with relu.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from relusweep.tasks.activations import Activation, Units

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ACTIVATION"]


def _apply(z: Tensor, units: Units) -> Tensor:
    return z.abs()


ACTIVATION = Activation(_apply, zero_at_zero=True, in_lanes=True, slope_below=lambda leak: -1.0)
