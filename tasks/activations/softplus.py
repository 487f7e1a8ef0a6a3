"""log(1 + exp(z)), without PyTorch's straight line above z = 20."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relusweep.tasks.activations import Activation, Units

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ACTIVATION"]


def _apply(z: Tensor, units: Units) -> Tensor:
    return z.logaddexp(z.new_zeros(()))


ACTIVATION = Activation(_apply, zero_at_zero=False, in_lanes=True)
