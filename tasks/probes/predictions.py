"""What networks give for the rows of their problem at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import Extent, Probe, Trained, most_rows, output_labels, outputs_at

__all__ = ["Predictions"]


class Predictions(Probe):
    """Outputs for the training rows, in their order, and for test rows where there are some."""

    large: ClassVar[bool] = True
    kind: Literal["predictions"] = "predictions"

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give one or two."""
        output = ("output",) if extent.most_outputs > 1 else ()
        found = {"predictions": numbers("float32", "outputs for the training rows", ("row", *output))}
        if extent.problem.has_test:
            words = "outputs for the test rows"
            found["test_predictions"] = numbers("float32", words, ("test_row", *output))
        return found

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give the numbers of rows, and of outputs where there are several."""
        rows, test_rows = most_rows(extent.problem)
        found: dict[str, tuple[NDArray[Any], Mapping[str, Any]]] = {
            "row": (np.arange(rows), {"long_name": "training row", "units": "1"})
        }
        if test_rows:
            found["test_row"] = np.arange(test_rows), {"long_name": "test row", "units": "1"}
        return found | output_labels(extent)

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Compute them as the engine does."""
        found = self.missing(extent, len(trained.parameters))
        parts = {"predictions": trained.trials.inputs}
        if trained.trials.test is not None:
            parts["test_predictions"] = trained.trials.test[0]
        for name, inputs in parts.items():
            outputs = outputs_at(trained, inputs)
            room = found[name].reshape(*found[name].shape[:2], -1)
            room[:, : outputs.shape[1], : outputs.shape[2]] = outputs
        return found
