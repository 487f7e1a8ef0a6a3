"""Where a small network is linear, exactly: the pieces of one input, the polygons of two, its boundary.

Networks of up to six inputs: their regions in a box or in all of space, and their tropical form.

>>> import relusweep as rs
>>> absolute = rs.Network(n_inputs=1, width=2, depth=1)
>>> rs.regions.linear_pieces(absolute, [1, 0, -1, 0, 1, 1, 0], -1, 2).slope.tolist()
[-1.0, 1.0]
"""

from relusweep.tasks.regions.line import Pieces, linear_pieces
from relusweep.tasks.regions.plane import Curve, Regions, decision_boundary, linear_regions
from relusweep.tasks.regions.space import SpaceRegions, layers_of, regions_in_space
from relusweep.tasks.regions.tropical import TropicalForm, tropical_form

__all__ = [
    "Curve",
    "Pieces",
    "Regions",
    "SpaceRegions",
    "TropicalForm",
    "decision_boundary",
    "layers_of",
    "linear_pieces",
    "linear_regions",
    "regions_in_space",
    "tropical_form",
]
