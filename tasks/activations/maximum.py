"""The largest of a unit's sums; where several are, the first of them has the gradient.

Goodfellow et al., *Maxout Networks* (2013); also called micro-columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from relusweep.tasks.activations import Activation, Units

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ACTIVATION"]


def _apply(z: Tensor, units: Units) -> Tensor:
    largest: Tensor = z.unflatten(-1, (-1, units.group)).max(dim=-1).values
    return largest


ACTIVATION = Activation(_apply, zero_at_zero=True, in_lanes=True, pieces="largest", grouped=True)
