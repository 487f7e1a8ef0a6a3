"""z above zero and leak · z below: ReLU, leaky where the network has a leak."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relusweep.tasks.activations import Activation

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ACTIVATION"]


def _apply(z: Tensor, leak: float) -> Tensor:
    from torch.nn.functional import leaky_relu

    return leaky_relu(z, leak)


ACTIVATION = Activation(
    _apply, zero_at_zero=True, uses_leak=True, in_lanes=True, slope_below=lambda leak: leak
)
