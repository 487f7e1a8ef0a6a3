"""z between −1 and 1, and the nearer of the two outside; at both ends the derivative is 0.

It has two kinks, and `relusweep.tasks.regions` knows units of one: it refuses such networks. As it is
relu(z + 1) − relu(z − 1) − 1, a network of twice as many units of relu has the same regions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from relusweep.tasks.activations import Activation, Units

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ACTIVATION"]


def _apply(z: Tensor, units: Units) -> Tensor:
    from torch.nn.functional import hardtanh

    return hardtanh(z)


ACTIVATION = Activation(_apply, zero_at_zero=True, in_lanes=True)
