"""Functions of C^q on all of [0, 1]^d: width ~ N log N, depth ~ L² log L, parameters that grow as powers."""

from relusweep.tasks.constructions._recipes import Recipe, cube
from relusweep.tasks.constructions._taylor import on_the_cube, on_the_cube_bounds, target_value

__all__ = ["RECIPE"]

RECIPE = Recipe(
    lambda s: on_the_cube(s, slow=True),
    lambda s: on_the_cube_bounds(s, slow=True),
    target_value,
    lambda s: cube(s.d),
    uses=("q", "d", "n", "l", "target"),
)
