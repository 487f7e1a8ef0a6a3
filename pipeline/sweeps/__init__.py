"""Sweeps that have a name, one file a family."""

from pipeline.sweeps.npn import NPN

__all__ = ["SWEEPS"]

SWEEPS = {sweep.name: sweep for sweep in NPN}
