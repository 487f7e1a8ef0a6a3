"""The stage that trains networks of images, an epoch a block: a killed training goes on where it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from textwrap import shorten
from typing import TYPE_CHECKING, ClassVar

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.pipeline.sweeps.images.features import Features
from relusweep.pipeline.sweeps.images.stage import TRAINING_FIELDS, ImageStage, cost_of
from relusweep.pipeline.sweeps.variables import numbers
from relusweep.storage.layout import Variable
from relusweep.tasks.blocks import BlockResult

if TYPE_CHECKING:
    from relusweep.tasks.images.epochs import EpochBlock

__all__ = ["EPOCH_COST", "ImageTraining"]

# Milliseconds of an update of 32 MNIST images on a core, to begin the longest first.
EPOCH_COST = {"linear": 0.5, "dense": 1.3, "simple": 8.5, "complex": 13.5}
_PARTS = {"train": "over the epoch's batches as they came", "test": "after the epoch"}
_MEASURES = {"loss": "mean cross-entropy", "accuracy": "share of images classified right"}
_STATE = {
    "parameters": (("network", "parameter"), "weights and biases after the last epoch made"),
    "moments": (("network", "moment", "parameter"), "what the optimiser remembers of each parameter"),
}


class ImageTraining(ImageStage):
    """Networks and how far their training is; the weights and the optimiser's moments of the last epoch."""

    stage: ClassVar[str] = "training"
    fields: ClassVar[frozenset[str]] = TRAINING_FIELDS
    unit: ClassVar[str] = "network-epochs"
    dims: ClassVar[tuple[str, ...]] = ("network", "epoch")
    variables: ClassVar[Mapping[str, Variable]] = {
        **{
            f"{part}_{what}": numbers(("network", "epoch"), "float64", f"{name}, {words}")
            for part, words in _PARTS.items()
            for what, name in _MEASURES.items()
        },
        **{name: numbers(dims, "float32", words) for name, (dims, words) in _STATE.items()},
    }

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Features, if a network is pretrained."""
        return (Features(self.spec),) if self.spec.models else ()

    def check(self) -> None:
        """Refuse networks that cannot be built for these images, or mix them."""
        networks = self.spec.image_networks
        shape = networks.data.shape
        for label in self.spec.networks:
            try:
                networks.check(label)
            except Exception as error:  # a pretrained one's factory may raise anything
                why = shorten(str(error), 300)  # and over many lines
                raise InvalidSweep(f"{label} cannot be trained on images of shape {shape}: {why}") from error

    def task(self, block: Block, store: str) -> Task:
        """Give what trains a network for an epoch."""
        from relusweep.tasks.images.epochs import EpochBlock, train_epoch

        (label,), (epoch,) = block["network"], block["epoch"]
        return train_epoch, EpochBlock(
            networks=self.spec.image_networks,
            label=label,
            protocol=self.spec.protocol(label, epoch),
            device=self.spec.device,
            n_parameters=self.spec.most_parameters,
            reader=self.reader(store),
        )

    @property
    def schedule(self) -> Schedule:
        """One epoch of one network, on a GPU where asked for; the store keeps the epochs together."""
        updates = self.spec.maps.n_train / 32
        return Schedule(
            block_shape={"network": 1, "epoch": 1},
            chunks={"epoch": self.spec.epochs},
            divisible=False,
            cost=lambda block: cost_of(block, EPOCH_COST),
            seconds=lambda block: cost_of(block, EPOCH_COST) / 1000 * updates,
            resources={"GPU": 1.0} if self.spec.device.startswith("cuda") else {},
            predecessor=_epoch_before,
            resume=_go_on,
        )


def _epoch_before(block: Block) -> Block | None:
    (label,), (epoch,) = block["network"], block["epoch"]
    if epoch == 1:
        return None
    return replace(block, labels=(("network", (label,)), ("epoch", (epoch - 1,))))


def _go_on(argument: EpochBlock, before: BlockResult) -> EpochBlock:
    return replace(argument, before=before.arrays)
