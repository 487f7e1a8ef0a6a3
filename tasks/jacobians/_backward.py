"""Gradients and offsets of all outputs, from activation patterns and weights."""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from relusweep.tasks.compiled import LANES
from relusweep.tasks.jacobians._chain import Affine, Chain, neighbours
from relusweep.tasks.jacobians._kernel import through_convolution, through_linear, to_affine_inputs, to_image
from relusweep.tasks.training.simd import bank

__all__ = ["Active", "Backward"]

_Floats: TypeAlias = NDArray[np.float32]

# What is active at some samples, layer after layer: of a convolution, which number of each square, as
# `_forward_kernel.gate` says, shape (n_samples, n_channels, n_rows, n_columns); of an affine map, shape
# (n_samples, n_units).
Active: TypeAlias = list[NDArray[np.uint8]]


class _Above(NamedTuple):
    """Gradients of up to sixteen outputs in the units of a layer, and the offsets from the layers above.

    Attributes
    ----------
    vectors : bank
    step : int
        Vectors from one sample to the next; 0: all samples share them.
    offsets : ndarray of shape (n_samples, 16) or (1, 16), dtype float32
    """

    vectors: _Floats
    step: int
    offsets: _Floats


class Backward:
    """The weights of a chain, laid out for the way from the outputs back to the inputs.

    Parameters
    ----------
    chain : Chain
    """

    def __init__(self, chain: Chain) -> None:
        *hidden, last = chain.affine
        self._constant = None
        if chain.convolutions:
            self._end: _Matrix | _Convolutions = _Convolutions(chain)
        elif hidden:
            self._end = _Matrix(hidden.pop(0))
        else:
            self._constant = _with_biases(last)
        self._tops = [_top(last, first) for first in range(0, len(last.biases), LANES)]
        self._hidden = [_through(layer) for layer in hidden]

    def fill(self, active: Active, rows: _Floats) -> None:
        """Compute the rows of some samples.

        Parameters
        ----------
        active : list of ndarray
            What is active at them.
        rows : ndarray of shape (n_samples, n_outputs, n_inputs + 1), dtype float32
            Written.
        """
        if self._constant is not None:
            rows[:] = self._constant
            return
        first = len(active) - len(self._hidden)
        for group, above in enumerate(self._tops):
            for weights, units in zip(self._hidden[::-1], active[: first - 1 : -1], strict=True):
                above = _below(weights, units, above)
            self._end.fill(active[:first], above, rows[:, group * LANES : (group + 1) * LANES])


class _Matrix:
    """The first layer, where it is affine."""

    def __init__(self, layer: Affine) -> None:
        rows = _with_biases(layer)
        n_vectors = -(-rows.shape[1] // LANES)
        self._columns = bank(n_vectors * len(rows))
        padded = np.pad(rows, ((0, 0), (0, n_vectors * LANES - rows.shape[1])))
        by_columns = padded.reshape(len(rows), n_vectors, LANES).swapaxes(0, 1)
        self._columns.reshape(by_columns.shape)[:] = by_columns

    def fill(self, active: Active, above: _Above, rows: _Floats) -> None:
        count = rows.shape[1]
        to_affine_inputs(count)(active[0], above.vectors, above.step, self._columns, rows)
        rows[:, :, -1] += above.offsets[:, :count]


class _Convolutions:
    """The convolutions, and the scaling of the image before them."""

    def __init__(self, chain: Chain) -> None:
        self._layers = chain.convolutions
        first, *others = (layer.weights for layer in self._layers)
        by_channel = first.swapaxes(0, 1).flatten().numpy()
        self._weights = [by_channel, *(_by_tap(weights) for weights in others)]
        self._biases = [layer.biases.numpy() for layer in self._layers]
        self._scaling = (
            (chain.rows.shape[1], *neighbours(chain.rows)),
            (chain.columns.shape[1], *neighbours(chain.columns)),
        )

    def fill(self, active: Active, above: _Above, rows: _Floats) -> None:
        belows = [bank(self._n_below(codes, i)) for i, codes in enumerate(active) if i]
        offset = bank(2)
        for sample in range(len(rows)):
            offset[:LANES] = above.offsets[min(sample, len(above.offsets) - 1)]
            gradients = above.vectors[sample * above.step * LANES :]
            steps = 1, active[-1][0, 0].size
            for i in range(len(active) - 1, 0, -1):
                layer = active[i][sample], self._layers[i].factor, gradients, steps
                through_convolution(*layer, self._weights[i], self._biases[i], belows[i - 1], offset)
                gradients = belows[i - 1]
                steps = gradients.size // LANES // active[i - 1][0, 0].size, 1
            layer = active[0][sample], self._layers[0].factor, gradients, steps
            to_image(*layer, self._weights[0], self._biases[0], self._scaling, offset, rows[sample])

    def _n_below(self, codes: NDArray[np.uint8], i: int) -> int:
        """Count the vectors of one sample that convolution i takes."""
        _, n_channels, n_rows, n_columns = codes.shape
        n_inputs = len(self._weights[i]) // (9 * n_channels)
        return int(n_rows * n_columns * self._layers[i].factor ** 2 * n_inputs)


def _below(weights: _Floats, units: NDArray[np.uint8], above: _Above) -> _Above:
    """Carry gradients through a hidden affine map, whose biases are the column after its inputs."""
    n_samples, step = len(units), weights.shape[1]
    vectors = bank(n_samples * step)
    through_linear(units, above.vectors, above.step, weights.ravel(), vectors)
    return _Above(vectors, step, above.offsets + vectors.reshape(n_samples, step, LANES)[:, -1])


def _top(last: Affine, first: int) -> _Above:
    """Take up to sixteen outputs, from one on, as gradients in the units of the layer below."""
    weights = last.weights[first : first + LANES]
    vectors, offsets = bank(weights.shape[1]), np.zeros((1, LANES), np.float32)
    vectors.reshape(-1, LANES)[:, : len(weights)] = weights.T
    offsets[0, : len(weights)] = last.biases[first : first + LANES]
    return _Above(vectors, 0, offsets)


def _with_biases(layer: Affine) -> _Floats:
    return np.hstack([layer.weights.numpy(), layer.biases.numpy()[:, None]])


def _through(layer: Affine) -> _Floats:
    """Give weights, zeros up to a multiple of 16 columns, the last of which is the biases."""
    n_inputs = layer.weights.shape[1]
    padded = np.zeros((len(layer.weights), -(-(n_inputs + 1) // LANES) * LANES), np.float32)
    padded[:, :n_inputs], padded[:, -1] = layer.weights, layer.biases
    return padded


def _by_tap(weights: Tensor) -> _Floats:
    """Order weights by tap, output channel and input channel, with zeros up to a multiple of 16 of these."""
    by_tap = weights.permute(2, 3, 0, 1)
    padded: _Floats = pad(by_tap, (0, -by_tap.shape[-1] % LANES)).flatten().numpy()
    return padded
