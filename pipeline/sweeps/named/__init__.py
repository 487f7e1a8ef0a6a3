"""Sweeps that have a name, one file a family."""

from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.named.alignment import ALIGNMENT
from relusweep.pipeline.sweeps.named.compositional import COMPOSITIONAL
from relusweep.pipeline.sweeps.named.frontier import FRONTIER
from relusweep.pipeline.sweeps.named.functions import FUNCTIONS
from relusweep.pipeline.sweeps.named.growth import GROWTH
from relusweep.pipeline.sweeps.named.hypersphere import HYPERSPHERE
from relusweep.pipeline.sweeps.named.images import IMAGES
from relusweep.pipeline.sweeps.named.neurons import NEURONS
from relusweep.pipeline.sweeps.named.npn import NPN
from relusweep.pipeline.sweeps.named.optima import LANDSCAPES, XOR_OPTIMA
from relusweep.pipeline.sweeps.named.plane import PLANE
from relusweep.pipeline.sweeps.named.pruning import PRUNING
from relusweep.pipeline.sweeps.named.sine import SINE

__all__ = ["SWEEPS"]

_FAMILIES = (
    NPN,
    FRONTIER,
    FUNCTIONS,
    PRUNING,
    [XOR_OPTIMA, *LANDSCAPES],
    HYPERSPHERE,
    PLANE,
    [SINE],
    NEURONS,
    [ALIGNMENT],
    [GROWTH],
    COMPOSITIONAL,
    IMAGES,
)
SWEEPS: dict[str, Sweep] = {sweep.name: sweep for family in _FAMILIES for sweep in family}
