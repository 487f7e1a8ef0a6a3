"""The largest of a unit's sums: micro-columns, or maxout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relusweep.tasks.activations import Activation, Units

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ACTIVATION"]


def _apply(z: Tensor, units: Units) -> Tensor:
    return z.unflatten(-1, (-1, units.group)).amax(dim=-1)


ACTIVATION = Activation(_apply, zero_at_zero=True, pieces="largest", grouped=True)
