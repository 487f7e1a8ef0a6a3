"""XOR of two inputs of −1 and +1, given only half of their sum: three points of a line, one of them twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from relusweep.tasks.axes import Setting
from relusweep.tasks.declared import Coordinate
from relusweep.tasks.problems import Name, Problem, Trials

__all__ = ["XorLine"]

_POINTS = [[-1], [0], [0], [1]]
_TARGETS = [-1, 1, 1, -1]


class XorLine(Problem):
    """The problem of the smallest network that learns XOR: one input, two units."""

    folder: ClassVar[str] = "xor_line"
    title: ClassVar[str] = "XOR sweep"
    rows_dtype: ClassVar[str] = "int8"

    kind: Literal["xor_line"] = "xor_line"

    def n_inputs_of(self, setting: Setting) -> int:
        """Give one."""
        return 1

    def n_rows_of(self, setting: Setting) -> int:
        """Count the four rows of XOR."""
        return len(_POINTS)

    def draw(self, setting: Setting, labels: tuple[Any, ...], trials: range, seed: int) -> Trials:
        """Give the points, the same for all trials."""
        return Trials(
            np.array(_POINTS, np.float32), np.tile(np.array(_TARGETS, np.float32), (len(trials), 1))
        )

    def stream(self, setting: Setting, label: Any, seed: int) -> Name:
        """Name one for all."""
        return (seed,)

    def coordinates(self, seed: int) -> Mapping[str, Coordinate]:
        """Count the rows."""
        return {"rows": ((), np.array(len(_POINTS)), {"long_name": "rows", "units": "1"})}

    def block_shape(self) -> Mapping[str, int]:
        """Many small networks."""
        return {"trial": 10_000}
