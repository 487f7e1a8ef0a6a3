"""The stage that writes the linear coefficients of every network at every image."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.base import Block, Coordinate, Schedule, Sweep, Task, labelled
from relusweep.pipeline.sweeps.images.stage import TRAINING_FIELDS, ImageStage
from relusweep.pipeline.sweeps.images.training import ImageTraining
from relusweep.storage.layout import Variable
from relusweep.tasks.images.networks import NetworkName
from relusweep.tasks.jacobians.maps import CoefficientReader

__all__ = ["JACOBIAN_FIELDS", "Jacobians", "OfJacobians", "chunks_of"]

JACOBIAN_FIELDS = TRAINING_FIELDS | {"input", "form", "precision"}

_LARGEST_CHUNK, _SMALLEST_CHUNK = 2**24, 2**22  # bytes: chunks of 4 to 32 MiB are the fastest

# Milliseconds of a sample of MNIST on a core.
_COST = {"linear": 0.02, "dense": 0.05, "simple": 0.5, "complex": 1.0}
_PRETRAINED_COST = 1000.0

_DIM_ATTRS = {
    "sample": {"long_name": "image, those of training first"},
    "byte": {"long_name": "byte of a pattern"},
    "coefficient": {"long_name": "place in the flattened input; the last is the offset"},
}


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
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Networks and images."""
        return {"network": self.networks, "sample": np.arange(self.maps.n_samples)}

    @property
    def inner(self) -> Mapping[str, NDArray[Any]]:
        """Outputs, and places in a pattern or in the flattened input."""
        outputs = np.arange(self.maps.n_outputs)
        if self.spec.form == "patterns":
            return {"output": outputs, "byte": np.arange(self._most_pattern_bytes)}
        return {"output": outputs, "coefficient": np.arange(self.maps.n_columns)}

    @property
    def variables(self) -> Mapping[str, Variable]:
        """Rows or patterns, what rounding cost, and the networks' outputs."""
        spec, outputs = self.spec, {"long_name": "outputs of the network", "units": "1"}
        found = {"outputs": Variable(("network", "sample", "output"), "float32", np.nan, outputs)}
        if spec.form == "patterns":
            words: dict[str, Any] = {"long_name": "what is active, bits of units packed", "units": "1"}
            words["input_shape"] = list(self.maps.input_shape)  # with it rows come from the store alone
            return found | {"patterns": Variable(("network", "sample", "byte"), "uint8", 0, words)}
        words = {
            "long_name": "gradient of an output in the flattened input, and at the end its offset",
            "units": "1",
        }
        dims = ("network", "sample", "output", "coefficient")
        dtype = "float16" if spec.precision == "float16" else "float32"
        rounded = isinstance(spec.precision, int)
        found["coefficients"] = Variable(dims, dtype, np.nan, words, compressed=rounded)
        if spec.precision != "float32":
            error = {"long_name": "relative error of the rounded coefficients of a sample", "units": "1"}
            found["rounding_error"] = Variable(("network", "sample"), "float32", np.nan, error)
        return found

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Say what the networks are, and of which part and class every image is."""
        of_train, of_test = self.data.labels("train"), self.data.labels("test")
        part = np.repeat(np.array(["train", "test"], object), [len(of_train), len(of_test)])
        classes = np.concatenate([of_train, of_test])
        return {
            **labelled(self, _DIM_ATTRS),
            **self.of_networks(),
            **self.of_outputs,
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
            pattern_bytes=self._most_pattern_bytes if self.spec.form == "patterns" else 0,
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
            cost=_cost,
            written_by_workers=frozenset({"coefficients" if self.spec.form == "rows" else "patterns"}),
            independent_along=("network",),
        )

    @property
    def _most_pattern_bytes(self) -> int:
        networks = self.spec.image_networks
        closed = (self.maps.closed_form(label, networks.build(label)) for label in self.spec.networks)
        return max(form.pattern_bytes for form in closed)


def _cost(block: Block) -> float:
    (label,) = block["network"]
    return block.cells * _COST.get(NetworkName.parse(label).architecture, _PRETRAINED_COST)
