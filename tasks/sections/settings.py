"""What is asked of networks in planes, and how the answers end."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

__all__ = ["QUANTILES", "SectionCode", "SectionMethod", "SectionSettings", "Window"]

Window = Literal["triangle", "box", "square"]

SectionMethod = Literal["exact", "grid"]

QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
"""Of the areas of regions."""


class SectionCode(IntEnum):
    """What part of its window a network was looked at in.

    Attributes
    ----------
    WHOLE
        All of it.
    REDUCED
        The whole has more polygons than the limit: the largest part, by halves of its sides, that was
        estimated and found to have no more; about A of the square, about the middle of the others.
    LIMIT
        The smallest part has more too: some of its polygons.
    GRID
        All of it, on a grid alone.
    NOT_FINITE
        None: the training diverged.
    """

    WHOLE = 0
    REDUCED = 1
    LIMIT = 2
    GRID = 3
    NOT_FINITE = 4


@dataclass(frozen=True)
class SectionSettings:
    """What is asked of a network in a plane.

    Attributes
    ----------
    window : {'triangle', 'box', 'square'}
        See `relusweep.tasks.sections.planes.Plane.window`.
    method : {'exact', 'grid'}
        Whether polygons are found, or regions are counted on a grid alone.
    limit : int
        Most polygons: regions, cut by which output is the largest.
    grid : int
        Points of the grid along each axis.
    tolerance : float
        Of nearly equal maps, see `relusweep.tasks.sections.grids.count_on_grid`.
    """

    window: Window = "triangle"
    method: SectionMethod = "exact"
    limit: int = 5_000
    grid: int = 100
    tolerance: float = 1e-5

    @property
    def n_corners(self) -> int:
        """Most corners of all polygons together: by Euler's formula under 6 of each but for the window's."""
        return 6 * self.limit + 16
