"""The stage that finds in which directions of the image every output of every network changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.sweeps.base import Block, Coordinate, Schedule, Task, labelled
from relusweep.pipeline.sweeps.images.jacobians import JACOBIAN_FIELDS, OfJacobians
from relusweep.storage.layout import Variable

__all__ = ["SENSITIVITY_FIELDS", "Sensitivity"]

SENSITIVITY_FIELDS = JACOBIAN_FIELDS | {"components"}

_DIM_ATTRS = {
    "component": {"long_name": "direction, the strongest first"},
    "input": {"long_name": "place in the flattened input"},
    "coefficient": {"long_name": "place in the flattened input; the last is the offset"},
}


class Sensitivity(OfJacobians):
    """Active subspaces of every output of every network, and the mean of its linear maps."""

    stage: ClassVar[str] = "sensitivity"
    fields: ClassVar[frozenset[str]] = SENSITIVITY_FIELDS
    unit: ClassVar[str] = "outputs"
    verb: ClassVar[str] = "decompose"

    @property
    def n_components(self) -> int:
        """Directions kept."""
        return min(self.spec.components, self.maps.n_columns - 1)

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Networks and their outputs."""
        return {"network": self.networks, "output": np.arange(self.maps.n_outputs)}

    @property
    def inner(self) -> Mapping[str, NDArray[Any]]:
        """Directions, places in the flattened input, test images."""
        return {
            "component": np.arange(self.n_components),
            "input": np.arange(self.maps.n_columns - 1),
            "coefficient": np.arange(self.maps.n_columns),
            "test_sample": np.arange(self.maps.n_test),
        }

    @property
    def variables(self) -> Mapping[str, Variable]:
        """Strength and shape of the directions, the mean map, and the test images along the first."""
        dims = ("network", "output")
        value = {"long_name": "root mean square slope along the direction", "units": "1"}
        direction = {"long_name": "unit vector of the flattened input", "units": "1"}
        mean = {"long_name": "mean of the coefficients over the training images", "units": "1"}
        along = {"long_name": "place of the image along the first direction", "units": "1"}
        return {
            "singular_value": Variable((*dims, "component"), "float64", np.nan, value),
            "direction": Variable((*dims, "component", "input"), "float32", np.nan, direction),
            "mean": Variable((*dims, "coefficient"), "float64", np.nan, mean),
            "along": Variable((*dims, "test_sample"), "float32", np.nan, along),
        }

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Say what the networks are, and of which classes outputs and test images."""
        return {
            **labelled(self, _DIM_ATTRS),
            **self.of_networks(),
            **self.of_outputs,
            **self.of_test_images,
        }

    def task(self, block: Block, store: str) -> Task:
        """Give what decomposes an output."""
        from relusweep.tasks.comparison.directions import DirectionBlock, decompose

        (label,), (output,) = block["network"], block["output"]
        return decompose, DirectionBlock(self.coefficients(store), label, output, self.n_components)

    @property
    def schedule(self) -> Schedule:
        """One output of one network: the sums of its rows are in memory."""
        return Schedule(
            block_shape={"network": 1, "output": 1}, divisible=False, independent_along=("network",)
        )
