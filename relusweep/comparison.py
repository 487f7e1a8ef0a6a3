"""How alike networks are, and how few linear maps replace many.

`cka` takes the coefficients of `relusweep.jacobians` in memory. `Moments`, `Grams`, `Distances` and
`Products` take them chunk by chunk, where they are too many.
"""

from relusweep.pipeline.python.comparison import cka
from relusweep.tasks.comparison.affine import (
    AffineMaps,
    RowSpace,
    apply_coefficients,
    fit_affine,
    mapped_outputs,
    row_space,
)
from relusweep.tasks.comparison.compression import Clusters, cluster, compressed_outputs
from relusweep.tasks.comparison.distances import Distances
from relusweep.tasks.comparison.grams import Grams
from relusweep.tasks.comparison.measures import cross_entropy, n_right
from relusweep.tasks.comparison.moments import Moments
from relusweep.tasks.comparison.products import Products
from relusweep.tasks.comparison.sensitivity import Sensitivity, sensitivity

__all__ = [
    "AffineMaps",
    "Clusters",
    "Distances",
    "Grams",
    "Moments",
    "Products",
    "RowSpace",
    "Sensitivity",
    "apply_coefficients",
    "cka",
    "cluster",
    "compressed_outputs",
    "cross_entropy",
    "fit_affine",
    "mapped_outputs",
    "n_right",
    "row_space",
    "sensitivity",
]
