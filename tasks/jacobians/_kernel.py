"""Gradients of all outputs at once, carried backwards through the active units of one sample after another.

A vector holds the gradients of sixteen outputs in one unit. Sums run over the active units alone, in a
fixed order, so the bits of a sample's rows depend on its activation pattern and the weights, and on no other
sample.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from relusweep.tasks.compiled import LANES, compiled
from relusweep.tasks.jacobians import _sums
from relusweep.tasks.jacobians._sums import weighted_sums
from relusweep.tasks.training import simd
from relusweep.tasks.training.simd import fma, load, store

__all__ = ["through_convolution", "through_linear", "to_affine_inputs", "to_image"]

_TAPS = 9  # of a 3 × 3 convolution
_compiled = compiled(_sums, simd)


@_compiled
def scratch(n_vectors):
    """Give room for vectors, on a cache-line boundary."""
    room = np.empty((n_vectors + 1) * LANES, np.float32)
    return room[-(room.ctypes.data // 4) % LANES :]


@_compiled
def through_linear(active, above, step, weights, below):
    """Carry gradients from the active units of a hidden layer to what it takes.

    Parameters
    ----------
    active : ndarray of shape (n_samples, n_units), dtype uint8
    above : bank
        Gradients of the units.
    step : int
        Vectors of `above` from one sample to the next; 0: all have the same.
    weights : ndarray of shape (n_units * n_below,), dtype float32
        Row after row; `n_below` is a multiple of 16.
    below : bank of n_samples * n_below vectors
        Written.
    """
    n_samples, n_units = active.shape
    n_below = weights.size // n_units
    places, starts = np.empty(n_units, np.int64), np.empty(n_units, np.int64)
    for s in range(n_samples):
        n = 0
        for unit in range(n_units):
            places[n], starts[n] = unit, unit * n_below
            n += active[s, unit] != 0
        for i in range(0, n_below, 16):
            sums = (below, s * n_below + i, 1)
            weighted_sums(16, n, (above, s * step), places, (weights, i), starts, sums)


@_compiled
def _active_units(cell, buckets, sizes):
    """Sort the channels of a cell by their codes, ascending: ``buckets[code, : sizes[code]]``."""
    sizes[:] = 0
    for c in range(cell.size):
        code = cell[c]
        buckets[code, sizes[code]] = c
        sizes[code] += 1


@_compiled
def through_convolution(codes, factor, above, steps, weights, biases, below, offset):
    """Carry gradients from the active units of a convolution to what it takes.

    Parameters
    ----------
    codes : ndarray of shape (n_channels, n_rows, n_columns), dtype uint8
        As of :func:`relusweep.tasks.jacobians._forward_kernel.gate`, of one sample.
    factor : int
        Rows and columns of a maximum.
    above : bank
        Gradients of the codes' units.
    steps : tuple of int
        Vectors from one cell of `above` to the next, and from one channel.
    weights : ndarray of shape (9 * n_channels * n_below,), dtype float32
        For each tap and output channel the weights of the input channels; `n_below` is a multiple of 16.
    biases : ndarray of shape (n_channels,), dtype float32
    below : bank of (height * width) cells of n_below vectors
        Written.
    offset : bank of 2 vectors
        The first is added to, the second written over.
    """
    n_channels, n_rows, n_columns = codes.shape
    height, width = n_rows * factor, n_columns * factor
    n_below = below.size // LANES // (height * width)
    at = np.empty((height, width, n_channels, 2), np.int64)  # place and channel of what is active there
    counts = np.zeros((height, width), np.int64)
    buckets, sizes = np.empty((5, n_channels), np.int64), np.empty(5, np.int64)
    places, starts = np.empty(_TAPS * n_channels, np.int64), np.empty(_TAPS * n_channels, np.int64)
    for row in range(n_rows):
        for column in range(n_columns):
            _active_units(codes[:, row, column], buckets, sizes)
            for number in range(factor * factor):
                y, x = row * factor + number // factor, column * factor + number % factor
                n = counts[y, x] = sizes[number + 1]
                for e in range(n):
                    channel = buckets[number + 1, e]
                    place = (row * n_columns + column) * steps[0] + channel * steps[1]
                    at[y, x, e] = place, channel
                    places[e], starts[e] = place, channel
                weighted_sums(1, n, (above, 0), places, (biases, 0), starts, (offset, 1, 1))
                store(offset, 0, load(offset, 0) + load(offset, 1))
    for y in range(height):
        for x in range(width):
            n = 0
            for tap in range(_TAPS):
                i, j = y + 1 - tap // 3, x + 1 - tap % 3
                if 0 <= i < height and 0 <= j < width:
                    for e in range(counts[i, j]):
                        places[n] = at[i, j, e, 0]
                        starts[n] = (tap * n_channels + at[i, j, e, 1]) * n_below
                        n += 1
            first = (y * width + x) * n_below
            for c in range(0, n_below, 16):
                weighted_sums(16, n, (above, 0), places, (weights, c), starts, (below, first + c, 1))


@_compiled
def to_image(codes, factor, above, steps, weights, biases, scaling, offset, rows):
    """Carry gradients from the active units of the first convolution to the original image and the offset.

    Parameters
    ----------
    codes, factor, above, steps, biases
        As for :func:`through_convolution`.
    weights : ndarray of shape (n_image_channels * n_channels * 9,), dtype float32
    scaling : tuple
        Of rows and of columns: how many the original image has; the two that each one of the convolution's
        image is interpolated from, ndarray of shape (size, 2), int64; and their weights, float32.
    offset : bank of 2 vectors
        The offset but for what these biases add.
    rows : ndarray of shape (n_outputs, n_inputs + 1), dtype float32
        Written.
    """
    n_channels, n_rows, n_columns = codes.shape
    height, width = n_rows * factor, n_columns * factor
    n_images = weights.size // (_TAPS * n_channels)
    frame = (height + 2) * (width + 2)
    image = scratch(n_images * frame)
    image[:] = 0
    taps = scratch(_TAPS)
    buckets, sizes = np.empty((5, n_channels), np.int64), np.empty(5, np.int64)
    places, starts = np.empty(n_channels, np.int64), np.empty(n_channels, np.int64)
    for row in range(n_rows):
        for column in range(n_columns):
            _active_units(codes[:, row, column], buckets, sizes)
            for number in range(factor * factor):
                n = sizes[number + 1]
                for e in range(n):
                    channel = buckets[number + 1, e]
                    places[e] = (row * n_columns + column) * steps[0] + channel * steps[1]
                    starts[e] = channel
                weighted_sums(1, n, (above, 0), places, (biases, 0), starts, (offset, 1, 1))
                store(offset, 0, load(offset, 0) + load(offset, 1))
                y, x = row * factor + number // factor, column * factor + number % factor
                for e in range(n):
                    starts[e] *= _TAPS
                for c in range(n_images):
                    of_image = (weights, c * n_channels * _TAPS)
                    weighted_sums(_TAPS, n, (above, 0), places, of_image, starts, (taps, 0, 1))
                    corner = c * frame + y * (width + 2) + x
                    for tap in range(_TAPS):
                        pixel = corner + tap // 3 * (width + 2) + tap % 3
                        store(image, pixel, load(image, pixel) + load(taps, tap))
    _unscale(image, (n_images, height, width), scaling, rows)
    for o in range(rows.shape[0]):
        rows[o, -1] = offset[o]


@_compiled
def _unscale(image, shape, scaling, rows):
    """Apply the transpose of a bilinear interpolation to a framed image; write what comes for each output."""
    n_images, height, width = shape
    (low_height, row_pixels, row_weights), (low_width, column_pixels, column_weights) = scaling
    low, line = scratch(low_height * low_width), scratch(low_width)
    for c in range(n_images):
        low[:] = 0
        for y in range(height):
            line[:] = 0
            for x in range(width):
                value = load(image, (c * (height + 2) + y + 1) * (width + 2) + x + 1)
                for k in range(2):
                    i = column_pixels[x, k]
                    store(line, i, fma(value, np.float64(column_weights[x, k]), load(line, i)))
            for k in range(2):
                weight = np.float64(row_weights[y, k])
                for x in range(low_width):
                    i = row_pixels[y, k] * low_width + x
                    store(low, i, fma(load(line, x), weight, load(low, i)))
        n_pixels = low_height * low_width
        for o in range(rows.shape[0]):
            for i in range(n_pixels):
                rows[o, c * n_pixels + i] = low[i * LANES + o]


@cache
def to_affine_inputs(count: int) -> Callable[..., None]:
    """Compile, for a number of outputs of at most 16, how gradients come to inputs and offset.

    Parameters
    ----------
    count : int
        Number of outputs.

    Returns
    -------
    callable
        See within.
    """

    @_compiled
    def carry(active, above, step, matrix, rows):
        """Carry gradients from the active units of the first hidden layer to inputs and offset.

        Parameters
        ----------
        active, above, step
            As for :func:`through_linear`.
        matrix : bank of n_vectors * n_units vectors
            Of the weights of each unit, its bias after them, and zeros, the first sixteen numbers of all
            units, then the next sixteen.
        rows : ndarray of shape (n_samples, count, n_inputs + 1), dtype float32
            Written.
        """
        n_samples, n_units = active.shape
        n_columns = rows.shape[2]
        n_vectors = -(-n_columns // LANES)
        places, starts = np.empty(n_units, np.int64), np.empty(n_units, np.int64)
        sums = scratch(count * n_vectors)
        for s in range(n_samples):
            n = 0
            for unit in range(n_units):
                places[n], starts[n] = unit, unit * LANES
                n += active[s, unit] != 0
            for j in range(n_vectors):
                of_columns, to = (matrix, j * n_units), (sums, j, n_vectors)
                weighted_sums(count, n, of_columns, places, (above, s * step * LANES), starts, to)
            for o in range(count):
                rows[s, o] = sums[o * n_vectors * LANES : o * n_vectors * LANES + n_columns]

    return carry
