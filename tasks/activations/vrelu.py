"""Two slopes of each unit's own, one above zero and one below: VReLU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relusweep.tasks.activations import Activation, Scalar, Units

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ACTIVATION"]


def _apply(z: Tensor, units: Units) -> Tensor:
    return units.scalars[..., 0] * z.clamp(min=0) + units.scalars[..., 1] * z.clamp(max=0)


ACTIVATION = Activation(
    _apply,
    zero_at_zero=True,
    pieces="slopes",
    scalars=(Scalar("above", lambda u: 0 * u + 1), Scalar("below", lambda u: 0 * u)),
)
