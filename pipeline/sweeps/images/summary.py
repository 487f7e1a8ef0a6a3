"""The last stage, how good every network is: it requires all others, so that asking for it asks for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.pipeline.sweeps.images.activations import Activations
from relusweep.pipeline.sweeps.images.clusters import Clusters, Compression
from relusweep.pipeline.sweeps.images.jacobians import Jacobians, OfJacobians
from relusweep.pipeline.sweeps.images.matrices import Affine, Cka, CrossEntropy, Distance
from relusweep.pipeline.sweeps.images.pruning import Pruning, PruningSimilarity
from relusweep.pipeline.sweeps.images.sections import Sections
from relusweep.pipeline.sweeps.images.sensitivity import Sensitivity
from relusweep.pipeline.sweeps.images.specification import ImageSpecification, StageName
from relusweep.pipeline.sweeps.images.stage import ImageStage
from relusweep.pipeline.sweeps.images.sums import Sums
from relusweep.pipeline.sweeps.images.training import ImageTraining
from relusweep.pipeline.sweeps.variables import numbers
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
    fields: ClassVar[frozenset[str]] = frozenset(
        name
        for name in ImageSpecification.model_fields
        if name not in ("centres", "planes") and not name.startswith(("prune_", "section_"))
    )
    verb: ClassVar[str] = "sum up"
    dims: ClassVar[tuple[str, ...]] = ("network",)
    variables: ClassVar[Mapping[str, Variable]] = {
        **{name: numbers(("network",), "float64", words) for name, words in _LONG_NAMES.items()},
        "images_on_kinks": numbers(
            ("network",),
            "int32",
            "images at which a unit is at a kink",
            comment="of training and test images; -1: not counted, see n_ties of the stage jacobians",
        ),
        "n_parameters": numbers(("network",), "int64", "parameters that were trained"),
    }
    schedule: ClassVar[Schedule] = Schedule(
        block_shape={"network": 1},
        chunks={"network": 1024},  # all networks together
        divisible=False,
        independent_along=("network",),
    )

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """All other stages."""
        stages = (Compression, Affine, Distance, Cka, CrossEntropy, Sensitivity)
        return tuple(stage(self.spec) for stage in stages)

    @property
    def roots(self) -> tuple[Sweep, ...]:
        """The stages that are chosen."""
        return tuple(_STAGES[name](self.spec) for name in self.spec.stages)

    def task(self, block: Block, store: str) -> Task:
        """Give what sums up a network."""
        from relusweep.tasks.comparison.summary import SummaryBlock, sum_up

        (label,) = block["network"]
        return sum_up, SummaryBlock(self.coefficients(store), label, self.spec.epochs)


_STAGES: Mapping[StageName, type[ImageStage]] = {
    "training": ImageTraining,
    "jacobians": Jacobians,
    "clusters": Clusters,
    "compression": Compression,
    "sensitivity": Sensitivity,
    "sums": Sums,
    "affine": Affine,
    "distance": Distance,
    "cka": Cka,
    "cross_entropy": CrossEntropy,
    "activations": Activations,
    "pruning": Pruning,
    "pruning_similarity": PruningSimilarity,
    "sections": Sections,
    "summary": Summary,
}
