"""Networks that compose triangles, of random peaks, and their sum with scales that make it differentiable.

Milkert, Hyde and Laine, *Compelling ReLU Network Initialization and Training to Leverage Exponential Scaling
with Depth* (arXiv 2311.18022). Peaks are uniform between 1/4 and 3/4. Units behind the fourth of a layer
start as those of ``torch.nn.Linear``, and no other unit reads them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.composition.encoding import encoded
from relusweep.tasks.composition.starts import n_numbers, starts_of
from relusweep.tasks.initialisations import Initialisation, Whole, uniform_around_zero
from relusweep.tasks.layers import Learned, Shape

__all__ = ["INITIALISATION"]


def _parameters(words: NDArray[np.uint32], network: Shape, rows: Learned | None) -> NDArray[Any]:
    assert rows is not None  # it needs them
    start = starts_of(uniform_around_zero(words), network, *rows)
    return encoded(network, start.peaks, start.scales, start.signs, start.spare)


INITIALISATION = Initialisation(whole=Whole(n_numbers, _parameters, needs_rows=True))
