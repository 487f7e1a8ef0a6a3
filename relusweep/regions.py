"""Where a small network is linear, exactly: the pieces of one input, the polygons of two, its boundary.

Networks of up to six inputs: their regions in a box or in all of space, and their tropical form.

>>> import relusweep as rs
>>> absolute = rs.Network(n_inputs=1, width=2, depth=1)
>>> rs.regions.linear_pieces(absolute, [1, 0, -1, 0, 1, 1, 0], -1, 2).slope.tolist()
[-1.0, 1.0]

Called itself, it gives the regions of a network of two inputs in a box, a module of PyTorch too:

>>> plane = rs.Network(n_inputs=2, width=2, depth=1)
>>> rs.regions(plane, box=1, parameters=[1, 0, 0, 0, 1, 0, 1, 1, 0])
<4 linear regions of 2 units on [-1, 1] x [-1, 1]>
"""

import sys
from types import ModuleType

from relusweep.tasks.regions._facets import Adjacency, Halfspaces
from relusweep.tasks.regions.line import Pieces, linear_pieces
from relusweep.tasks.regions.mesh import Cut, Mesh, convex_polygon, cut_mesh
from relusweep.tasks.regions.plane import (
    Counts,
    Curve,
    Regions,
    can_be_cut,
    count_regions,
    decision_boundary,
    each_linear_regions,
    linear_regions,
    regions,
)
from relusweep.tasks.regions.space import SpaceRegions, layers_of, regions_in_space
from relusweep.tasks.regions.tropical import TropicalForm, tropical_form

__all__ = [
    "Adjacency",
    "Counts",
    "Curve",
    "Cut",
    "Halfspaces",
    "Mesh",
    "Pieces",
    "Regions",
    "SpaceRegions",
    "TropicalForm",
    "can_be_cut",
    "convex_polygon",
    "count_regions",
    "cut_mesh",
    "decision_boundary",
    "each_linear_regions",
    "layers_of",
    "linear_pieces",
    "linear_regions",
    "regions_in_space",
    "tropical_form",
]


class _CallableModule(ModuleType):
    """A module that can be called: ``rs.regions(network, box)``."""

    __call__ = staticmethod(regions)


sys.modules[__name__].__class__ = _CallableModule
