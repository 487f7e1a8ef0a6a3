"""The stage that finds in which directions of the image every output of every network changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.pipeline.sweeps.images.jacobians import JACOBIAN_FIELDS, OfJacobians
from relusweep.pipeline.sweeps.variables import numbers
from relusweep.storage.layout import Variable

__all__ = ["Sensitivity"]

_DIMS = ("network", "output")


class Sensitivity(OfJacobians):
    """Active subspaces of every output of every network, and the mean of its linear maps."""

    stage: ClassVar[str] = "sensitivity"
    fields: ClassVar[frozenset[str]] = JACOBIAN_FIELDS | {"components", "sensitivity_part"}
    unit: ClassVar[str] = "outputs"
    verb: ClassVar[str] = "decompose"
    dims: ClassVar[tuple[str, ...]] = _DIMS
    variables: ClassVar[Mapping[str, Variable]] = {
        "singular_value": numbers(
            (*_DIMS, "component"), "float64", "root mean square slope along the direction"
        ),
        "direction": numbers((*_DIMS, "component", "input"), "float32", "unit vector of the flattened input"),
        "mean": numbers(
            (*_DIMS, "coefficient"), "float64", "mean of the coefficients over the images of sensitivity_part"
        ),
        "along": numbers((*_DIMS, "test_sample"), "float32", "place of the image along the first direction"),
    }
    # The sums of the rows of one output of one network are in memory.
    schedule: ClassVar[Schedule] = Schedule(
        block_shape={"network": 1, "output": 1}, divisible=False, independent_along=("network",)
    )

    def task(self, block: Block, store: str) -> Task:
        """Give what decomposes an output."""
        from relusweep.tasks.comparison.directions import DirectionBlock, decompose

        (label,), (output,) = block["network"], block["output"]
        return decompose, DirectionBlock(
            self.coefficients(store), label, output, self.spec.sensitivity_part, self.spec.n_components
        )
