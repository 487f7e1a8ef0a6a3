"""Functions of C^q by Taylor polynomials on cells, off the ramps between cells: the theorem's first half."""

from relusweep.tasks.constructions._grids import cells, of_flats
from relusweep.tasks.constructions._recipes import Recipe
from relusweep.tasks.constructions._taylor import on_flats, on_flats_bounds, ramp_off, target_value

__all__ = ["RECIPE"]

RECIPE = Recipe(
    lambda s: on_flats(s, ramp_off(s), slow=True),
    lambda s: on_flats_bounds(s, ramp_off(s), slow=True),
    target_value,
    lambda s: of_flats(cells(s.n, s.l, s.d), s.d, ramp_off(s)),
    uses=("q", "d", "n", "l", "target"),
)
