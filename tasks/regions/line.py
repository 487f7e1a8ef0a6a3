"""The linear pieces of a network of one input."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.compiled import compiled
from relusweep.tasks.networks import Network
from relusweep.tasks.regions._checks import (
    checked_box,
    checked_parameters,
    rounding,
    shapes_of,
    slopes_of,
)

__all__ = ["Pieces", "linear_pieces"]


@dataclass(frozen=True)
class Pieces:
    """Linear pieces of some networks: network after network, each from left to right.

    Piece ``i`` is ``slope[i] * x + intercept[i]`` for ``start[i] <= x <= stop[i]``.

    Attributes
    ----------
    network : ndarray of shape (n_pieces,), int64
        Row of the network among the parameters.
    start, stop, slope, intercept : ndarray of shape (n_pieces,), float64
        A network's first piece starts and its last one stops at the ends of the interval; between, a piece
        starts where the one before it stops.
    """

    network: NDArray[np.int64]
    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    slope: NDArray[np.float64]
    intercept: NDArray[np.float64]


def linear_pieces(
    network: Network, parameters: ArrayLike, low: float, high: float, *, merge: bool = True
) -> Pieces:
    """Cut an interval where networks of one input bend.

    Parameters
    ----------
    network : Network
        The shape of the networks, of one input.
    parameters : array_like of shape (n_networks, network.n_parameters) or (network.n_parameters,)
        One row for each network, or one network.
    low, high : float
        Ends of the interval.
    merge : bool
        True gives the pieces of the function: at every kink between them its slope changes. False gives the
        pieces of the activations: at every kink between them a unit changes sign, or another of its sums is
        the largest from there on, whether or not the output shows it (a unit of weight zero, or one that
        feeds only units that are off, bends nothing).

    Returns
    -------
    Pieces

    Raises
    ------
    ValueError
        If the activation is not piecewise linear, the network has not one input, the parameters do not fit
        it or are not finite, or the interval is empty or infinite.

    Notes
    -----
    Nothing is sampled. From the left end on, a pass through the layers gives each unit's value and slope just
    right of the present point, and so where it next reaches zero, or, of a maximum, where another sum next
    overtakes the largest; the first of these points is the next kink.
    A value counts as zero, and a change of slope as none, within a bound of its own rounding error: kinks
    that differ by rounding alone are one kink. There are at most ``(width + 1) ** depth`` pieces.

    Examples
    --------
    The absolute value, from a unit of slope 1 and one of slope −1:

    >>> pieces = linear_pieces(Network(n_inputs=1, width=2, depth=1), [1, 0, -1, 0, 1, 1, 0], -1, 2)
    >>> pieces.start.tolist(), pieces.stop.tolist(), pieces.slope.tolist(), pieces.intercept.tolist()
    ([-1.0, 0.0], [0.0, 2.0], [-1.0, 1.0], [0.0, 0.0])
    """
    rows = checked_parameters(network, parameters, n_inputs=1)
    if rows.ndim > 2:
        raise ValueError(f"parameters have one row for each network, got an array of shape {rows.shape}")
    ((low,), (high,)) = checked_box(low, high, n_inputs=1)
    rows = np.ascontiguousarray(np.atleast_2d(rows))
    slopes = slopes_of(network, rows)
    counts, found = _cut(shapes_of(network), slopes, rows, low, high, rounding(network), merge)
    start, stop, slope, intercept = np.ascontiguousarray(found.T)[:4]
    return Pieces(np.repeat(np.arange(len(rows)), counts), start, stop, slope, intercept)


@compiled()
def _cut(layers, slopes, parameters, low, high, error, merge):  # type: ignore[no-untyped-def]
    """Count each network's pieces; give the start, stop, slope, intercept and size of slope of all."""
    counts = np.zeros(len(parameters), np.int64)
    pieces = np.empty((8 * len(parameters), 5))
    n, reach = 0, max(abs(low), abs(high))
    unit, before = np.empty((layers.max(), 4)), np.empty((layers.max(), 4))
    for network in range(len(parameters)):
        first, x = n, low
        own = slopes[:, min(network, slopes.shape[1] - 1)]
        while x < high:
            stop = _next_kink(layers, own, parameters[network], x, high, reach, error, unit, before)
            value, slope, _, size = unit[0]
            if merge and n > first and abs(slope - pieces[n - 1, 2]) <= error * (size + pieces[n - 1, 4]):
                pieces[n - 1, 1] = stop
            else:
                if n == len(pieces):
                    pieces = np.concatenate((pieces, np.empty_like(pieces)))
                pieces[n] = x, stop, slope, value - slope * x, size
                n += 1
            x = stop
        counts[network] = n - first
    return counts, pieces[:n]


@compiled()
def _next_kink(layers, slopes, parameters, x, high, reach, error, unit, before):  # type: ignore[no-untyped-def]
    """Find where a unit next bends right of x, or `high`.

    `unit` is left with the value and slope of the output just right of x, and the sizes of both: what their
    sums come to with every term made positive, and the input as large as can be, since kinks are rounded at
    that size. Rounding errors are at most `error` times these.
    """
    stop = high
    unit[0] = x, 1.0, reach, 1.0
    place = 0
    for layer in range(len(layers)):
        fan_out, fan_in, group = layers[layer]
        before[:fan_in] = unit[:fan_in]
        for j in range(fan_out):
            bias = parameters[place + fan_in]
            value, slope, value_size, slope_size = bias, 0.0, abs(bias), 0.0
            for i in range(fan_in):
                weight = parameters[place + i]
                value += weight * before[i, 0]
                slope += weight * before[i, 1]
                value_size += abs(weight) * before[i, 2]
                slope_size += abs(weight) * before[i, 3]
            place += fan_in + 1
            if layer < len(layers) - 1 and group == 1:
                here = abs(value) <= error * value_size
                end = value + slope * (high - x)
                if not here and end * value < 0 and abs(end) > error * value_size:
                    stop = min(stop, x - value / slope)
                factor = slopes[layer, j, 0 if (slope > 0 if here else value > 0) else 1]
                value, slope = factor * value, factor * slope
                value_size, slope_size = abs(factor) * value_size, abs(factor) * slope_size
            unit[j] = value, slope, value_size, slope_size
        if group > 1:
            for j in range(fan_out // group):
                rows = unit[j * group : (j + 1) * group]
                largest = _largest(rows, error)
                stop = min(stop, _overtaken(rows, largest, x, high, error))
                unit[j] = rows[largest]
    return stop


@compiled()
def _largest(rows, error):  # type: ignore[no-untyped-def]
    """Find the row that is the largest just right of a point."""
    largest = 0
    for i in range(1, len(rows)):
        ahead = rows[i, 0] - rows[largest, 0]
        here = abs(ahead) <= error * (rows[i, 2] + rows[largest, 2])
        if rows[i, 1] > rows[largest, 1] if here else ahead > 0:
            largest = i
    return largest


@compiled()
def _overtaken(rows, largest, x, high, error):  # type: ignore[no-untyped-def]
    """Find where another row next becomes the largest, or `high`."""
    stop = high
    for i in range(len(rows)):
        behind, gain = rows[largest, 0] - rows[i, 0], rows[i, 1] - rows[largest, 1]
        bound, end = error * (rows[i, 2] + rows[largest, 2]), behind - gain * (high - x)
        if behind > bound and end < -bound:
            stop = min(stop, x + behind / gain)
    return stop
