"""Where a small network is linear, exactly: the pieces of one input, the polygons of two."""

from relusweep.tasks.regions.line import Pieces, linear_pieces
from relusweep.tasks.regions.plane import Curve, Regions, decision_boundary, linear_regions

__all__ = ["Curve", "Pieces", "Regions", "decision_boundary", "linear_pieces", "linear_regions"]
