"""1 / (1 + exp(−z)), the logistic function, from 0 to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relusweep.tasks.activations import Activation, Units

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ACTIVATION"]


def _apply(z: Tensor, units: Units) -> Tensor:
    return z.sigmoid()


ACTIVATION = Activation(_apply, zero_at_zero=False, in_lanes=True)
