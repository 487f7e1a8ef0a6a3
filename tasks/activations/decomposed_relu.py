"""A linear part and a kink of its own turn: a + d·abs(z), of the sum z and of a = z − bias, its linear part.

The bias is the place of the kink, d half the change of slope there, of either sign: docs/neurons.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from relusweep.tasks.activations import Activation, Scalar, Units

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ACTIVATION"]


def _apply(z: Tensor, units: Units) -> Tensor:
    return z - units.biases + units.scalars[..., 0] * z.abs()


def _influences(z: Tensor, units: Units) -> Tensor:
    import torch

    return torch.stack([units.scalars[..., 0] * z.sign(), z.abs()], dim=-1)


ACTIVATION = Activation(
    _apply,
    zero_at_zero=True,
    in_lanes=True,
    scalars=(Scalar("turn", lambda numbers: numbers),),
    influences=_influences,
)
