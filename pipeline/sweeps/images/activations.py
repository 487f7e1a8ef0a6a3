"""The stage that compares the hidden layers of every two networks, beside their linear maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.pipeline.sweeps.images.stage import PAIR, TRAINING_FIELDS, ImageStage
from relusweep.pipeline.sweeps.images.training import ImageTraining
from relusweep.pipeline.sweeps.variables import numbers
from relusweep.storage.layout import Variable

__all__ = ["Activations"]

_SIDE = 8  # networks along each side of a block: kernels are computed once for all pairs of it


class Activations(ImageStage):
    """Linear CKA of the activations of every two hidden layers of every two networks at the test images."""

    stage: ClassVar[str] = "activations"
    fields: ClassVar[frozenset[str]] = TRAINING_FIELDS
    unit: ClassVar[str] = "pairs"
    verb: ClassVar[str] = "compare"
    dims: ClassVar[tuple[str, ...]] = PAIR
    variables: ClassVar[Mapping[str, Variable]] = {
        "cka": numbers(
            (*PAIR, "layer_from", "layer_to"),
            "float64",
            "linear CKA of the activations of two hidden layers",
            comment="over test images, by the biased HSIC; missing where a network has fewer layers",
        )
    }
    schedule: ClassVar[Schedule] = Schedule(block_shape=dict.fromkeys(PAIR, _SIDE), divisible=False)

    def check(self) -> None:
        """Refuse networks without hidden layers, and too few test images."""
        if not self.spec.most_layers:
            raise InvalidSweep(
                f"stages = activations: no hidden layers in {', '.join(self.spec.networks)}; give others by "
                "--set networks=..."
            )
        if self.maps.n_test < 2:
            raise InvalidSweep("stages = activations: CKA is of at least 2 test images, and there is 1")

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Trained networks."""
        return (ImageTraining(self.spec),)

    def task(self, block: Block, store: str) -> Task:
        """Give what compares the layers of some networks with those of others."""
        from relusweep.tasks.comparison.activations import LayerBlock, compare_layers

        sources, targets = (block[dim] for dim in PAIR)
        return compare_layers, LayerBlock(
            self.spec.image_networks, self.reader(store), sources, targets, self.spec.most_layers
        )
