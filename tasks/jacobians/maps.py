"""Linear maps of networks of images: what gradients are taken in, and in which form they are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.images.datasets import Part
from relusweep.tasks.images.networks import ImageNetworks
from relusweep.tasks.images.reader import Reader

if TYPE_CHECKING:
    from torch import Tensor, nn

    from relusweep.tasks.jacobians.closed import ClosedForm

__all__ = ["CoefficientReader", "LinearMaps"]


@dataclass(frozen=True)
class LinearMaps:
    """Linear coefficients of networks at all images, training images first and then test images.

    Attributes
    ----------
    networks : ImageNetworks
    input : {'original', 'scaled'}
        What gradients are taken in: the image as it is, or scaled to three channels of 32 × 32.
    form : {'rows', 'patterns'}
        What is kept: the rows of coefficients, or the activation patterns of which they are computed again.
    """

    networks: ImageNetworks
    input: Literal["original", "scaled"] = "original"
    form: Literal["rows", "patterns"] = "rows"

    @property
    def n_train(self) -> int:
        """Number of training images."""
        return len(self.networks.data.train_labels)

    @property
    def n_test(self) -> int:
        """Number of test images."""
        return len(self.networks.data.test_labels)

    @property
    def n_samples(self) -> int:
        """Number of all images."""
        return self.n_train + self.n_test

    @property
    def n_outputs(self) -> int:
        """Number of classes."""
        return len(self.networks.data.classes)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of what gradients are taken in."""
        return self.networks.data.shape if self.input == "original" else (3, 32, 32)

    @property
    def n_columns(self) -> int:
        """Coefficients of an output: one for each number of the input, and the bias."""
        return prod(self.input_shape) + 1

    def inputs(self, samples: range) -> Tensor:
        """Give images as gradients are taken in them.

        Parameters
        ----------
        samples : range
            Consecutive numbers of images.

        Returns
        -------
        Tensor of shape (n_samples, n_channels, height, width), float32
        """
        import torch

        from relusweep.tasks.images.architectures import FixedMap

        data = self.networks.data
        images = torch.from_numpy(data.at(samples))
        if self.input == "original":
            return images
        scaled: Tensor = FixedMap(data.shape)(images)
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
        from relusweep.tasks.jacobians.closed import ClosedForm

        closed = ClosedForm.of(self.mapped(network), self.input_shape)
        if closed is None:
            raise ValueError(f"{label} has no closed form, so no patterns to keep: --set form=rows")
        return closed


@dataclass(frozen=True)
class CoefficientReader:
    """Reads coefficients that are kept, an output of some images at a time, whatever their form.

    Attributes
    ----------
    maps : LinearMaps
    reader : Reader
        Of the stages ``jacobians`` and, for patterns, ``training``.
    chunk : int
        Images that are kept in one piece.
    """

    maps: LinearMaps
    reader: Reader
    chunk: int

    def __reduce__(self) -> tuple[Any, ...]:  # without closed forms
        return CoefficientReader, (self.maps, self.reader, self.chunk)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Classes of the test images: shape (n_test,)."""
        return self.maps.networks.data.labels("test")

    def spans(self, part: Part) -> list[range]:
        """Cut the images of a part as the kept pieces are cut, numbered within the part."""
        start, stop = self._bounds(part)
        step = self.chunk
        cuts = [start, *range(start - start % step + step, stop, step), stop]
        return [range(a - start, b - start) for a, b in pairwise(cuts)]

    def read(
        self, label: str, output: int, part: Part, samples: range | None = None
    ) -> NDArray[np.float32] | NDArray[np.float16]:
        """Read the coefficients of one output of one network.

        Parameters
        ----------
        label : str
            Of the network.
        output : int
        part : {'train', 'test'}
        samples : range, optional
            Consecutive images, numbered within the part; by default all.

        Returns
        -------
        ndarray of shape (n_samples, n_columns), as stored: float32 or float16
        """
        start, stop = self._bounds(part)
        here = slice(start, stop) if samples is None else slice(start + samples.start, start + samples.stop)
        if self.maps.form == "rows":
            return self.reader.read("jacobians", "coefficients", network=label, sample=here, output=output)
        closed = self._closed_form(label)
        patterns = self.reader.read("jacobians", "patterns", network=label, sample=here)
        outputs = self.reader.read("jacobians", "outputs", network=label, sample=here)
        patterns = np.ascontiguousarray(patterns[:, : closed.pattern_bytes])
        return closed.from_patterns(patterns, outputs)[:, output]

    def chunks(
        self, label: str, output: int, part: Part
    ) -> Iterator[NDArray[np.float32] | NDArray[np.float16]]:
        """Read all coefficients of one output of one network, piece after piece."""
        for span in self.spans(part):
            yield self.read(label, output, part, span)

    def outputs(self, label: str, part: Part) -> NDArray[np.float32]:
        """Give a network's outputs on the images of a part: shape (n_samples, n_outputs)."""
        return self.reader.read("jacobians", "outputs", network=label, sample=slice(*self._bounds(part)))

    def inputs(self, part: Part, samples: range | None = None) -> NDArray[np.float32]:
        """Give images as gradients are taken in them, flat: shape (n_samples, n_columns - 1)."""
        start, stop = self._bounds(part)
        chosen = range(stop - start) if samples is None else samples
        images = self.maps.inputs(range(start + chosen.start, start + chosen.stop))
        return np.asarray(images.flatten(1).numpy())

    def _bounds(self, part: Part) -> tuple[int, int]:
        maps = self.maps
        return (0, maps.n_train) if part == "train" else (maps.n_train, maps.n_samples)

    @cached_property
    def _closed_form(self) -> Callable[[str], ClosedForm]:
        @lru_cache(maxsize=2)
        def read(label: str) -> ClosedForm:
            return self.maps.closed_form(label, self.maps.networks.trained(label, self.reader))

        return read
