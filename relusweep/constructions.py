"""Networks that are built, not trained: each a value with its bounds, and what it approximates.

>>> import relusweep as rs
>>> square = rs.constructions.build("square", q=1, d=1, n=2, l=4, target="sine")
>>> square.width, square.depth, square.largest
(5, 4, 8.0)
>>> square.error(square.points(100), "exact") <= square.bound_error
True
"""

from relusweep.tasks.constructions import (
    LARGEST_Q,
    TARGETS,
    Construction,
    Layer,
    build,
    check,
    largest_within_bound,
    names,
    uses,
)

__all__ = [
    "LARGEST_Q",
    "TARGETS",
    "Construction",
    "Layer",
    "build",
    "check",
    "largest_within_bound",
    "names",
    "uses",
]
