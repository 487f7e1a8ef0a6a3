"""Constructed networks: how their largest parameters grow, and their errors fall, with width and depth.

E. Morina and M. Holler, *On the growth of the parameters of approximating ReLU neural networks* (arXiv
2406.14936), after J. Lu, Z. Shen, H. Yang and S. Zhang, *Deep Network Approximation for Smooth Functions*
(SIAM J. Math. Anal. 53, 2021). Which N, L and q are looked at is ours.
"""

from relusweep.pipeline.sweeps.computed import ComputedSweep
from relusweep.tasks import constructions
from relusweep.tasks.quantities.growth import Growth

__all__ = ["GROWTH"]

GROWTH = ComputedSweep(
    Growth.model_validate(
        {
            "name": "growth",
            "construction": list(constructions.names()),
            "target": ["none", "sine"],
            "q": "none,1..3",
            "d": "none,1,2",
            "N": "none,1,2,3,4,6,8,12,16,32,64",
            "L": "none,1,2,3,4,6,8,12,16,24",
        }
    )
)
