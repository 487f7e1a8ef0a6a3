"""The stage that writes the linear coefficients of every network at every image."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import PlainValidator
from torch import Tensor, nn

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.base import Block, Coordinate, Sweep, Task
from relusweep.pipeline.sweeps.images.stage import ImageStage, NetworkName
from relusweep.pipeline.sweeps.images.training import ImageTraining, trained_network
from relusweep.storage import Variable
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.images.architectures import FixedMap
from relusweep.tasks.images.datasets import Part
from relusweep.tasks.jacobians.closed import ClosedForm
from relusweep.tasks.jacobians.coefficients import coefficients
from relusweep.tasks.jacobians.rounding import round_bits, to_float16

__all__ = ["Jacobians"]

_LARGEST_CHUNK, _SMALLEST_CHUNK = 2**24, 2**22  # bytes: chunks of 4 to 32 MiB are the fastest
_AT_ONCE = 256  # samples whose rows are computed at a time

# Milliseconds of a sample of MNIST on a core.
_COST = {"linear": 0.02, "dense": 0.05, "simple": 0.5, "complex": 1.0}
_PRETRAINED_COST = 1000.0


def _precision(value: object) -> str | int:
    if value in ("float32", "float16"):
        return str(value)
    if str(value).isdecimal() and 1 <= int(str(value)) <= 22:
        return int(str(value))
    raise ValueError("allowed are float32, float16, and 1 to 22 bits of the mantissa")


class Jacobians(ImageStage):
    """Linear coefficients of every network at every image, training images first and then test images.

    Attributes
    ----------
    input : {'original', 'scaled'}
        What gradients are taken in: the image as it is, or scaled to three channels of 32 × 32.
    form : {'rows', 'patterns'}
        What is stored: the rows of coefficients, or the activation patterns of which they are computed again
        on reading. Patterns need a network with a closed form, and float32.
    precision : {'float32', 'float16'} or int
        Of stored rows: a type, or how many bits of float32's mantissa are kept (1 to 22) and compressed.
    """

    stage: ClassVar[str] = "jacobians"
    unit: ClassVar[str] = "samples"
    verb: ClassVar[str] = "map"
    independent_along: ClassVar[tuple[str, ...]] = ("network",)

    input: Literal["original", "scaled"] = "original"
    form: Literal["rows", "patterns"] = "rows"
    precision: Annotated[Literal["float32", "float16"] | int, PlainValidator(_precision)] = "float32"

    def check(self) -> None:
        """Refuse what is for our own architectures alone, and rounding where nothing is stored to round."""
        own = [
            label for label in self.networks if NetworkName.parse(label).architecture not in self.pretrained
        ]
        if len(own) < len(self.networks) and (self.input, self.form) != ("original", "rows"):
            raise InvalidSweep(
                f"input = {self.input}, form = {self.form}: pretrained networks allow original and rows only"
            )
        if self.form == "patterns" and self.precision != "float32":
            raise InvalidSweep(f"precision = {self.precision}: patterns give rows in float32; set form=rows")

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Trained networks."""
        return (self.at(ImageTraining),)

    @property
    def n_train(self) -> int:
        """Number of training images."""
        return len(self.data.train_labels)

    @property
    def n_samples(self) -> int:
        """Number of all images."""
        return self.n_train + len(self.data.test_labels)

    @property
    def n_outputs(self) -> int:
        """Number of classes."""
        return len(self.data.classes)

    @property
    def n_columns(self) -> int:
        """Coefficients of an output: one for each number of the input, and the bias."""
        return int(np.prod(self.input_shape)) + 1

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of what gradients are taken in."""
        return self.data.shape if self.input == "original" else (3, 32, 32)

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Networks and images."""
        return {"network": np.array(self.networks), "sample": np.arange(self.n_samples)}

    @property
    def block_shape(self) -> Mapping[str, int]:
        """One network, and as many images as fill a chunk with one output, or all; blocks of one size."""
        most = max(1, _LARGEST_CHUNK // (4 * self.n_columns))
        parts = ceil(self.n_samples / most)  # of which on disk the last is as long as the others
        return {"network": 1, "sample": ceil(self.n_samples / parts)}

    @property
    def chunks(self) -> Mapping[str, int]:
        """Whole blocks of images; as many outputs as make a chunk that is not small."""
        block = 4 * self.n_columns * self.block_shape["sample"] * self.n_outputs
        parts = min(self.n_outputs, max(1, block // _SMALLEST_CHUNK))
        return {**self.block_shape, "output": ceil(self.n_outputs / parts)}

    @property
    def written_by_workers(self) -> frozenset[str]:  # type: ignore[override]  # goes by the form
        """The rows, or the patterns."""
        return frozenset({"coefficients" if self.form == "rows" else "patterns"})

    @property
    def variables(self) -> Mapping[str, Variable]:
        """Rows or patterns, what rounding cost, and the networks' outputs."""
        outputs = {"long_name": "outputs of the network", "units": "1"}
        found = {"outputs": Variable(("network", "sample", "output"), "float32", np.nan, outputs)}
        if self.form == "patterns":
            words: dict[str, Any] = {"long_name": "what is active, bits of units packed", "units": "1"}
            words["input_shape"] = list(self.input_shape)  # with it rows come from the store alone
            return found | {"patterns": Variable(("network", "sample", "byte"), "uint8", 0, words)}
        words = {
            "long_name": "gradient of an output in the flattened input, and at the end its offset",
            "units": "1",
        }
        dims = ("network", "sample", "output", "coefficient")
        dtype = "float16" if self.precision == "float16" else "float32"
        rounded = isinstance(self.precision, int)
        found["coefficients"] = Variable(dims, dtype, np.nan, words, compressed=rounded)
        if self.precision != "float32":
            error = {"long_name": "relative error of the rounded coefficients of a sample", "units": "1"}
            found["rounding_error"] = Variable(("network", "sample"), "float32", np.nan, error)
        return found

    @property
    def bytes_per_cell(self) -> int:
        """Before compression."""
        rest = 4 * self.n_outputs + 9
        if self.form == "patterns":
            return rest + self._most_pattern_bytes
        return rest + self.n_outputs * self.n_columns * (2 if self.precision == "float16" else 4)

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Give its axes, what the networks are, and part and class of every image."""
        of_train, of_test = self.data.labels("train"), self.data.labels("test")
        part = np.repeat(np.array(["train", "test"], object), [len(of_train), len(of_test)])
        last = (
            {"byte": ("byte", np.arange(self._most_pattern_bytes), {"long_name": "byte of a pattern"})}
            if self.form == "patterns"
            else {
                "coefficient": (
                    "coefficient",
                    np.arange(self.n_columns),
                    {"long_name": "place in the flattened input; the last is the offset"},
                )
            }
        )
        return {
            **self.of_networks(),
            "sample": ("sample", np.arange(self.n_samples), {"long_name": "image, those of training first"}),
            "part": ("sample", part, {"long_name": "part of the data set"}),
            "label": ("sample", np.concatenate([of_train, of_test]), {"long_name": "output of its class"}),
            **self.of_outputs,
            **last,
        }

    def task(self, block: Block, store: str) -> Task:
        """Give what computes the rows of a network at some images."""
        (label,), samples = block["network"], block["sample"]
        return map_samples, _Samples(self, label, range(samples[0], samples[-1] + 1), store)

    def cost(self, block: Block) -> float:
        """Go by times that were measured once."""
        (label,) = block["network"]
        return block.cells * _COST.get(NetworkName.parse(label).architecture, _PRETRAINED_COST)

    def inputs(self, samples: range) -> Tensor:
        """Give images, training images first, as gradients are taken in them.

        Parameters
        ----------
        samples : range
            Consecutive numbers of images.

        Returns
        -------
        Tensor of shape (n_samples, n_channels, height, width), float32
        """
        parts = [self.data.images(part, rows) for part, rows in self._rows(samples)]
        images = torch.from_numpy(np.concatenate(parts))
        if self.input == "original":
            return images
        scaled: Tensor = FixedMap(self.data.shape)(images)
        return scaled.contiguous()

    def mapped(self, network: nn.Module) -> nn.Module:
        """Give what of a network takes `inputs`."""
        if self.input == "original":
            return network
        return network[1:]  # type: ignore[index,no-any-return]  # our own are sequences

    def closed_form(self, label: str, network: nn.Module) -> ClosedForm:
        """Give the closed form of what a whole network does to `inputs`, of which patterns are kept.

        Raises
        ------
        ValueError
            It has none.
        """
        closed = ClosedForm.of(self.mapped(network), self.input_shape)
        if closed is None:
            raise ValueError(f"{label} has no closed form, so no patterns to keep: --set form=rows")
        return closed

    def _rows(self, samples: range) -> Iterator[tuple[Part, slice]]:
        if samples.start < self.n_train:
            yield "train", slice(samples.start, min(samples.stop, self.n_train))
        if samples.stop > self.n_train:
            yield "test", slice(max(samples.start - self.n_train, 0), samples.stop - self.n_train)

    @property
    def _most_pattern_bytes(self) -> int:
        return max(self.closed_form(label, self.network(label)).pattern_bytes for label in self.networks)


@dataclass(frozen=True)
class _Samples:
    stage: Jacobians
    label: str
    samples: range
    store: str


def map_samples(work: _Samples) -> BlockResult:
    """Compute the coefficients of a network at some images, and its outputs."""
    torch.set_num_threads(1)
    started = time.process_time()
    stage, samples = work.stage, work.samples
    whole = trained_network(stage, work.label, work.store).eval()
    network = stage.mapped(whole)
    closed = stage.closed_form(work.label, whole) if stage.form == "patterns" else None
    arrays = _empty(stage, len(samples))
    for start in range(0, len(samples), _AT_ONCE):
        x = stage.inputs(samples[start : start + _AT_ONCE])
        here = np.s_[0, start : start + len(x)]
        with torch.no_grad():
            arrays["outputs"][here] = network(x).numpy()
        if closed is not None:
            found = closed.patterns(x)
            arrays["patterns"][here][:, : found.shape[1]] = found
            continue
        rows = coefficients(network, x).astype(np.float32, copy=False)
        if stage.precision == "float32":
            arrays["coefficients"][here] = rows
        else:
            kept = (
                to_float16(rows)[0] if stage.precision == "float16" else round_bits(rows, stage.precision)[0]
            )
            arrays["coefficients"][here] = kept
            arrays["rounding_error"][here] = _relative(rows, kept)
    return BlockResult(arrays, 0, time.process_time() - started, 0.0)


def _empty(stage: Jacobians, n_samples: int) -> dict[str, NDArray[Any]]:
    sizes = {"network": 1, "sample": n_samples, "output": stage.n_outputs, "coefficient": stage.n_columns}
    if stage.form == "patterns":
        sizes["byte"] = stage._most_pattern_bytes
    return {
        name: np.zeros([sizes[dim] for dim in variable.dims], variable.dtype)
        for name, variable in stage.variables.items()
    }


def _relative(rows: NDArray[np.float32], kept: NDArray[Any]) -> NDArray[np.float64]:
    """Error of the kept numbers of each sample, against their size."""
    error, size = (np.linalg.norm(a.reshape(len(a), -1), axis=1) for a in (rows - kept, rows))
    return np.asarray(np.divide(error, size, out=np.zeros_like(error), where=size > 0))
