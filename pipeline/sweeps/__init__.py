"""Sweeps that have a name, one file a family."""

from pipeline.kinds import Sweep
from pipeline.sweeps.functions import FUNCTIONS
from pipeline.sweeps.hypersphere import HYPERSPHERE
from pipeline.sweeps.images import IMAGES
from pipeline.sweeps.npn import NPN
from pipeline.sweeps.sine import SINE

__all__ = ["SWEEPS"]

SWEEPS: dict[str, Sweep] = {sweep.name: sweep for sweep in (*NPN, *FUNCTIONS, *HYPERSPHERE, SINE, IMAGES)}
