"""z above zero and leak · z below: ReLU, leaky where the network has a leak."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relusweep.tasks.activations import Activation, Units

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ACTIVATION"]


def _apply(z: Tensor, units: Units) -> Tensor:
    from torch.nn.functional import leaky_relu

    return leaky_relu(z, units.leak)


ACTIVATION = Activation(
    _apply, zero_at_zero=True, uses_leak=True, in_lanes=True, slope_below=lambda leak: leak
)
