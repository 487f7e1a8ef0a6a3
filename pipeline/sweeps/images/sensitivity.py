"""The stage that finds in which directions of the image every output of every network changes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from threadpoolctl import threadpool_limits

from relusweep.pipeline.sweeps.base import Block, Coordinate, Sweep, Task
from relusweep.pipeline.sweeps.images.jacobians import Jacobians
from relusweep.pipeline.sweeps.images.rows import Rows
from relusweep.storage import Variable
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.comparison.moments import Moments
from relusweep.tasks.comparison.sensitivity import along_directions, sensitivity

__all__ = ["Sensitivity"]


class Sensitivity(Jacobians):
    """Active subspaces of every output of every network, and the mean of its linear maps.

    Attributes
    ----------
    components : int
        Leading directions to keep, at most as many as an image has numbers.
    """

    stage: ClassVar[str] = "sensitivity"
    unit: ClassVar[str] = "outputs"
    verb: ClassVar[str] = "decompose"

    components: Annotated[int, Field(ge=1, description="a whole number of at least 1")] = 16

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Rows."""
        return (self.at(Jacobians),)

    @property
    def n_components(self) -> int:
        """Directions kept."""
        return min(self.components, self.n_columns - 1)

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Networks and their outputs."""
        return {"network": np.array(self.networks), "output": np.arange(self.n_outputs)}

    @property
    def block_shape(self) -> Mapping[str, int]:
        """One output of one network: the sums of its rows are in memory."""
        return {"network": 1, "output": 1}

    @property
    def chunks(self) -> Mapping[str, int]:
        """A block."""
        return self.block_shape

    @property
    def written_by_workers(self) -> frozenset[str]:  # type: ignore[override]  # as that of the rows
        """Nothing."""
        return frozenset()

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

    @property
    def bytes_per_cell(self) -> int:
        """Before compression."""
        directions = self.n_components * (8 + 4 * (self.n_columns - 1))
        return directions + 8 * self.n_columns + 4 * (self.n_samples - self.n_train) + 9

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Give its axes, what the networks are, places in images, and the classes of the test images."""
        labels, width = self.data.labels("test"), self.n_columns
        place = "place in the flattened input"
        return {
            **self.of_networks(),
            **self.of_outputs,
            "component": (
                "component",
                np.arange(self.n_components),
                {"long_name": "direction, the strongest first"},
            ),
            "input": ("input", np.arange(width - 1), {"long_name": place}),
            "coefficient": (
                "coefficient",
                np.arange(width),
                {"long_name": f"{place}; the last is the offset"},
            ),
            "test_sample": ("test_sample", np.arange(len(labels)), {"long_name": "test image"}),
            "label": ("test_sample", labels, {"long_name": "output of its class"}),
        }

    def task(self, block: Block, store: str) -> Task:
        """Give what decomposes an output."""
        (label,), (output,) = block["network"], block["output"]
        return decompose, _Output(self, label, output, store)

    def cost(self, block: Block) -> float:
        """All blocks are alike."""
        return float(block.cells)


@dataclass(frozen=True)
class _Output:
    stage: Sensitivity
    label: str
    output: int
    store: str


def decompose(work: _Output) -> BlockResult:
    """Sum the rows of an output, and decompose the mean outer product of its gradients."""
    torch.set_num_threads(1)
    started = time.process_time()
    stage, rows = work.stage, Rows(work.stage, work.store)
    n_columns, n_kept = stage.n_columns, stage.n_components
    with threadpool_limits(limits=1):
        moments = Moments([(0, 0)], n_networks=1, n_outputs=1, n_columns=n_columns)
        for chunk in rows.chunks(work.label, work.output, "train"):
            moments.update(chunk[None, :, None])
        second = moments.second((0, 0))
        arrays: dict[str, NDArray[Any]] = {
            "singular_value": np.full((1, 1, n_kept), np.nan),
            "direction": np.full((1, 1, n_kept, n_columns - 1), np.nan, np.float32),
            "mean": moments.mean,
            "along": np.full((1, 1, stage.n_samples - stage.n_train), np.nan, np.float32),
        }
        if np.isfinite(second).all():  # a network that diverged has no directions
            found = sensitivity(second, moments.n_samples, n_kept)
            arrays["singular_value"][0] = found.singular_values
            arrays["direction"][0] = found.directions
            for span in rows.spans("test"):
                along = along_directions(found, rows.inputs("test", span))
                arrays["along"][0, :, span.start : span.stop] = along.T
    return BlockResult(arrays, 0, time.process_time() - started, 0.0)
