"""The last stage, how good every network is: it requires all others, so that asking for it asks for all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.sweeps.base import Block, Coordinate, Sweep, Task
from relusweep.pipeline.sweeps.images.clusters import Compression
from relusweep.pipeline.sweeps.images.jacobians import Jacobians
from relusweep.pipeline.sweeps.images.matrices import Affine, Cka, CrossEntropy, Distance
from relusweep.pipeline.sweeps.images.rows import Rows
from relusweep.pipeline.sweeps.images.sensitivity import Sensitivity
from relusweep.pipeline.sweeps.images.training import ImageTraining, n_parameters
from relusweep.storage import Variable, open_dataset
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.comparison.measures import n_right

__all__ = ["Images"]

_WORDS = {
    "train_accuracy": "share of training images right, over the last epoch's batches as they came",
    "test_accuracy": "share of test images right after the last epoch",
    "test_loss": "mean cross-entropy of the test images after the last epoch",
    "original": "share of test images right by the outputs stored beside the Jacobians",
}


class Images(Compression, Affine, Distance, Cka, CrossEntropy, Sensitivity):
    """Networks of images, their linear maps, and how they compare: a sweep of all stages.

    Its fields are those of all stages; see each of them.
    """

    stage: ClassVar[str] = "summary"
    unit: ClassVar[str] = "networks"
    verb: ClassVar[str] = "sum up"

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """All other stages."""
        return tuple(
            self.at(stage) for stage in (Compression, Affine, Distance, Cka, CrossEntropy, Sensitivity)
        )

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """One: the networks."""
        return {"network": np.array(self.networks)}

    @property
    def block_shape(self) -> Mapping[str, int]:
        """One network."""
        return {"network": 1}

    @property
    def chunks(self) -> Mapping[str, int]:
        """All networks together."""
        return {"network": 1024}

    @property
    def variables(self) -> Mapping[str, Variable]:
        """Accuracies, loss, and the size of the network."""
        found = {
            name: Variable(("network",), "float64", np.nan, {"long_name": words, "units": "1"})
            for name, words in _WORDS.items()
        }
        words = {"long_name": "parameters that were trained", "units": "1"}
        return found | {"n_parameters": Variable(("network",), "int64", -1, words)}

    @property
    def bytes_per_cell(self) -> int:
        """Before compression."""
        return 8 * len(self.variables) + 9

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Say what the networks are."""
        return self.of_networks()

    def task(self, block: Block, store: str) -> Task:
        """Give what sums up a network."""
        (label,) = block["network"]
        return sum_up, _Network(self, label, store)

    def cost(self, block: Block) -> float:
        """All cost the same."""
        return block.cells


@dataclass(frozen=True)
class _Network:
    stage: Images
    label: str
    store: str


def sum_up(work: _Network) -> BlockResult:
    """Gather how good a network is."""
    started = time.process_time()
    training = work.stage.at(ImageTraining)
    trained = open_dataset(work.store, training.group, mask_and_scale=False).sel(network=work.label)
    last = trained[["train_accuracy", "test_accuracy", "test_loss"]].isel(epoch=-1).load()
    found = {str(name): np.atleast_1d(values) for name, values in last.items()}
    labels = work.stage.data.labels("test")
    right = n_right(Rows(work.stage.at(Jacobians), work.store).outputs(work.label, "test"), labels)
    found["original"] = np.atleast_1d(right / len(labels))
    found["n_parameters"] = np.array([n_parameters(training, work.label)])
    return BlockResult(found, 0, time.process_time() - started, 0.0)
