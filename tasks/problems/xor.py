"""Four clusters of points, of two classes by exclusive or."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from relusweep.tasks.axes import Axis, Setting, fixed
from relusweep.tasks.problems._plane import CORNER_CLASSES, CORNERS, PlaneProblem
from relusweep.tasks.streams import Stream, box_muller

__all__ = ["Xor"]


class Xor(PlaneProblem):
    """Normally distributed clusters at the corners of a square, a quarter of the points in each.

    Those at (c, c) and (−c, −c) are of class +1, those at the other two corners of class −1.

    Attributes
    ----------
    corner : tuple of float
        c: half the side of the square.
    spread : tuple of float
        Standard deviation of each coordinate within a cluster.
    """

    kind: Literal["xor"] = "xor"
    corner: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1e3)], ...],
        Axis("half the side of the square of the centres"),
        Field(description="above 0, at most 1000"),
    ] = fixed(0.5)
    spread: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1e3)], ...],
        Axis("standard deviation within a cluster"),
        Field(description="above 0, at most 1000"),
    ] = fixed(0.12)

    def sampled(self, setting: Setting, trials: range, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Draw normal numbers, and move them to the corners in turn."""
        count = self.n_rows_of(setting)
        words = Stream(("xor samples", *self.stream(setting, None, seed), count)).words(trials, 2 * count)
        normal = np.empty((len(trials), count, 2), np.float32)
        for row, numbers in zip(words, normal.reshape(words.shape), strict=True):
            box_muller(row, numbers)
        turn = np.arange(count) % len(CORNERS)
        centres = (setting["corner"] * CORNERS).astype(np.float32)
        return np.float32(setting["spread"]) * normal + centres[turn], np.tile(
            CORNER_CLASSES[turn], (len(trials), 1)
        )
