"""The last stage, how good every network is: it requires all others, so that asking for it asks for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.sweeps.base import Block, Coordinate, Schedule, Sweep, Task
from relusweep.pipeline.sweeps.images.clusters import Compression
from relusweep.pipeline.sweeps.images.jacobians import OfJacobians
from relusweep.pipeline.sweeps.images.matrices import Affine, Cka, CrossEntropy, Distance
from relusweep.pipeline.sweeps.images.sensitivity import Sensitivity
from relusweep.pipeline.sweeps.images.specification import ImageSpecification
from relusweep.storage.layout import Variable

__all__ = ["Summary"]

_LONG_NAMES = {
    "train_accuracy": "share of training images right, over the last epoch's batches as they came",
    "test_accuracy": "share of test images right after the last epoch",
    "test_loss": "mean cross-entropy of the test images after the last epoch",
    "original": "share of test images right by the outputs stored beside the Jacobians",
}


class Summary(OfJacobians):
    """How good every network is, when all other stages are done."""

    stage: ClassVar[str] = "summary"
    fields: ClassVar[frozenset[str]] = frozenset(ImageSpecification.model_fields)
    verb: ClassVar[str] = "sum up"

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """All other stages."""
        stages = (Compression, Affine, Distance, Cka, CrossEntropy, Sensitivity)
        return tuple(stage(self.spec) for stage in stages)

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """One: the networks."""
        return {"network": self.networks}

    @property
    def variables(self) -> Mapping[str, Variable]:
        """Accuracies, loss, and the size of the network."""
        found = {
            name: Variable(("network",), "float64", np.nan, {"long_name": words, "units": "1"})
            for name, words in _LONG_NAMES.items()
        }
        words = {"long_name": "parameters that were trained", "units": "1"}
        return found | {"n_parameters": Variable(("network",), "int64", -1, words)}

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Say what the networks are."""
        return self.of_networks()

    def task(self, block: Block, store: str) -> Task:
        """Give what sums up a network."""
        from relusweep.tasks.comparison.summary import SummaryBlock, sum_up

        (label,) = block["network"]
        return sum_up, SummaryBlock(self.coefficients(store), label, self.spec.epochs)

    @property
    def schedule(self) -> Schedule:
        """One network; all networks together in a chunk."""
        return Schedule(
            block_shape={"network": 1},
            chunks={"network": 1024},
            divisible=False,
            independent_along=("network",),
        )
