"""Networks that compose triangles, of random peaks, and their sum with scales that make it differentiable.

Milkert, Hyde and Laine, *Compelling ReLU Network Initialization and Training to Leverage Exponential Scaling
with Depth* (arXiv 2311.18022). Peaks are uniform between 1/4 and 3/4. Units behind the fourth of a layer
start as those of ``torch.nn.Linear``, and no other unit reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.initialisations import Initialisation, Whole

if TYPE_CHECKING:
    from relusweep.tasks.networks import Network
    from relusweep.tasks.training.protocol import Rows

__all__ = ["INITIALISATION"]


def _count(network: Network) -> int:
    from relusweep.tasks.composition.starts import n_words

    return n_words(network)


def _parameters(words: NDArray[np.uint32], network: Network, rows: Rows | None) -> NDArray[Any]:
    from relusweep.tasks.composition.encoding import encoded
    from relusweep.tasks.composition.starts import starts_of

    assert rows is not None  # it needs them
    start = starts_of(words, network, rows)
    return encoded(network, start.peaks, start.scales, start.signs, start.spare)


INITIALISATION = Initialisation(whole=Whole(_count, _parameters, needs_rows=True))
