"""The stage that writes the linear coefficients of every network at every image."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import ClassVar

import numpy as np

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.base import Coordinate, Sweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.pipeline.sweeps.images.stage import TRAINING_FIELDS, ImageStage, cost_of
from relusweep.pipeline.sweeps.images.training import ImageTraining
from relusweep.pipeline.sweeps.variables import numbers
from relusweep.storage.layout import Variable
from relusweep.tasks.images.networks import NetworkName
from relusweep.tasks.jacobians.maps import CoefficientReader

__all__ = ["GRADIENT", "JACOBIAN_FIELDS", "Jacobians", "OfJacobians", "chunks_of"]

JACOBIAN_FIELDS = TRAINING_FIELDS | {"input", "form", "precision"}

_LARGEST_CHUNK, _SMALLEST_CHUNK = 2**24, 2**22  # bytes: chunks of 4 to 32 MiB are the fastest

# Milliseconds of a sample of MNIST on a core.
_COST = {"linear": 0.02, "dense": 0.05, "simple": 0.5, "complex": 1.0}
GRADIENT = "gradient of an output in the flattened input, and at the end its offset"


def chunks_of(n_samples: int, n_outputs: int, n_columns: int) -> Mapping[str, int]:
    """Give as many images as fill a chunk with one output, and as many outputs as make one that is not small.

    Parameters
    ----------
    n_samples, n_outputs, n_columns : int
        Of the coefficients of a network, four bytes each.

    Returns
    -------
    mapping of str to int
        Of ``sample``, of which all chunks on disk are as long, the last one too; and of ``output``.
    """
    most = max(1, _LARGEST_CHUNK // (4 * n_columns))
    samples = ceil(n_samples / ceil(n_samples / most))
    parts = min(n_outputs, max(1, 4 * n_columns * samples * n_outputs // _SMALLEST_CHUNK))
    return {"sample": samples, "output": ceil(n_outputs / parts)}


class OfJacobians(ImageStage):
    """A stage that reads linear coefficients, or the outputs beside them."""

    fields: ClassVar[frozenset[str]] = JACOBIAN_FIELDS

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Linear coefficients."""
        return (Jacobians(self.spec),)

    def coefficients(self, store: str) -> CoefficientReader:
        """Read them, whatever form they have in the store."""
        return Jacobians(self.spec).coefficients(store)


class Jacobians(ImageStage):
    """Linear coefficients of every network at every image, training images first and then test images."""

    stage: ClassVar[str] = "jacobians"
    fields: ClassVar[frozenset[str]] = JACOBIAN_FIELDS
    unit: ClassVar[str] = "samples"
    verb: ClassVar[str] = "map"
    dims: ClassVar[tuple[str, ...]] = ("network", "sample")

    def check(self) -> None:
        """Refuse what is for our own architectures alone, and rounding where nothing is stored to round."""
        spec = self.spec
        architectures = {NetworkName.parse(label).architecture for label in spec.networks}
        if architectures & spec.pretrained.keys() and (spec.input, spec.form) != ("original", "rows"):
            raise InvalidSweep(
                f"input = {spec.input}, form = {spec.form}: pretrained networks allow original and rows only"
            )
        if spec.form == "patterns" and spec.precision != "float32":
            raise InvalidSweep(f"precision = {spec.precision}: patterns give rows in float32; set form=rows")

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Trained networks."""
        return (ImageTraining(self.spec),)

    @property
    def variables(self) -> Mapping[str, Variable]:
        """Rows or patterns, what rounding cost, and the networks' outputs."""
        precision, dims = self.spec.precision, ("network", "sample", "output", "coefficient")
        found = {
            "outputs": numbers(dims[:3], "float32", "outputs of the network"),
            "n_ties": numbers(
                dims[:2],
                "int32",
                "units at a kink: at 0, or a maximum of several equal numbers",
                fill=-1,
                comment="there the map is one of several; -1: no closed form, or outputs that are not finite",
            ),
        }
        if self.spec.form == "patterns":
            shape = list(self.maps.input_shape)  # with it rows come from the store alone
            words = "what is active, bits of units packed"
            patterns = numbers((*dims[:2], "byte"), "uint8", words, fill=0, input_shape=shape)
            return found | {"patterns": patterns}
        dtype, rounded = "float16" if precision == "float16" else "float32", isinstance(precision, int)
        found["coefficients"] = numbers(dims, dtype, GRADIENT, compressed=rounded)
        if precision != "float32":
            words = "relative error of the rounded coefficients of a sample"
            found["rounding_error"] = numbers(dims[:2], "float32", words)
        return found

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Say also of which part and class every image is."""
        of_train, of_test = self.data.labels("train"), self.data.labels("test")
        part = np.repeat(np.array(["train", "test"], object), [len(of_train), len(of_test)])
        classes = np.concatenate([of_train, of_test])
        return {
            **super().coordinates(store),
            "part": ("sample", part, {"long_name": "part of the data set"}),
            "label": ("sample", classes, {"long_name": "output of its class"}),
        }

    def task(self, block: Block, store: str) -> Task:
        """Give what computes the rows of a network at some images."""
        from relusweep.tasks.jacobians.mapping import MapBlock, map_samples

        (label,), samples = block["network"], block["sample"]
        return map_samples, MapBlock(
            maps=self.maps,
            label=label,
            samples=range(samples[0], samples[-1] + 1),
            precision=self.spec.precision,
            pattern_bytes=self.spec.most_pattern_bytes if self.spec.form == "patterns" else 0,
            reader=self.reader(store),
        )

    @property
    def chunks(self) -> Mapping[str, int]:
        """Images and outputs of a chunk of the store."""
        return chunks_of(self.maps.n_samples, self.maps.n_outputs, self.maps.n_columns)

    def coefficients(self, store: str) -> CoefficientReader:
        """Read what it has left."""
        return CoefficientReader(self.maps, self.reader(store), self.chunks["sample"])

    @property
    def schedule(self) -> Schedule:
        """A chunk of images of one network, written by the worker that computed it."""
        return Schedule(
            block_shape={"network": 1, "sample": self.chunks["sample"]},
            chunks={"output": self.chunks["output"]},
            divisible=False,
            cost=lambda block: cost_of(block, _COST),
            seconds=lambda block: cost_of(block, _COST) / 1000,
            written_by_workers=frozenset({"coefficients" if self.spec.form == "rows" else "patterns"}),
            independent_along=("network",),
        )
