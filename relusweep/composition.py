"""Triangles composed to waves, their sums, and the ReLU networks that compute them.

>>> import relusweep as rs
>>> peaks = [[0.5, 0.5, 0.5, 0.5]]
>>> scales = rs.composition.tied_scales(peaks, [rs.composition.SUBTRACTED])
>>> scales.tolist()
[[0.25, 0.0625, 0.015625]]
>>> network = rs.Network(n_inputs=1, width=4, depth=3)
>>> square = rs.composition.encoded(network, peaks, scales, [rs.composition.SUBTRACTED])
>>> rs.composition.structure(network, square, 0, 1).pieces.tolist()
[8]
"""

from relusweep.tasks.composition.encoding import encoded, n_spare
from relusweep.tasks.composition.targets import sign_of
from relusweep.tasks.composition.waves import ADDED, SUBTRACTED, kinks, partial_sums, tied_scales, waves
from relusweep.tasks.regions.structure import Structure, structure

__all__ = [
    "ADDED",
    "SUBTRACTED",
    "Structure",
    "encoded",
    "kinks",
    "n_spare",
    "partial_sums",
    "sign_of",
    "structure",
    "tied_scales",
    "waves",
]
