"""A ball told from the shell around it: samples, bodies between two spheres, and the regions networks find.

>>> import relusweep as rs
>>> rs.hypersphere.hyperoctahedron(3).vertices.shape
(6, 3)
"""

from relusweep.tasks.hypersphere.geometry import (
    Polytope,
    Radii,
    ball_volume,
    expanded_simplex,
    expanded_simplex_inradius,
    gap_volume_ratio,
    hyperoctahedron,
    hyperoctahedron_inradius,
    radii,
    regular_simplex,
)
from relusweep.tasks.hypersphere.orthogonality import Cosines, random_cosines
from relusweep.tasks.hypersphere.problems import BallAndShell, Samples, draw_samples
from relusweep.tasks.hypersphere.shapes import Shape, Shapes, classify, region_vertices

__all__ = [
    "BallAndShell",
    "Cosines",
    "Polytope",
    "Radii",
    "Samples",
    "Shape",
    "Shapes",
    "ball_volume",
    "classify",
    "draw_samples",
    "expanded_simplex",
    "expanded_simplex_inradius",
    "gap_volume_ratio",
    "hyperoctahedron",
    "hyperoctahedron_inradius",
    "radii",
    "random_cosines",
    "region_vertices",
    "regular_simplex",
]
