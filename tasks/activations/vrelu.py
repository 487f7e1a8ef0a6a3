"""right · z above zero and left · z below, slopes that each unit trains: they start at 1 and 0, as ReLU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from relusweep.tasks.activations import Activation, Scalar, Units

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ACTIVATION"]


def _apply(z: Tensor, units: Units) -> Tensor:
    left, right = units.scalars.unbind(dim=-1)
    return right.where(z > 0, left) * z


ACTIVATION = Activation(
    _apply,
    zero_at_zero=True,
    in_lanes=True,
    pieces="slopes",
    scalars=(Scalar("left", np.zeros_like), Scalar("right", np.ones_like)),
)
