"""A ball told from the shell around it, by networks that each have samples of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from relusweep._yaml import Whole
from relusweep.tasks.axes import Axis, Setting, fixed
from relusweep.tasks.declared import Coordinate
from relusweep.tasks.hypersphere.geometry import ShellVolume
from relusweep.tasks.hypersphere.problems import BallAndShell as Bodies
from relusweep.tasks.hypersphere.problems import Part, draw_samples
from relusweep.tasks.problems import Name, Problem, Trials, shape_name

__all__ = ["BallAndShell"]

_SIGNS = (-1.0, 1.0)
_MSE_TARGETS = {"0,1": (0.0, 1.0), "-1,1": _SIGNS}
_EVEN = "an even number of at least 2"


class BallAndShell(Problem):
    """Points of a ball (class −1) and of the shell around it (class +1), half of them in each.

    Attributes
    ----------
    n_inputs : tuple of int
        Dimensions.
    samples : tuple of int
        Training rows of each network.
    ball : tuple of float
        Radius of the ball; `relusweep.tasks.hypersphere.geometry.radii` gives those of the shell.
    shell_volume : tuple of {'surrounded', 'ball'}
        What the shell is as large as; see there.
    inputs : tuple of {'raw', 'scaled'}
        Whether inputs are divided by the standard deviation of a coordinate.
    test_samples : int
        Rows of each network that it is not trained on; 0: none.
    mse_targets : {'0,1', '-1,1'}
        What ball and shell are to give under the squared error; the threshold is between the two.
    draws : {'common', 'each_setting'}
        Whether all losses, batches and scalings have the same samples and starts, so that they are compared
        by pairs; or each setting its own.
    """

    folder: ClassVar[str] = "hypersphere"
    title: ClassVar[str] = "Hypersphere sweep"

    kind: Literal["ball_and_shell"] = "ball_and_shell"
    n_inputs: Annotated[
        tuple[Annotated[int, Field(ge=2, le=32)], ...],
        Axis("dimension"),
        Field(description="whole numbers from 2 to 32, as 2 or 2..8"),
    ]
    samples: Annotated[
        tuple[Annotated[int, Field(ge=2, multiple_of=2)], ...],
        Axis("training samples"),
        Field(description=_EVEN),
    ]
    ball: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1e3)], ...],
        Axis("radius of the ball"),
        Field(description="above 0, at most 1000"),
    ] = fixed(0.5)
    shell_volume: Annotated[
        tuple[ShellVolume, ...],
        Axis("what the shell is as large as", None),
        Field(description="surrounded or ball"),
    ] = fixed("surrounded")
    inputs: Annotated[
        tuple[Literal["raw", "scaled"], ...],
        Axis("whether inputs are scaled to standard deviation 1", None),
        Field(description="raw, scaled or raw,scaled"),
    ] = fixed("scaled")
    test_samples: Annotated[Whole, Field(ge=0, multiple_of=2, description="an even number, or 0")] = 0
    mse_targets: Annotated[Literal["0,1", "-1,1"], Field(description="0,1 or -1,1")] = "0,1"
    draws: Annotated[Literal["common", "each_setting"], Field(description="common or each_setting")] = (
        "common"
    )

    @property
    def _shared(self) -> bool:
        """Whether settings of one network share samples and starts."""
        return self.draws == "common"

    def n_inputs_of(self, setting: Setting) -> int:
        """Give the dimension."""
        return int(setting["n_inputs"])

    def n_rows_of(self, setting: Setting) -> int:
        """Count the training samples."""
        return int(setting["samples"])

    @property
    def has_test(self) -> bool:
        """Whether there are test samples."""
        return self.test_samples > 0

    def own_width(self, setting: Setting) -> int:
        """Give the least width that closes a region."""
        return self.n_inputs_of(setting) + 1

    def threshold(self, setting: Setting) -> float:
        """Give the middle between the targets."""
        return sum(self._targets(setting)) / 2

    def draw(self, setting: Setting, labels: tuple[Any, ...], trials: range, seed: int) -> Trials:
        """Draw the samples of every trial."""
        inputs, targets = self._samples(setting, "training", self.n_rows_of(setting), trials, seed)
        some = self.test_samples
        test = self._samples(setting, "test", some, trials, seed) if some else None
        return Trials(inputs, targets, test)

    def stream(self, setting: Setting, label: Any, seed: int) -> Name:
        """Name one for each dimension, or for each of the settings that do not share."""
        if self._shared:
            return seed, self.n_inputs_of(setting)
        batch = int(setting["batch"]) or self.n_rows_of(setting)
        return seed, self.n_inputs_of(setting), setting["loss"], setting["leak"], batch, setting["inputs"]

    def start_name(self, setting: Setting, label: Any, seed: int) -> Name:
        """Name the stream of the starts, without the least size where settings do not share."""
        if self._shared or setting["depth"] != 1 or setting["width"] != self.own_width(setting):
            return super().start_name(setting, label, seed)
        _, _, _, *shape = shape_name(setting)
        return (f"{self.folder} starts", *self.stream(setting, label, seed), *shape)

    def coordinates(self, seed: int) -> Mapping[str, Coordinate]:
        """Count the rows."""
        known: dict[str, Coordinate] = {
            "rows": (("samples",), np.array(self.samples), {"long_name": "training rows", "units": "1"})
        }
        if self.test_samples:
            known["test_rows"] = ((), np.array(self.test_samples), {"long_name": "test rows", "units": "1"})
        return known

    def bodies(self, setting: Setting, n_samples: int) -> Bodies:
        """Give ball and shell of a setting."""
        return Bodies(
            n_inputs=self.n_inputs_of(setting),
            n_samples=n_samples,
            ball=setting["ball"],
            shell_volume=setting["shell_volume"],
            inputs=setting["inputs"],
        )

    def _targets(self, setting: Setting) -> tuple[float, float]:
        return _MSE_TARGETS[self.mse_targets] if setting["loss"] == "mse" else _SIGNS

    def _samples(
        self, setting: Setting, part: Part, count: int, trials: range, seed: int
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        inputs, classes = draw_samples(
            self.bodies(setting, count), part, self.stream(setting, None, seed), trials
        )
        ball, shell = np.array(self._targets(setting), np.float32)
        return inputs, np.asarray(np.where(classes < 0, ball, shell))
