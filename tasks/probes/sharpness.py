"""How sharply the loss bends at the end: the largest eigenvalue of its Hessian."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from relusweep._yaml import Real, Whole
from relusweep.tasks.axes import Setting
from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import Cost, Extent, Probe, Trained, finite
from relusweep.tasks.training.protocol import Protocol

__all__ = ["Sharpness"]


class Sharpness(Probe):
    """The largest eigenvalue of the Hessian of the loss over all training rows, by Lanczos in float64.

    Attributes
    ----------
    tolerance : float
        Iterations end when the residual is no larger than this share of the eigenvalue of largest size.
    steps : int
        Products with the Hessian, at most.
    """

    kind: Literal["sharpness"] = "sharpness"
    tolerance: Annotated[Real, Field(gt=0, le=0.1, description="above 0, at most 0.1")] = 1e-6
    steps: Annotated[Whole, Field(ge=1, le=1000, description="1 to 1000")] = 200

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give the eigenvalue, and how far from one it may be."""
        comment = "without penalties; missing where parameters are not finite"
        residual = "norm of the residual: an eigenvalue lies no farther away"
        return {
            "sharpness": numbers("float32", "largest eigenvalue of the Hessian of the loss", comment=comment),
            "sharpness_residual": numbers("float32", residual),
        }

    def cost(self, setting: Setting, protocol: Protocol, n_rows: int) -> Cost:
        """Take it that half of the steps are made."""
        steps = min(self.steps, protocol.network.n_parameters) / 2
        return Cost(20.0 * steps * n_rows * protocol.network.n_parameters)

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Iterate networks whose parameters are finite."""
        from relusweep.tasks.sharpness import sharpness

        found = self.missing(extent, len(trained.parameters))
        some = finite(trained)
        inputs, targets, _, weights = trained.trials
        counts = None if weights is None else np.broadcast_to(weights, targets.shape[:2])[some]
        x = inputs[some] if inputs.ndim == 3 else inputs
        of = sharpness(
            trained.protocol,
            trained.parameters[some],
            x,
            targets[some],
            counts,
            tolerance=self.tolerance,
            most_steps=self.steps,
        )
        found["sharpness"][some], found["sharpness_residual"][some] = of
        return found
