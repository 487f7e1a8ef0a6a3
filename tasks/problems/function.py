"""Functions of one input, fitted at uniformly spaced points."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from relusweep.tasks.axes import Axis, Setting, fixed
from relusweep.tasks.declared import Coordinate
from relusweep.tasks.problems import Name, Problem, Trials
from relusweep.tasks.sine import sine_points

__all__ = ["Function"]


class Function(Problem):
    """The sine on [−π, π].

    Attributes
    ----------
    target : {'sine'}
    points : tuple of int
        Uniformly spaced points, both ends among them.
    """

    folder: ClassVar[str] = "function"
    title: ClassVar[str] = "Function sweep"
    losses: ClassVar[tuple[str, ...]] = ("mse",)
    two_classes: ClassVar[bool] = False

    kind: Literal["function"] = "function"
    target: Annotated[
        tuple[Literal["sine"], ...], Axis("function", None), Field(description="sine")
    ] = fixed("sine")
    points: Annotated[
        tuple[Annotated[int, Field(ge=2, le=100_000)], ...],
        Axis("points"),
        Field(description="2 to 100 000"),
    ] = fixed(100)

    def interval(self, setting: Setting) -> tuple[float, float]:
        """Give the ends of the interval that the points lie in."""
        return -math.pi, math.pi

    def n_inputs_of(self, setting: Setting) -> int:
        """One."""
        return 1

    def n_rows_of(self, setting: Setting) -> int:
        """The points."""
        return int(setting["points"])

    def draw(self, setting: Setting, labels: tuple[Any, ...], trials: range, seed: int) -> Trials:
        """Give the points and the values there, the same for all trials."""
        inputs, targets = sine_points(self.n_rows_of(setting))
        return Trials(inputs, np.tile(targets, (len(trials), 1)))

    def stream(self, setting: Setting, label: Any, seed: int) -> Name:
        """One for all: points do not matter."""
        return (seed,)

    def start_name(self, setting: Setting, label: Any, seed: int) -> Name:
        """Name the stream of the starts after the function."""
        _, *name = super().start_name(setting, label, seed)
        return (f"{setting['target']} starts", *name)

    def coordinates(self, seed: int) -> Mapping[str, Coordinate]:
        """Count the rows."""
        return {"rows": (("points",), np.array(self.points), {"long_name": "points", "units": "1"})}

    def block_shape(self) -> Mapping[str, int]:
        """One network for each lane."""
        return {"trial": 16}
