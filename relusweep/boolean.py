"""Boolean functions: truth tables, NPN classes, swaps, spectra, and networks that compute them.

A function of n inputs is named by a whole number, its id; a truth table is a row of −1 and +1.

>>> import relusweep as rs
>>> tables = rs.boolean.truth_table(rs.boolean.npn_classes(3).representative, 3)
>>> rs.boolean.swaps(tables).count.max(), rs.boolean.influence(tables).max()
(np.int64(3), np.float64(3.0))
"""

from relusweep.tasks.boolean.constructions import (
    forward,
    interpolation_network,
    parity_network,
    sawtooth_network,
    solves,
    swaps_network,
)
from relusweep.tasks.boolean.fourier import degree, influence, spectral_entropy, spectrum
from relusweep.tasks.boolean.frontier import enlarged
from relusweep.tasks.boolean.npn import NpnClasses, canonical, npn_classes
from relusweep.tasks.boolean.orderings import strict_orderings
from relusweep.tasks.boolean.swaps import Swaps, changes, swaps
from relusweep.tasks.boolean.truth_tables import function_id, inputs, n_inputs, parity, truth_table
from relusweep.tasks.problems.boolean import initial_parameters

__all__ = [
    "NpnClasses",
    "Swaps",
    "canonical",
    "changes",
    "degree",
    "enlarged",
    "forward",
    "function_id",
    "influence",
    "initial_parameters",
    "inputs",
    "interpolation_network",
    "n_inputs",
    "npn_classes",
    "parity",
    "parity_network",
    "sawtooth_network",
    "solves",
    "spectral_entropy",
    "spectrum",
    "strict_orderings",
    "swaps",
    "swaps_network",
    "truth_table",
]
