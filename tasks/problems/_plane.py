"""What the problems of two classes in the plane share: how many samples, and whose they are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from relusweep.tasks.axes import Axis, Setting, fixed
from relusweep.tasks.declared import Coordinate
from relusweep.tasks.problems import Name, Problem, Trials

__all__ = ["CORNERS", "CORNER_CLASSES", "PlaneProblem"]

CORNERS = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
CORNER_CLASSES = np.array([1, -1, 1, -1], np.int8)
"""Of each corner of a square, the sign of the product of its coordinates: exclusive or."""


class PlaneProblem(Problem):
    """Samples of two classes, −1 and +1, in the plane.

    Attributes
    ----------
    samples : tuple of int
        Training rows of each network.
    data : {'own', 'common'}
        Whether each trial has samples of its own, or all have the same.
    """

    folder: ClassVar[str] = "plane"
    title: ClassVar[str] = "Plane sweep"

    samples: Annotated[
        tuple[Annotated[int, Field(ge=8, multiple_of=8)], ...],
        Axis("training samples"),
        Field(description="multiples of 8"),
    ] = fixed(400)
    data: Annotated[Literal["own", "common"], Field(description="own or common")] = "own"

    @abstractmethod
    def sampled(self, setting: Setting, trials: range, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Draw the samples of some trials.

        Returns
        -------
        tuple of ndarray
            Points, float32 of shape (n_trials, n_samples, 2); classes, int8 of shape (n_trials, n_samples).
        """

    def n_inputs_of(self, setting: Setting) -> int:
        """Give two."""
        return 2

    def n_rows_of(self, setting: Setting) -> int:
        """Count the samples."""
        return int(setting["samples"])

    def draw(self, setting: Setting, labels: tuple[Any, ...], trials: range, seed: int) -> Trials:
        """Draw the samples of every trial, or those of the first one for all."""
        if self.data == "own":
            return Trials(*self.sampled(setting, trials, seed))
        (points,), classes = self.sampled(setting, range(1), seed)
        return Trials(points, np.tile(classes, (len(trials), 1)))

    def stream(self, setting: Setting, label: Any, seed: int) -> Name:
        """Name one for each kind: settings have the same starts, and samples that differ in size alone."""
        return self.kind, seed

    def coordinates(self, seed: int) -> Mapping[str, Coordinate]:
        """Count the rows."""
        rows = np.array(self.samples)
        return {"rows": (("samples",), rows, {"long_name": "training rows", "units": "1"})}
