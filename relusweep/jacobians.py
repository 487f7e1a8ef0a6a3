"""The linear maps inside networks: gradient and offset of every output at every sample.

>>> from torch import nn
>>> import relusweep as rs
>>> network = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
>>> rs.jacobians.coefficients(network, [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]).shape  # the offset comes last
(2, 2, 4)
"""

from relusweep.tasks.jacobians.coefficients import Method, coefficients
from relusweep.tasks.jacobians.rounding import RoundingError, round_bits, to_float16

__all__ = ["Method", "RoundingError", "coefficients", "round_bits", "to_float16"]
