"""z Φ(z) with the normal distribution Φ: Hendrycks and Gimpel, *Gaussian Error Linear Units* (2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relusweep.tasks.activations import Activation, Units

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ACTIVATION"]


def _apply(z: Tensor, units: Units) -> Tensor:
    from torch.nn.functional import gelu

    return gelu(z)


ACTIVATION = Activation(_apply, zero_at_zero=True, in_lanes=True)
