"""z / (1 + exp(−z)), also called swish: Elfwing et al., *Sigmoid-Weighted Linear Units* (2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relusweep.tasks.activations import Activation, Units

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ACTIVATION"]


def _apply(z: Tensor, units: Units) -> Tensor:
    from torch.nn.functional import silu

    return silu(z)


ACTIVATION = Activation(_apply, zero_at_zero=True, in_lanes=True)
