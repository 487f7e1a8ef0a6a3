"""A linear part and a smooth bend: a + d·(2·softplus(v) − 2·ln 2 − v), of v = c·z and a = z − bias.

The bias is the place of the bend, d half the change of slope there in v, of either sign, and c how sharp it
is. The scalar that is trained is ln c, so c stays above 0: docs/neurons.md.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from relusweep.tasks.activations import Activation, Scalar, Units

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ACTIVATION"]


def _bend(v: Tensor) -> Tensor:
    """Give 2·softplus(v) − 2·ln 2 − v, an even function that is 0 at 0."""
    return v.abs() + 2 * (-v.abs()).exp().log1p() - 2 * math.log(2)


def _apply(z: Tensor, units: Units) -> Tensor:
    turn, sharpness = units.scalars[..., 0], units.scalars[..., 1].exp()
    return z - units.biases + turn * _bend(sharpness * z)


def _influences(z: Tensor, units: Units) -> Tensor:
    import torch

    turn, sharpness = units.scalars[..., 0], units.scalars[..., 1].exp()
    v = sharpness * z
    slope = turn * (v / 2).tanh()
    return torch.stack([sharpness * slope, _bend(v), v * slope], dim=-1)


ACTIVATION = Activation(
    _apply,
    zero_at_zero=True,
    in_lanes=True,
    scalars=(Scalar("turn", lambda numbers: numbers), Scalar("log_sharpness", lambda numbers: 0 * numbers)),
    influences=_influences,
)
