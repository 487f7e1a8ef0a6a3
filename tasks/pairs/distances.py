"""How far two networks are from each other: as functions, in their decisions, and in their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.pairs import OfRows
from relusweep.tasks.probes import Extent, Trained, outputs_at

__all__ = ["Distances"]


class Distances(OfRows):
    """Distances of outputs at the same inputs, and of rows of parameters."""

    kind: Literal["distances"] = "distances"

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give two, and of classes a third."""
        found = {
            "output_distance": numbers("float32", "root mean square of the differences of outputs"),
            "parameter_distance": numbers("float32", "Euclidean distance of the rows of parameters"),
        }
        if extent.problem.has_classes:
            words = "share of the inputs that the two put into different classes"
            found["disagreement"] = numbers("float32", words)
        return found

    def measure(self, one: Trained, other: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Compare network by network; those that are not finite are missing."""
        inputs = self.inputs_of(one)
        sides = [(side.parameters.astype(np.float64), outputs_at(side, inputs)) for side in (one, other)]
        (rows, outputs), (other_rows, other_outputs) = sides
        classes, other_classes = (_classes(one, side) for side in (outputs, other_outputs))
        found = self.missing(extent, len(rows), len(other_rows))
        for i in range(len(rows)):
            apart = np.square(outputs[i].astype(np.float64) - other_outputs)
            found["output_distance"][i] = np.sqrt(apart.mean(axis=(1, 2)))
            found["parameter_distance"][i] = np.sqrt(np.square(rows[i] - other_rows).sum(axis=1))
            if "disagreement" in found:
                differ = (classes[i] != other_classes).any(axis=2).mean(axis=1)
                found["disagreement"][i] = np.where(np.isnan(found["output_distance"][i]), np.nan, differ)
        return found


def _classes(trained: Trained, outputs: NDArray[np.float32]) -> NDArray[np.generic]:
    if trained.protocol.loss == "cross_entropy":
        return np.asarray(outputs.argmax(axis=2)[..., None])
    return outputs > trained.protocol.threshold
