"""A disc told from the annulus around it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from numpy.typing import NDArray
from pydantic import Field

from relusweep.tasks.axes import Axis, Setting, fixed
from relusweep.tasks.hypersphere.geometry import ShellVolume
from relusweep.tasks.hypersphere.problems import BallAndShell, draw_samples
from relusweep.tasks.problems._plane import PlaneProblem

__all__ = ["Circle"]


class Circle(PlaneProblem):
    """Points of a disc (class −1) and of the annulus around it (class +1), half of them in each.

    Attributes
    ----------
    ball : tuple of float
        Radius of the disc; `relusweep.tasks.hypersphere.geometry.radii` gives those of the annulus.
    shell_volume : tuple of {'surrounded', 'ball'}
        What the annulus is as large as; see there.
    """

    kind: Literal["circle"] = "circle"
    ball: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1e3)], ...],
        Axis("radius of the disc"),
        Field(description="above 0, at most 1000"),
    ] = fixed(0.5)
    shell_volume: Annotated[
        tuple[ShellVolume, ...],
        Axis("what the annulus is as large as", None),
        Field(description="surrounded or ball"),
    ] = fixed("surrounded")

    def sampled(self, setting: Setting, trials: range, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Draw points of disc and annulus, as the sweep `annulus` does."""
        bodies = BallAndShell(
            n_inputs=2,
            n_samples=self.n_rows_of(setting),
            ball=setting["ball"],
            shell_volume=setting["shell_volume"],
            inputs="raw",
        )
        points, classes = draw_samples(bodies, "training", self.stream(setting, None, seed), trials)
        return points, classes
