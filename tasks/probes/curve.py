"""Learning curves: loss, right rows and gradient at chosen epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import Extent, Trained
from relusweep.tasks.probes._epochs import ProbeOfEpochs

__all__ = ["Curve"]

_DIMS = ("curve_epoch",)


class Curve(ProbeOfEpochs):
    """What all training rows give after chosen epochs; NaN after the end of the training."""

    wants_parameters: ClassVar[bool] = False
    result_schema: ClassVar[int] = 2  # since 30 November 2026: missing where outputs are not finite
    kind: Literal["curve"] = "curve"

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give loss and gradient, and of two classes the share of right rows."""
        found = {"curve_loss": numbers("float32", "loss, mean over rows", _DIMS)}
        if extent.problem.has_classes:
            found["curve_rows_right"] = numbers("float32", "share of rows on the right side", _DIMS)
        return found | {"curve_gradient_norm": numbers("float32", "Euclidean norm of the gradient", _DIMS)}

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give the epochs."""
        return {"curve_epoch": self.labelled_epochs(extent)}

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Look at the snapshots."""
        from relusweep.tasks.training.curves import curve

        inputs, targets, _, weights = trained.trials
        taken = trained.snapshots(self.epochs(extent))
        seen = curve(trained.protocol, inputs, targets, taken, weights)
        found: dict[str, NDArray[np.generic]] = {
            "curve_loss": seen.loss,
            "curve_gradient_norm": seen.gradient_norm,
        }
        return found | ({"curve_rows_right": seen.rows_right} if trained.problem.has_classes else {})
