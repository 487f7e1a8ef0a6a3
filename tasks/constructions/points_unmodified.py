"""N²L² stored numbers by their index, by bit extraction: depth ~ L log L, but parameters of 2^L."""

from relusweep.tasks.constructions._stored import fitting

__all__ = ["RECIPE"]

RECIPE = fitting(slow=False)
