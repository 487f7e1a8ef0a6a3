"""z itself: a network of it is an affine function of its inputs, however deep.

It is z above and below zero, as a relu of leak 1. So its networks have one linear piece and, where units cut
without a bend, as many regions as signs of units (`relusweep.tasks.regions`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from relusweep.tasks.activations import Activation, Units

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ACTIVATION"]


def _apply(z: Tensor, units: Units) -> Tensor:
    return z


ACTIVATION = Activation(_apply, zero_at_zero=True, in_lanes=True, slope_below=lambda leak: 1.0)
