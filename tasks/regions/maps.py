"""The affine maps that a network is made of: at points, and how many of them differ."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.compiled import compiled
from relusweep.tasks.networks import Network, layer_views
from relusweep.tasks.regions._checks import checked_parameters, slopes_of

__all__ = ["Passed", "count_clusters", "maps_at", "passed_at"]


def maps_at(network: Network, parameters: ArrayLike, points: ArrayLike) -> NDArray[np.float64]:
    """Give the gradient and intercept of a network's output at points.

    Parameters
    ----------
    network : Network
    parameters : array_like of shape (network.n_parameters,)
    points : array_like of shape (n_points, network.n_inputs)

    Returns
    -------
    ndarray of shape (n_points, network.n_inputs + 1), float64
        Gradient, then intercept. Where a unit is exactly zero, it counts as below; of equal sums of a
        maximum, the first one counts.

    Raises
    ------
    ValueError
        If the activation is not piecewise linear, or the parameters do not fit or are not finite.

    Examples
    --------
    >>> maps_at(Network(n_inputs=1, width=1, depth=1), [2, -1, 3, 0], [[1], [0]]).tolist()
    [[6.0, -3.0], [0.0, 0.0]]
    """
    row = checked_parameters(network, parameters, network.n_inputs)
    slopes = slopes_of(network, row[None])[:, 0]
    x = np.asarray(points, np.float64)
    homogeneous = np.column_stack([x, np.ones(len(x))])
    n = network.n_inputs
    maps = np.broadcast_to(np.eye(n, n + 1), (len(x), n, n + 1))
    for i, (weights, biases) in enumerate(layer_views(network, row[None])):
        if i:
            values = np.einsum("puc,pc->pu", maps, homogeneous)
            if network.group > 1:
                units = values.reshape(len(x), -1, network.group)
                first = np.arange(0, values.shape[1], network.group)
                maps = np.take_along_axis(maps, (first + units.argmax(axis=2))[:, :, None], axis=1)
            else:
                above, below = slopes[i - 1, : values.shape[1]].T
                maps = np.where(values > 0, above, below)[:, :, None] * maps
        maps = weights[0] @ maps
        maps[:, :, -1] += biases[0]
    return maps[:, 0]


def count_clusters(maps: ArrayLike, *tolerances: float) -> tuple[int, ...]:
    """Count the clusters that maps fall into by single linkage.

    Two maps are in one cluster if a chain of maps joins them in which neighbours are no farther apart than
    the tolerance times the norm of the largest map.

    Parameters
    ----------
    maps : array_like of shape (n_maps, n_columns)
        Gradients and intercepts.
    *tolerances : float

    Returns
    -------
    tuple of int
        For each tolerance.

    Examples
    --------
    >>> count_clusters([[10.0], [9.9], [9.8], [1.0]], 0, 0.02)
    (4, 2)
    """
    rows = np.ascontiguousarray(maps, np.float64)
    largest = float(np.sqrt(np.square(rows).sum(axis=1)).max(initial=0.0))
    heights = _heights(rows)
    return tuple(1 + int(np.count_nonzero(heights > tolerance * largest)) for tolerance in tolerances)


class Passed(NamedTuple):
    """What goes through a hidden layer at points.

    Attributes
    ----------
    outputs : ndarray of shape (n_points, n_units), float64
    signs : ndarray of shape (n_points, n_rows), bool
        Whether a row of weights is above zero; of maxima, whether it is the largest of its unit, of equal
        ones the first.
    """

    outputs: NDArray[np.float64]
    signs: NDArray[np.bool_]


def passed_at(network: Network, parameters: ArrayLike, points: ArrayLike) -> list[Passed]:
    """Give activations and signs of every hidden layer at points.

    Parameters
    ----------
    network : Network
    parameters : array_like of shape (network.n_parameters,)
    points : array_like of shape (n_points, network.n_inputs)

    Returns
    -------
    list of Passed

    Raises
    ------
    ValueError
        As `maps_at`.

    Examples
    --------
    >>> network = Network(n_inputs=1, width=2, depth=1)
    >>> (layer,) = passed_at(network, [1, 0, -1, 1, 1, 1, 0], [[-1], [3]])
    >>> layer.outputs.tolist(), layer.signs.tolist()
    ([[0.0, 2.0], [3.0, 0.0]], [[False, True], [True, False]])
    """
    row = checked_parameters(network, parameters, network.n_inputs)
    slopes = slopes_of(network, row[None])[:, 0]
    h, found = np.asarray(points, np.float64), []
    for i, (weights, biases) in enumerate([*layer_views(network, row[None])][:-1]):
        sums = h @ weights[0].T + biases[0]
        if network.group > 1:
            units = sums.reshape(len(h), -1, network.group)
            h, signs = units.max(axis=2), np.zeros(units.shape, np.bool_)
            np.put_along_axis(signs, units.argmax(axis=2)[:, :, None], True, axis=2)
            signs = signs.reshape(len(h), -1)
        else:
            signs = sums > 0
            above, below = slopes[i, : sums.shape[1]].T
            h = np.where(signs, above, below) * sums + 0.0  # -0.0 is 0.0
        found.append(Passed(h, signs))
    return found


@compiled()
def _heights(rows):  # type: ignore[no-untyped-def]
    """Lengths of the edges of a minimum spanning tree: Prim's algorithm, in O(n²) time and O(n) memory."""
    n, n_columns = rows.shape
    nearest, heights = np.full(n, np.inf), np.empty(n - 1)
    at = 0
    for step in range(n - 1):
        nearest[at] = -1.0
        following, least = -1, np.inf
        for other in range(n):
            if nearest[other] >= 0:
                square = 0.0
                for column in range(n_columns):
                    square += (rows[at, column] - rows[other, column]) ** 2
                nearest[other] = min(nearest[other], square)
                if nearest[other] < least or following < 0:
                    following, least = other, nearest[other]
        heights[step] = np.sqrt(least)
        at = following
    return heights
