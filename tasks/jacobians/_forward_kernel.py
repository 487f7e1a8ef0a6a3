"""Convolutions, maxima and affine maps of some samples, each number a sum in a fixed order.

A sum runs over taps, input channels and at last the bias, one fused multiply-add each, whatever its place in
the image and whatever other samples there are. Equal patches so give equal numbers, to the bit.

Images lie in frames: the planes of their channels, framed by zeros, `line` numbers to a row, and at the end a
plane of ones, of which the bias is a multiple.
"""

import numpy as np

from relusweep.tasks.compiled import LANES, compiled
from relusweep.tasks.jacobians import _kernel, _sums
from relusweep.tasks.jacobians._kernel import scratch
from relusweep.tasks.jacobians._sums import weighted_sums
from relusweep.tasks.training import simd
from relusweep.tasks.training.simd import broadcast, load, mask_positive, mask_unordered, maximum, store

__all__ = ["connect", "convolve", "gate", "rectify", "scale"]

_compiled = compiled(_kernel, _sums, simd)


@_compiled
def scale(images, rows, columns, line, frames):
    """Interpolate images into frames, in float64, and round once.

    Parameters
    ----------
    images : ndarray of shape (n_samples, n_channels, low_height, low_width), dtype float32
    rows, columns : tuple
        For each row and column: the two that it is interpolated from, ndarray of shape (size, 2), int64; and
        their weights, float32.
    line : int
        Numbers in a row of a frame.
    frames : ndarray of shape (n_samples, n_numbers), dtype float32
        Written, but for zeros and ones.
    """
    (row_pixels, row_weights), (column_pixels, column_weights) = rows, columns
    height, width = len(row_pixels), len(column_pixels)
    for s in range(len(images)):
        for c in range(images.shape[1]):
            for y in range(height):
                first = (c * (height + 2) + y + 1) * line + 1
                for x in range(width):
                    value = 0.0
                    for k in range(2):
                        for j in range(2):
                            weight = np.float64(row_weights[y, k]) * np.float64(column_weights[x, j])
                            if weight != 0:
                                value += weight * images[s, c, row_pixels[y, k], column_pixels[x, j]]
                    frames[s, first + x] = value


@_compiled
def convolve(frames, starts, line, weights, shape, sums):
    """Convolve by 3 × 3, sixteen columns and channels at a time.

    Parameters
    ----------
    frames : ndarray of shape (n_samples, n_numbers), dtype float32
    starts : ndarray of shape (n_terms,), dtype int64
        Where in a frame the terms of the first number are: taps of each channel, and a one.
    line : int
        Numbers in a row of a frame.
    weights : bank of n_groups * n_terms vectors
        Of sixteen output channels each.
    shape : tuple of int
        Groups of output channels, rows, and columns up to a multiple of 16.
    sums : bank of n_samples * n_groups * n_rows * n_columns vectors
        Written.
    """
    n_groups, n_rows, n_columns = shape
    n_terms = len(starts)
    places = np.arange(n_terms)
    for s in range(len(frames)):
        for g in range(n_groups):
            for y in range(n_rows):
                for x in range(0, n_columns, 16):
                    first = ((s * n_groups + g) * n_rows + y) * n_columns + x
                    at = (frames[s], y * line + x)
                    weighted_sums(16, n_terms, (weights, g * n_terms), places, at, starts, (sums, first, 1))


@_compiled
def gate(sums, n_columns, codes, values, place, ties):
    """Apply ReLU and perhaps the maximum of squares of 2 × 2; say which number of each square went on.

    Parameters
    ----------
    sums : bank
        As of :func:`convolve`.
    n_columns : int
        Of each row of sums.
    codes : ndarray of shape (n_samples, n_channels, height, width), dtype uint8
        Written: 0 where the unit is off, else 1 and the place in the square, row after row, of the first of
        the largest.
    values : ndarray of shape (n_samples, n_numbers), dtype float32
        Written: the largest, or 0, or NaN where one of the square is.
    place : tuple of int
        Side of the squares, 1: no maximum; where in `values` the first channel begins; and how many numbers
        it is to the next row, and to the next channel.
    ties : ndarray of shape (n_samples,), dtype int64
        Added to: of how many units the positive largest is there more than once, or a number of them is 0.
    """
    n_samples, n_channels, height, width = codes.shape
    side, first, line, plane = place
    best = scratch(1)
    for s in range(n_samples):
        for c in range(0, n_channels, LANES):
            of_group = (s * -(-n_channels // LANES) + c // LANES) * height * side
            for i in range(height):
                for j in range(width):
                    largest, ones, twos, fours, tied, is_nan = broadcast(np.float32(0)), 0, 0, 0, 0, 0
                    for k in range(side * side):
                        row, column = of_group + i * side + k // side, j * side + k % side
                        z = load(sums, row * n_columns + column)
                        above, below = mask_positive(z - largest), mask_positive(largest - z)
                        is_nan |= mask_unordered(z)
                        tied = tied & ~above | ~(above | below)
                        ones = ones & ~above | above * ((k + 1) & 1)
                        twos = twos & ~above | above * ((k + 1) >> 1 & 1)
                        fours = fours & ~above | above * ((k + 1) >> 2)
                        largest = maximum(z, largest)
                    store(best, 0, largest)
                    here = first + c * plane + i * line + j
                    for lane in range(min(LANES, n_channels - c)):
                        number = (ones >> lane & 1) | (twos >> lane & 1) << 1 | (fours >> lane & 1) << 2
                        codes[s, c + lane, i, j] = number
                        values[s, here + lane * plane] = (
                            np.float32(np.nan) if is_nan >> lane & 1 else best[lane]
                        )
                        ties[s] += tied >> lane & 1


@_compiled
def connect(values, weights, sums):
    """Apply an affine map to sixteen samples, sixteen units at a time.

    Parameters
    ----------
    values : ndarray of shape (n_terms, 16), dtype float32
        The units below of all samples, and at last ones.
    weights : bank of n_groups * n_terms vectors
        Of sixteen units each.
    sums : bank of n_groups * 16 vectors
        Written: of each group, the units of one sample after the other.
    """
    n_terms = len(values)
    places, starts = np.arange(n_terms), np.arange(n_terms) * 16
    for g in range(len(weights) // (LANES * n_terms)):
        weighted_sums(
            16, n_terms, (weights, g * n_terms), places, (values.ravel(), 0), starts, (sums, g * 16, 1)
        )


@_compiled
def rectify(sums, active, values, ties):
    """Apply ReLU to what :func:`connect` gives.

    Parameters
    ----------
    sums : bank
    active : ndarray of shape (n_samples, n_units), dtype uint8
        Written.
    values : ndarray of shape (n_units + 1, 16), dtype float32
        Written, but for the last row.
    ties : ndarray of shape (n_samples,), dtype int64
        Added to: how many units are at 0.
    """
    n_samples, n_units = active.shape
    for unit in range(n_units):
        for s in range(n_samples):
            z = sums[(unit // LANES * 16 + s) * LANES + unit % LANES]
            active[s, unit] = z > 0
            ties[s] += z == 0
            values[unit, s] = np.float32(0) if z <= 0 else z  # NaN goes on
