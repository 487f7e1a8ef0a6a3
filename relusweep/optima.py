"""All stationary points of the loss of small networks of one hidden layer, in rational arithmetic.

>>> import relusweep as rs
>>> xor = rs.optima.landscape([[-1], [0], [0], [1]], [-1, 1, 1, -1], 2)
>>> best = rs.optima.families(xor)[1]
>>> str(best.loss), best.minimum, rs.optima.equations(xor, best)
('0', True, ['o1·w1 = −2 − o1·b1', 'o2·w2 = 2 + o2·b2', 'c = 1'])
>>> [str(level.loss) for level in rs.optima.census(2, 6, 1)]
['8/3', '4']
"""

from relusweep.tasks.optima.arrangement import Arrangement, arrangement
from relusweep.tasks.optima.census import Level, census
from relusweep.tasks.optima.families import Family, families, family_of, key_of, key_of_code
from relusweep.tasks.optima.forms import Example, equations, example, patterns, units
from relusweep.tasks.optima.landscape import Landscape, landscape
from relusweep.tasks.optima.reached import Reached, reached
from relusweep.tasks.optima.single_unit import Piece, single_unit

__all__ = [
    "Arrangement",
    "Example",
    "Family",
    "Landscape",
    "Level",
    "Piece",
    "Reached",
    "arrangement",
    "census",
    "equations",
    "example",
    "families",
    "family_of",
    "key_of",
    "key_of_code",
    "landscape",
    "patterns",
    "reached",
    "single_unit",
    "units",
]
