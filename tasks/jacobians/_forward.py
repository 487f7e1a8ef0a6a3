"""What is active at samples, and the outputs, with the same bits in any company."""

from math import prod
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from relusweep.tasks.compiled import LANES
from relusweep.tasks.jacobians._backward import Active
from relusweep.tasks.jacobians._chain import Affine, Chain, Convolution, neighbours
from relusweep.tasks.jacobians._forward_kernel import connect, convolve, gate, rectify, scale
from relusweep.tasks.training.simd import bank

__all__ = ["Forward", "Passed"]

_AT_ONCE = 16  # samples of an affine map

_Floats: TypeAlias = NDArray[np.float32]


class Passed(NamedTuple):
    """What a forward pass finds.

    Attributes
    ----------
    active : list of ndarray
        What is active at the samples, layer after layer.
    outputs : ndarray of shape (n_samples, n_outputs), dtype float32
    ties : ndarray of shape (n_samples,), dtype int64
        How many units are at 0, or are the maximum of numbers of which several are the largest.
    """

    active: Active
    outputs: _Floats
    ties: NDArray[np.int64]


class Forward:
    """The weights of a chain, laid out for the way from inputs to outputs.

    Parameters
    ----------
    chain : Chain
    """

    def __init__(self, chain: Chain) -> None:
        self._convolutions: list[_Convolution] = []
        size: tuple[int, ...] = len(chain.rows), len(chain.columns)
        for layer in chain.convolutions:
            self._convolutions.append(_Convolution(layer, size))
            size = tuple(n // layer.factor for n in size)
        if chain.convolutions:
            self._scaling = neighbours(chain.rows), neighbours(chain.columns)
        *self._hidden, self._last = (_Connected(layer) for layer in chain.affine)
        self._n_outputs = len(chain.affine[-1].biases)

    def __call__(self, inputs: _Floats) -> Passed:
        """Pass samples on.

        Parameters
        ----------
        inputs : ndarray of shape (n_samples, *shape), dtype float32
        """
        parts = [self._pass(inputs[i : i + _AT_ONCE]) for i in range(0, max(1, len(inputs)), _AT_ONCE)]
        active = [np.concatenate(of_layer) for of_layer in zip(*(part.active for part in parts), strict=True)]
        return Passed(active, *(np.concatenate([part[i] for part in parts]) for i in (1, 2)))

    def _pass(self, inputs: _Floats) -> Passed:
        """Pass at most sixteen samples on."""
        n_samples = len(inputs)
        active: Active = []
        ties = np.zeros(n_samples, np.int64)
        flat = inputs.reshape(n_samples, prod(inputs.shape[1:]))
        if self._convolutions:
            frames = self._convolutions[0].frames(n_samples)
            scale(np.ascontiguousarray(inputs), *self._scaling, self._convolutions[0].line, frames)
            for layer, after in zip(self._convolutions, [*self._convolutions[1:], None], strict=True):
                codes, frames = layer.apply(frames, after, ties)
                active.append(codes)
            flat = frames
        values = self._last.room(flat.shape[1])
        values[:-1, :n_samples] = flat.T
        for hidden in self._hidden:
            units = np.empty((n_samples, hidden.n_units), np.uint8)
            sums = hidden.apply(values)
            values = hidden.room(hidden.n_units)
            rectify(sums, units, values, ties)
            active.append(units)
        outputs = self._last.apply(values).reshape(-1, _AT_ONCE, LANES).swapaxes(0, 1)
        outputs = outputs.reshape(_AT_ONCE, -1)[:n_samples, : self._n_outputs]
        return Passed(active, outputs, ties)


class _Convolution:
    """A convolution of images of one size, and what follows it."""

    def __init__(self, layer: Convolution, size: tuple[int, ...]) -> None:
        n_channels, self._n_below = layer.weights.shape[:2]
        self._n_channels, self._factor, self._size = n_channels, layer.factor, size
        self._n_columns = -(-size[1] // 16) * 16
        self.line = self._n_columns + 2
        self.plane = (size[0] + 2) * self.line
        taps = np.add.outer(np.arange(3) * self.line, np.arange(3)).ravel()
        starts = np.add.outer(np.arange(self._n_below) * self.plane, taps).ravel()
        self._starts = np.append(starts, self._n_below * self.plane)
        self._weights = _by_groups(layer.weights.flatten(1), layer.biases)

    def frames(self, n_samples: int) -> _Floats:
        """Give frames of zeros, with their ones."""
        frames = np.zeros((n_samples, (self._n_below + 1) * self.plane), np.float32)
        frames[:, self._n_below * self.plane :] = 1
        return frames

    def apply(
        self, frames: _Floats, after: "_Convolution | None", ties: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint8], _Floats]:
        """Say what is active, and give what the next layer takes: frames, or flat numbers if it is none."""
        height, width = self._size
        n_samples, n_rows, n_columns = len(frames), height // self._factor, width // self._factor
        shape = -(-self._n_channels // LANES), height, self._n_columns
        sums = bank(n_samples * shape[0] * height * self._n_columns)
        convolve(frames, self._starts, self.line, self._weights, shape, sums)
        codes = np.empty((n_samples, self._n_channels, n_rows, n_columns), np.uint8)
        if after is None:
            values = np.empty((n_samples, self._n_channels * n_rows * n_columns), np.float32)
            place = self._factor, 0, n_columns, n_rows * n_columns
        else:
            values = after.frames(n_samples)
            place = self._factor, after.line + 1, after.line, after.plane
        gate(sums, self._n_columns, codes, values, place, ties)
        return codes, values


class _Connected:
    """An affine map."""

    def __init__(self, layer: Affine) -> None:
        self.n_units = len(layer.biases)
        self._n_groups = -(-self.n_units // LANES)
        self._weights = _by_groups(layer.weights, layer.biases)

    @staticmethod
    def room(n_units: int) -> _Floats:
        """Give zeros for the units of all samples, and ones."""
        values = np.zeros((n_units + 1, _AT_ONCE), np.float32)
        values[-1] = 1
        return values

    def apply(self, values: _Floats) -> _Floats:
        """Give the sums of all samples."""
        sums = bank(self._n_groups * _AT_ONCE)
        connect(values, self._weights, sums)
        return sums


def _by_groups(weights: Tensor, biases: Tensor) -> _Floats:
    """Lay out the terms of sixteen units after the other, with zeros for units that are not there."""
    rows = np.hstack([weights.numpy(), biases.numpy()[:, None]])
    rows = np.pad(rows, ((0, -len(rows) % LANES), (0, 0)))
    laid = bank(rows.size // LANES)
    laid[:] = rows.reshape(-1, LANES, rows.shape[1]).swapaxes(1, 2).ravel()
    return laid
