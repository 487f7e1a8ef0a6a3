"""N²L² stored numbers by their index, by bit extraction: width ~ N log N, depth ~ L² log L."""

from relusweep.tasks.constructions._stored import fitting

__all__ = ["RECIPE"]

RECIPE = fitting(slow=True)
