"""The stationary points that a network of one hidden layer has come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import Extent, Probe, Trained, needs_relu
from relusweep.tasks.problems import Problem
from relusweep.tasks.training.protocol import StopReason

__all__ = ["Optimum"]

_KINDS = ("boolean", "xor_line")
_MOST_INPUTS, _MOST_UNITS = 3, 3
_KNOWN = {
    "n_inputs": range(1, _MOST_INPUTS + 1),
    "depth": (1,),
    "width": range(1, _MOST_UNITS + 1),
    "leak": (0,),
    "loss": ("mse",),
}


class Optimum(Probe):
    """The family of stationary points within `tolerance`, of few rows, few units and squared error."""

    kind: Literal["optimum"] = "optimum"
    tolerance: Annotated[float, Field(gt=0, le=1, description="above 0, at most 1")] = 1e-3

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Refuse problems, networks and losses whose stationary points are not enumerated."""
        if problem.kind not in _KINDS:
            raise ValueError(
                f"optimum is of {' and '.join(_KINDS)} problems, not of {problem.kind}; leave it out"
            )
        needs_relu(self.kind, settings)
        others = [
            f"{dim} {label}"
            for dim, known in _KNOWN.items()
            for label in settings.get(dim, ())
            if label not in known
        ]
        if others:
            raise ValueError(
                f"optimum is of at most {_MOST_INPUTS} inputs, depth 1, width up to {_MOST_UNITS}, leak 0 "
                f"and loss mse, where all stationary points are known, not of {', '.join(others)}; set "
                "these, or leave the probe out"
            )

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give the cell, the family and how near it is."""
        return {
            "sign_cell": numbers(
                "int32", "which units are on at which rows", comment="bits, the first unit and row highest"
            ),
            "family": numbers(
                "int64", "family of stationary points reached", fill=-2, comment="code; -1: none"
            ),
            "family_distance": numbers("float32", "largest difference of an output from the family's"),
            "gradient_norm": numbers("float32", "norm of the gradient of the sum of squared errors"),
            "squared_error": numbers("float64", "sum of squared errors at the end"),
        }

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Find the families; nothing is said of networks whose outputs are not finite."""
        from relusweep.tasks.optima.reached import reached

        lost = trained.result.stop_reason == StopReason.NOT_FINITE
        found = reached(
            trained.protocol.network,
            np.where(lost[:, None], np.nan, trained.parameters),
            trained.trials.inputs,
            trained.trials.targets,
            tolerance=self.tolerance,
        )
        return found._asdict()
