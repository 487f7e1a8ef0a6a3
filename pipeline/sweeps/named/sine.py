"""The sweep over networks that fit the sine."""

from relusweep.pipeline.sweeps.sine import SineSweep

__all__ = ["SINE"]

# The source leaves the number of trials open.
SINE = SineSweep(name="sine", width=tuple(range(1, 11)), depth=tuple(range(1, 11)), trials=10)
