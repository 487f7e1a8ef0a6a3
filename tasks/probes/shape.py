"""The shape of the region that a network of one hidden layer finds around the ball."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.declared import Declared, codes, numbers
from relusweep.tasks.hypersphere.shapes import Shape as Code
from relusweep.tasks.probes import Extent, Probe, Trained, needs_relu
from relusweep.tasks.problems import Problem
from relusweep.tasks.training.protocol import StopReason

__all__ = ["Shape"]


class Shape(Probe):
    """Which body the inside is, of networks of one hidden layer of one unit more than inputs."""

    result_schema: ClassVar[int] = 2  # since 30 November 2026: missing of networks that diverged
    kind: Literal["shape"] = "shape"

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Refuse networks of other sizes, whose regions have no such names."""
        if problem.kind != "ball_and_shell":
            raise ValueError(f"shape is of regions around a ball, not of {problem.kind}; leave it out")
        if settings["depth"] != (1,) or settings["width"] != (0,):
            raise ValueError("shape is of depth 1 and width auto; set these, or leave the probe out")
        needs_relu(self.kind, settings)

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give the shape and what it was told by."""
        apart = "distance from the body of as many vertices"
        return {
            "shape": codes("shape of the region inside", Code),
            "vertices": numbers("int16", "vertices of the region", comment="0: no polytope"),
            "concave": numbers("int16", "units of an output weight that is not positive"),
            "misfit": numbers("float32", apart, comment="0 to 1"),
        }

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Classify regions; nothing is said of networks whose outputs are not finite."""
        from relusweep.tasks.hypersphere.shapes import classify

        protocol, lost = trained.protocol, trained.result.stop_reason == StopReason.NOT_FINITE
        parameters = np.where(lost[:, None], np.nan, trained.parameters)
        shapes = classify(protocol.network, parameters, threshold=protocol.threshold)
        told = {name: np.where(lost, -1, codes) for name, codes in shapes._asdict().items()}
        return {**told, "misfit": shapes.misfit.astype(np.float32)}
