"""The stage that trains networks of images, an epoch a block: a killed training goes on where it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from textwrap import shorten
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.base import Block, Coordinate, Schedule, Task, labelled
from relusweep.pipeline.sweeps.images.stage import TRAINING_FIELDS, ImageStage
from relusweep.storage.layout import Variable
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.images.networks import NetworkName

if TYPE_CHECKING:
    from relusweep.tasks.images.epochs import EpochBlock

__all__ = ["ImageTraining"]

# Milliseconds of an update of 32 MNIST images on a core, to begin the longest first.
_COST = {"linear": 0.5, "dense": 1.3, "simple": 8.5, "complex": 13.5}
_PRETRAINED_COST = 1000.0

_DIM_ATTRS = {
    "epoch": {"long_name": "passes over the training images"},
    "moment": {"long_name": "moment"},
    "parameter": {"long_name": "place in the row"},
}


def _history() -> Mapping[str, Variable]:
    parts = {"train": "over the epoch's batches as they came", "test": "after the epoch"}
    measures = {"loss": "mean cross-entropy", "accuracy": "share of images classified right"}
    return {
        f"{part}_{what}": Variable(
            ("network", "epoch"), "float64", np.nan, {"long_name": f"{name}, {words}", "units": "1"}
        )
        for part, words in parts.items()
        for what, name in measures.items()
    }


class ImageTraining(ImageStage):
    """Networks and how far their training is; the weights and the optimiser's moments of the last epoch."""

    stage: ClassVar[str] = "training"
    fields: ClassVar[frozenset[str]] = TRAINING_FIELDS
    unit: ClassVar[str] = "network-epochs"

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Networks and epochs, from 1."""
        return {"network": self.networks, "epoch": np.arange(1, self.spec.epochs + 1)}

    @property
    def inner(self) -> Mapping[str, NDArray[Any]]:
        """Moments of the optimiser, and parameters of the largest network."""
        return {
            "moment": np.array(["first", "second"], object),
            "parameter": np.arange(self._most_parameters),
        }

    @property
    def variables(self) -> Mapping[str, Variable]:
        """History of the training, and the state after the last epoch made."""
        weights = {"long_name": "weights and biases after the last epoch made", "units": "1"}
        moments = {"long_name": "what the optimiser remembers of each parameter", "units": "1"}
        return {
            **_history(),
            "parameters": Variable(("network", "parameter"), "float32", np.nan, weights),
            "moments": Variable(("network", "moment", "parameter"), "float32", np.nan, moments),
        }

    def check(self) -> None:
        """Refuse networks that cannot be built for these images."""
        networks = self.spec.image_networks
        shape = networks.data.shape
        for label in self.spec.networks:
            try:
                networks.n_parameters(label)
            except Exception as error:  # a pretrained one's factory may raise anything
                why = shorten(str(error), 300)  # and over many lines
                raise InvalidSweep(f"{label} cannot be built for images of shape {shape}: {why}") from error

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Say what the networks are."""
        return {**labelled(self, _DIM_ATTRS), **self.of_networks()}

    def task(self, block: Block, store: str) -> Task:
        """Give what trains a network for an epoch."""
        from relusweep.tasks.images.epochs import EpochBlock, train_epoch

        (label,), (epoch,) = block["network"], block["epoch"]
        return train_epoch, EpochBlock(
            networks=self.spec.image_networks,
            label=label,
            protocol=self.spec.protocol(label, epoch),
            device=self.spec.device,
            n_parameters=self._most_parameters,
            reader=self.reader(store),
        )

    @property
    def schedule(self) -> Schedule:
        """One epoch of one network, on a GPU where asked for; the store keeps the epochs together."""
        return Schedule(
            block_shape={"network": 1, "epoch": 1},
            chunks={"epoch": self.spec.epochs},
            divisible=False,
            cost=_cost,
            resources={"GPU": 1.0} if self.spec.device.startswith("cuda") else {},
            predecessor=_epoch_before,
            resume=_go_on,
        )

    @property
    def _most_parameters(self) -> int:
        networks = self.spec.image_networks
        return max(networks.n_parameters(label) for label in self.spec.networks)


def _cost(block: Block) -> float:
    (label,) = block["network"]
    return block.cells * _COST.get(NetworkName.parse(label).architecture, _PRETRAINED_COST)


def _epoch_before(block: Block) -> Block | None:
    (label,), (epoch,) = block["network"], block["epoch"]
    if epoch == 1:
        return None
    return replace(block, labels=(("network", (label,)), ("epoch", (epoch - 1,))))


def _go_on(argument: EpochBlock, before: BlockResult) -> EpochBlock:
    return replace(argument, before=before.arrays)
