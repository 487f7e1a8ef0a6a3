"""Functions of one to three inputs, fitted at points of an interval, a square or a cube."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from relusweep._yaml import Whole
from relusweep.tasks.axes import LATER, Axis, Setting, fixed
from relusweep.tasks.declared import Coordinate
from relusweep.tasks.elementary import cos_sin_turn
from relusweep.tasks.functions import TARGETS, Target, target
from relusweep.tasks.points import grid_points, side_of_grid, sobol_points, uniform_points
from relusweep.tasks.problems import Name, Problem, Trials

__all__ = ["Function", "Points", "sine_points"]


def _known(name: str) -> str:
    target(name)
    return name


class Function(Problem):
    """Functions of `relusweep.tasks.functions`, at points that are the same for all trials.

    Targets are the values at the points as float32 holds them; those of the sine on the grid are the values
    before the points are rounded.

    Attributes
    ----------
    target : tuple of str
        Functions by their names. They may have different numbers of inputs.
    points : tuple of int
        Training points.
    layout : tuple of {'grid', 'uniform', 'sobol'}, optional
        Where they lie in the domain of the function: on an evenly spaced grid, both ends among them, which is
        the default; drawn uniformly; or those of the Sobol sequence, shifted at random. Both draw from the
        seed of the sweep. Fewer points are the first of more, but for the grid.
    test_points : int, optional
        Further points of the Sobol sequence, shifted otherwise, that no network is trained on.
    """

    folder: ClassVar[str] = "function"
    title: ClassVar[str] = "Function sweep"

    kind: Literal["function"] = "function"
    target: Annotated[
        tuple[Annotated[str, AfterValidator(_known)], ...],
        Axis("function", None),
        Field(description=", ".join(TARGETS)),
    ] = fixed("sine")
    points: Annotated[
        tuple[Annotated[int, Field(ge=2, le=100_000)], ...],
        Axis("points"),
        Field(description="2 to 100 000; on a grid of two inputs squares, of three cubes"),
    ] = fixed(100)
    layout: Annotated[
        tuple[Literal["grid", "uniform", "sobol"], ...] | None,
        Axis("where the points lie", None),
        LATER,
        Field(description="none, which is grid, or grid, uniform, sobol"),
    ] = None
    test_points: Annotated[
        Annotated[Whole, Field(ge=1, le=1_000_000)] | None,
        LATER,
        Field(description="none, or 1 to 1 000 000"),
    ] = None

    @model_validator(mode="after")
    def _grids_are_whole(self) -> Self:
        if "grid" not in (self.layout or ("grid",)):
            return self
        for name, count in product(self.target, self.points):
            try:
                side_of_grid(count, target(name).n_inputs)
            except ValueError as error:
                raise ValueError(f"target = {name}: {error}, or set layout=sobol") from None
        return self

    def function(self, setting: Setting) -> Target:
        """Give the function of a setting."""
        return target(setting["target"])

    def interval(self, setting: Setting) -> tuple[float, float]:
        """Give the ends of the interval that the points lie in, the same along every input."""
        function = self.function(setting)
        return function.low, function.high

    @property
    def losses(self) -> tuple[str, ...]:
        """Losses that its targets allow."""
        return "mse", "huber"

    @property
    def has_classes(self) -> bool:
        """Values are neither right nor wrong."""
        return False

    def n_inputs_of(self, setting: Setting) -> int:
        """Count the inputs of the function."""
        return self.function(setting).n_inputs

    def n_rows_of(self, setting: Setting) -> int:
        """Count the points."""
        return int(setting["points"])

    @property
    def has_test(self) -> bool:
        """Whether there are test points."""
        return self.test_points is not None

    def draw(self, setting: Setting, labels: tuple[Any, ...], trials: range, seed: int) -> Trials:
        """Give the points and the values there, the same for all trials."""
        inputs, targets = self._training_points(setting, seed)
        test = None
        if self.test_points is not None:
            some, values = _points(self.function(setting), "sobol", self.test_points, ("test points", seed))
            test = some, np.tile(values, (len(trials), 1))
        return Trials(inputs, np.tile(targets, (len(trials), 1)), test)

    def _training_points(self, setting: Setting, seed: int) -> Points:
        count, layout = self.n_rows_of(setting), setting.get("layout", "grid")
        if (setting["target"], layout) == ("sine", "grid"):
            return sine_points(count)
        return _points(self.function(setting), layout, count, (f"{layout} points", seed))

    def stream(self, setting: Setting, label: Any, seed: int) -> Name:
        """Name one for all: points do not matter."""
        return (seed,)

    def start_name(self, setting: Setting, label: Any, seed: int) -> Name:
        """Name the stream of the starts after the function."""
        _, *name = super().start_name(setting, label, seed)
        return (f"{setting['target']} starts", *name)

    def coordinates(self, seed: int) -> Mapping[str, Coordinate]:
        """Count the rows."""
        known: dict[str, Coordinate] = {
            "rows": (("points",), np.array(self.points), {"long_name": "points", "units": "1"})
        }
        if self.test_points is not None:
            known["test_rows"] = ((), np.array(self.test_points), {"long_name": "test points", "units": "1"})
        return known

    def block_shape(self) -> Mapping[str, int]:
        """One network for each lane; of other functions than the sine more, whose trainings are shorter."""
        return {"trial": 16 if self.target == ("sine",) else 128}


class Points(NamedTuple):
    """Points, and the values of a function there.

    Attributes
    ----------
    inputs : ndarray of shape (n_points, n_inputs), dtype float32
    targets : ndarray of shape (n_points,), dtype float32
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]


def _points(function: Target, layout: str, count: int, name: Name) -> Points:
    where = (count, function.n_inputs, function.low, function.high)
    if layout == "grid":
        inputs = grid_points(*where)
    else:
        inputs = (uniform_points if layout == "uniform" else sobol_points)(*where, name)
    return Points(inputs, function.values(inputs).astype(np.float32))


def sine_points(count: int) -> Points:
    """Give uniformly spaced points of [−π, π], both ends among them, and their sines.

    Sines are those of the points before these are rounded to float32. All bits are the same on every
    processor.

    Parameters
    ----------
    count : int
        At least 2.

    Returns
    -------
    Points

    Raises
    ------
    ValueError
        If there are fewer than 2 points.

    Examples
    --------
    >>> sine_points(5).targets.tolist()
    [0.0, -1.0, 0.0, 1.0, 0.0]
    """
    if count < 2:
        raise ValueError(f"{count} points cannot hold both ends of the interval; allowed is 2 or more")
    half_circle = count - 1
    places = range(-half_circle, count, 2)
    inputs = [[math.pi * place / half_circle] for place in places]
    turns = [place % (2 * half_circle) / (2 * half_circle) for place in places]
    targets = [cos_sin_turn(turn)[1] + 0.0 for turn in turns]  # -0.0 is 0.0
    return Points(np.array(inputs, np.float32), np.array(targets, np.float32))
