"""Four discs, each in its ring: exclusive or decides which of the two is of which class."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from relusweep.tasks.axes import Axis, Setting, fixed
from relusweep.tasks.hypersphere.geometry import ShellVolume
from relusweep.tasks.hypersphere.problems import BallAndShell, draw_samples
from relusweep.tasks.problems._plane import CORNER_CLASSES, CORNERS, PlaneProblem

__all__ = ["XorCircles"]


class XorCircles(PlaneProblem):
    """A disc and the ring around it at each corner of a square, an eighth of the points in each.

    At the corners (c, c) and (−c, −c) the disc is of class −1 and the ring of class +1; at the other two the
    classes are exchanged.

    Attributes
    ----------
    corner : tuple of float
        c: half the side of the square.
    ball : tuple of float
        Radius of the discs; `relusweep.tasks.hypersphere.geometry.radii` gives those of the rings.
    shell_volume : tuple of {'surrounded', 'ball'}
        What a ring is as large as; see there.
    """

    kind: Literal["xor_circles"] = "xor_circles"
    corner: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1e3)], ...],
        Axis("half the side of the square of the centres"),
        Field(description="above 0, at most 1000"),
    ] = fixed(0.5)
    ball: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1e3)], ...],
        Axis("radius of the discs"),
        Field(description="above 0, at most 1000"),
    ] = fixed(0.2)
    shell_volume: Annotated[
        tuple[ShellVolume, ...],
        Axis("what a ring is as large as", None),
        Field(description="surrounded or ball"),
    ] = fixed("surrounded")

    def sampled(self, setting: Setting, trials: range, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Draw points of disc and ring, and move them to the corners in turn."""
        count = self.n_rows_of(setting)
        bodies = BallAndShell(
            n_inputs=2,
            n_samples=count,
            ball=setting["ball"],
            shell_volume=setting["shell_volume"],
            inputs="raw",
        )
        points, classes = draw_samples(bodies, "training", self.stream(setting, None, seed), trials)
        turn = np.arange(count) % len(CORNERS)
        centres = (setting["corner"] * CORNERS).astype(np.float32)
        return points + centres[turn], classes * CORNER_CLASSES[turn]
