"""Samples of a ball and of the shell around it, each network's own."""

import math
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from relusweep._yaml import Real, Whole
from relusweep.tasks import elementary, streams
from relusweep.tasks.compiled import compiled
from relusweep.tasks.elementary import exp, log
from relusweep.tasks.hypersphere.geometry import Radii, ShellVolume, radii
from relusweep.tasks.streams import Stream, box_muller, uniform

__all__ = ["BallAndShell", "Part", "Samples", "draw_samples"]

Part = Literal["training", "test"]


class BallAndShell(BaseModel):
    """The problem to tell points of a ball (class −1) from points of the shell around it (class +1).

    Parameters
    ----------
    n_inputs : int
        Dimension, at least 2.
    n_samples : int
        Points of one network, even: the first half in the ball and the second half in the shell.
    ball : float
        Radius r1 of the ball; :func:`relusweep.tasks.hypersphere.geometry.radii` gives those of the shell.
    shell_volume : {'surrounded', 'ball'}
        What the shell is as large as; see there.
    inputs : {'scaled', 'raw'}
        Points divided by the standard deviation of a coordinate, or as they are. It is the deviation of the
        distribution, not of the sample, so that training and test points are scaled alike and balls stay
        balls.

    Examples
    --------
    >>> round(BallAndShell(n_inputs=2, n_samples=1000).standard_deviation, 6)
    0.467707
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_inputs: Annotated[Whole, Field(ge=2)]
    n_samples: Annotated[Whole, Field(ge=2, multiple_of=2)]
    ball: Annotated[Real, Field(gt=0, allow_inf_nan=False)] = 0.5
    shell_volume: ShellVolume = "surrounded"
    inputs: Literal["scaled", "raw"] = "scaled"

    @property
    def radii(self) -> Radii:
        """Of ball and shell, before scaling."""
        return radii(self.n_inputs, self.ball, self.shell_volume)

    @property
    def standard_deviation(self) -> float:
        """Of each coordinate of a point that is in the ball or in the shell with equal chances."""
        n = self.n_inputs
        (_, ball), (inner, outer) = self.powers(n)
        (_, ball_above), (inner_above, outer_above) = self.powers(n + 2)
        moments = ball_above / ball + (outer_above - inner_above) / (outer - inner)
        return math.sqrt(moments / 2 / (n + 2))

    @property
    def scale(self) -> float:
        """What points are divided by."""
        return 1.0 if self.inputs == "raw" else self.standard_deviation

    def powers(self, exponent: int) -> tuple[tuple[float, float], tuple[float, float]]:
        """Give the least and largest radius of ball and shell, raised to a power by multiplications only."""
        ball, inner, outer = (math.prod([radius] * exponent) for radius in self.radii)
        return (0.0, ball), (inner, outer)


class Samples(NamedTuple):
    """Points and their classes.

    Attributes
    ----------
    inputs : ndarray of shape (n_trials, n_samples, n_inputs), float32
    targets : ndarray of shape (n_trials, n_samples), int8
        −1 in the ball, +1 in the shell.
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.int8]


def draw_samples(
    problem: BallAndShell, part: Part, name: tuple[str | int | float, ...], trials: range
) -> Samples:
    """Draw the points of some trials, uniform in ball and in shell; bits are the same on every processor.

    Each trial reads its own part of a stream, so its points do not depend on which others are drawn. Raw and
    scaled inputs come from the same draws.

    Parameters
    ----------
    problem : BallAndShell
    part : {'training', 'test'}
        Which of two independent streams.
    name : tuple of str, int or float
        What tells these networks' points from those of others: the seed, and settings that do not share.
    trials : range
        Consecutive trial numbers.

    Returns
    -------
    Samples

    Notes
    -----
    A direction is a vector of independent normal numbers, a radius the n-th root of a number uniform between
    the n-th powers of the least and the largest one: Muller, *A Note on a Method for Generating Points
    Uniformly on N-Dimensional Spheres* (1959).
    """
    n, n_samples = problem.n_inputs, problem.n_samples
    stream = Stream((f"hypersphere {part}", *name, n, n_samples))
    # The number of samples is even, and so is that of the normal numbers, which come in pairs.
    words = stream.words(trials, n_samples * (n + 1))
    points = np.empty((len(trials), n_samples, n), np.float32)
    _draw(words, np.array(problem.powers(n)), problem.scale, points)
    classes = np.repeat(np.array([-1, 1], np.int8), n_samples // 2)
    return Samples(points, np.tile(classes, (len(trials), 1)))


@compiled(elementary, streams)
def _draw(words, powers, scale, points):  # type: ignore[no-untyped-def]
    n_trials, n_samples, n = points.shape
    normal = np.empty(n_samples * n, np.float32)
    radius = np.empty(n_samples)
    for trial in range(n_trials):
        row = words[trial]
        box_muller(row[: normal.size], normal)
        for body in range(2):
            low, high = powers[body]
            for sample in range(body * n_samples // 2, (body + 1) * n_samples // 2):
                power = low + uniform(row[normal.size + sample]) * (high - low)
                radius[sample] = exp(log(power) / n) / scale
        for sample in range(n_samples):
            direction = normal[sample * n : (sample + 1) * n]
            square = 0.0
            for x in direction:
                square += np.float64(x) * np.float64(x)
            stretch = radius[sample] / math.sqrt(square)
            for i in range(n):
                points[trial, sample, i] = stretch * direction[i]
