"""Polygons of a plane carried through the layers of a network of images, and cut by each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import conv2d

from relusweep.tasks.jacobians._chain import Affine, Chain, Convolution, read_chain
from relusweep.tasks.sections._split import OPEN, largest, split
from relusweep.tasks.sections.planes import Plane

__all__ = ["AT_ONCE", "Cutter"]

AT_ONCE = 64
"""Polygons that are carried through a layer together: memory is that times 100 bytes a unit of each layer."""

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]


class _Layer(NamedTuple):
    """A convolution or an affine map, and what is chosen of its units: the largest of each group.

    Attributes
    ----------
    weights, biases : Tensor, float64
    image : tuple of int, optional
        Channels, height and width of what a convolution takes.
    factor : int
        Rows and columns of the squares of which a convolution gives the largest number.
    is_last : bool
        Its units are one group, without 0.
    """

    weights: Tensor
    biases: Tensor
    image: tuple[int, ...] | None
    factor: int = 1
    is_last: bool = False

    def functions(self, values: Tensor) -> Floats:
        """Carry values and slopes, of shape (n, 3, n_units), on: (n, n_groups, n_functions, 3).

        Values alone, of shape (n, 1, n_units), too.
        """
        if self.image is None:
            sums = values @ self.weights.T
            sums[:, 0] += self.biases
            sums = sums[:, :, None] if self.is_last else sums[..., None]
        else:
            _, height, width = self.image
            sums = conv2d(values.reshape(-1, *self.image), self.weights, padding=1)
            sums = sums.reshape(*values.shape[:2], -1, height, width)
            sums[:, 0] += self.biases[:, None, None]
            by_square = (*sums.shape[:3], height // self.factor, self.factor, -1, self.factor)
            sums = sums.reshape(by_square).movedim(4, 5).flatten(5).flatten(2, 4)
        return np.ascontiguousarray(sums.movedim(1, 3).numpy())

    def sizes(self, values: Tensor) -> Floats:
        """Give of each unit, of shape (n_groups, n_functions), what its sum is with every term positive."""
        bound = self._replace(weights=self.weights.abs(), biases=self.biases.abs())
        return bound.functions(values[None, None])[0, :, :, 0]


class Cutter:
    """Cuts polygons layer after layer, some of them at a time through all layers.

    Parameters
    ----------
    network, plane
        As of :func:`cut_plane`.
    corners : ndarray of shape (n_corners, 2), float64
        Of a polygon that holds all that is to be cut.
    wanted : int
        So many polygons are asked for at most.
    """

    def __init__(self, network: nn.Module, plane: Plane, corners: Floats, wanted: int = AT_ONCE) -> None:
        self._at_once = min(AT_ONCE, wanted)
        chain = read_chain(network, plane.origin.shape)
        if chain is None:
            raise ValueError(
                "exact sections are of convolutions of 3 by 3 with ReLU and perhaps a maximum of 2 by 2, and "
                "affine maps with ReLU between, in float32 on a CPU, for images of shape "
                f"{plane.origin.shape}: this network is none; count on a grid"
            )
        self._layers = list(_layers(chain))
        if not all(
            layer.weights.isfinite().all() and layer.biases.isfinite().all() for layer in self._layers
        ):
            raise ValueError("weights are finite; got NaN or infinity: leave out networks that diverged")
        three = torch.from_numpy(np.stack([plane.origin, *plane.axes]))
        self._values = _scaled(chain, three)
        self._slacks = self._slack(chain, three.abs(), np.abs(corners).max(axis=0))

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shape of the groups of each hidden layer: channels, rows and columns, or units."""
        found = []
        for layer in self._layers[:-1]:
            size = () if layer.image is None else tuple(n // layer.factor for n in layer.image[1:])
            found.append((len(layer.biases), *size))
        return found

    def polygons(self, window: Floats) -> Iterator[tuple[Floats, int, int]]:
        """Give corners, number of the region, and largest output of all polygons of a window."""
        *_, last = self._layers
        for region, (polygon, values) in enumerate(self._regions(0, [window], self._values)):
            functions = last.functions(values[None])[0]
            for parts, codes in self._parts(len(self._layers) - 1, polygon, functions):
                for part, (code,) in zip(parts, codes, strict=True):
                    yield part, region, int(code) - 1

    def regions(self, window: Floats) -> Iterator[tuple[Floats, Tensor]]:
        """Give corners of all regions of a window, and what the last layer takes there."""
        return self._regions(0, [window], self._values)

    def active(self, points: Floats) -> list[Codes]:
        """Say what is the largest at points of the plane, of shape (n, 2): by layer (n, n_groups).

        As in polygons: what differs by less than rounding is equal, and the first of equal numbers counts.
        """
        places = torch.from_numpy(np.column_stack([np.ones(len(points)), points]))
        values = (places @ self._values[0])[:, None]
        found = []
        for layer, slack in zip(self._layers[:-1], self._slacks, strict=False):
            at = layer.functions(values)[..., 0]
            high, low = (np.concatenate([0 * at[..., :1], at + s], axis=2) for s in (slack, -slack))
            found.append((high >= low.max(axis=2, keepdims=True)).argmax(axis=2).astype(np.uint8))
            taken = np.concatenate([0 * at[..., :1], at], axis=2)
            values = torch.from_numpy(np.take_along_axis(taken, found[-1][..., None].astype(np.int64), 2))
            values = values.movedim(2, 1)
        return found

    def _regions(self, depth: int, polygons: list[Floats], values: Tensor) -> Iterator[tuple[Floats, Tensor]]:
        """Cut polygons by the hidden layers from one on, given what that takes."""
        if depth == len(self._layers) - 1:
            yield from zip(polygons, values, strict=True)
            return
        waiting: list[Floats] = []
        taken: list[Floats] = []
        for polygon, functions in zip(polygons, self._layers[depth].functions(values), strict=True):
            for parts, codes in self._parts(depth, polygon, functions):
                waiting += parts
                taken.append(_chosen(functions, codes))
                if len(waiting) >= self._at_once:
                    yield from self._regions(depth + 1, waiting, torch.from_numpy(np.concatenate(taken)))
                    waiting, taken = [], []
        if waiting:
            yield from self._regions(depth + 1, waiting, torch.from_numpy(np.concatenate(taken)))

    def _parts(self, depth: int, polygon: Floats, functions: Floats) -> Iterator[tuple[list[Floats], Codes]]:
        """Cut a polygon by a layer: give some parts at a time, and what is the largest in each."""
        slack, zero = self._slacks[depth], not self._layers[depth].is_last
        known = largest(polygon, functions, slack, zero)
        changing = np.flatnonzero(known == OPEN)
        of_changing = functions[changing], slack[changing], zero
        waiting = [(polygon, known[changing])]
        while waiting:
            corners, sizes, codes = split(*waiting.pop(), *of_changing, self._at_once)
            parts = np.split(corners, np.cumsum(sizes)[:-1])
            is_open = (codes == OPEN).any(axis=1)
            waiting += [(parts[i], codes[i]) for i in np.flatnonzero(is_open)]
            whole = np.tile(known, (int((~is_open).sum()), 1))
            whole[:, changing] = codes[~is_open]
            yield [parts[i] for i in np.flatnonzero(~is_open)], whole

    def _slack(self, chain: Chain, three: Tensor, reach: Floats) -> list[Floats]:
        """Bound the rounding error of each unit, to first order: of a sum, by the sum of the terms' sizes.

        Higham, *Accuracy and Stability of Numerical Algorithms* (2002), section 3.1; the factor 2 leaves room
        for corners that are rounded.
        """
        terms = sum(layer.weights[0].numel() + 2 for layer in self._layers) + 8
        error = 2 * terms * np.finfo(np.float64).eps
        sizes = torch.tensor([1.0, *reach], dtype=torch.float64) @ _scaled(chain, three)[0]
        found = []
        for layer in self._layers:
            of_layer = layer.sizes(sizes)
            found.append(error * of_layer)
            sizes = torch.from_numpy(of_layer.max(axis=1))
        return found


def _layers(chain: Chain) -> Iterator[_Layer]:
    height, width = len(chain.rows), len(chain.columns)
    for layer in chain.convolutions:
        yield _layer(layer, (layer.weights.shape[1], height, width), layer.factor)
        height, width = height // layer.factor, width // layer.factor
    for affine in chain.affine:
        yield _layer(affine, None)._replace(is_last=affine is chain.affine[-1])


def _layer(layer: Affine | Convolution, image: tuple[int, ...] | None, factor: int = 1) -> _Layer:
    return _Layer(layer.weights.double(), layer.biases.double(), image, factor)


def _scaled(chain: Chain, three: Tensor) -> Tensor:
    """Give what the first layer takes of three images, flat: shape (1, 3, n_units)."""
    if chain.convolutions:
        three = chain.rows.double() @ three @ chain.columns.double().T
    return three.reshape(1, 3, -1)


def _chosen(functions: Floats, codes: Codes) -> Floats:
    """Take of each group the function that is the largest in each part: shape (n_parts, 3, n_groups)."""
    number = codes.astype(np.int64)
    taken = functions[np.arange(len(functions)), number - 1]
    taken[number == 0] = 0.0
    return taken.swapaxes(1, 2)
