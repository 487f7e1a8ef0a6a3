"""Sweeps that have a name, one file a family."""

from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.named.functions import FUNCTIONS
from relusweep.pipeline.sweeps.named.hypersphere import HYPERSPHERE
from relusweep.pipeline.sweeps.named.images import IMAGES
from relusweep.pipeline.sweeps.named.npn import NPN
from relusweep.pipeline.sweeps.named.optima import LANDSCAPES, XOR_OPTIMA
from relusweep.pipeline.sweeps.named.sine import SINE

__all__ = ["SWEEPS"]

SWEEPS: dict[str, Sweep] = {
    sweep.name: sweep for sweep in (*NPN, *FUNCTIONS, *HYPERSPHERE, SINE, XOR_OPTIMA, *LANDSCAPES, IMAGES)
}
