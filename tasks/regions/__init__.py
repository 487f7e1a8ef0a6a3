"""Where a small network is linear, exactly: the pieces of one input, the polygons of two."""

from relusweep.tasks.regions.line import Pieces, linear_pieces
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

__all__ = [
    "Counts",
    "Curve",
    "Pieces",
    "Regions",
    "can_be_cut",
    "count_regions",
    "decision_boundary",
    "each_linear_regions",
    "linear_pieces",
    "linear_regions",
    "regions",
]
