"""Where a small network is linear, exactly: the pieces of one input, the polygons of two, its boundary.

>>> import relusweep as rs
>>> absolute = rs.Network(n_inputs=1, width=2, depth=1)
>>> rs.regions.linear_pieces(absolute, [1, 0, -1, 0, 1, 1, 0], -1, 2).slope.tolist()
[-1.0, 1.0]
"""

from relusweep.tasks.regions.line import Pieces, linear_pieces
from relusweep.tasks.regions.plane import Curve, Regions, decision_boundary, linear_regions

__all__ = ["Curve", "Pieces", "Regions", "decision_boundary", "linear_pieces", "linear_regions"]
