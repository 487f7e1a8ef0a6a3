"""A rectangle cut along the kinks of a network of two inputs, unit after unit.

Neighbouring polygons share their vertices. Every unit is continuous, so where it changes sign on an edge it
cuts the polygons on both sides of it through the same new vertex: the mesh has no gaps and no vertex inside
an edge, and how polygons meet is known from the numbers of their vertices, without a tolerance. Source:
A. Berzins, *Polyhedral Complex Extraction from ReLU Networks using Edge Subdivision* (ICML 2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.networks import Network
from relusweep.tasks.regions._checks import rounding, slope_below

__all__ = ["Mesh", "cut_rectangle", "following_corners", "layer_matrices"]


@dataclass(frozen=True)
class Mesh:
    """Convex polygons that fill a rectangle.

    Attributes
    ----------
    vertices : ndarray of shape (n_vertices, 2), float64
    corners : ndarray of shape (n_corners,), int64
        Vertex of each corner, polygon after polygon, counter-clockwise.
    polygon : ndarray of shape (n_corners,), int64
        Polygon of each corner, ascending.
    positive : ndarray of shape (n_polygons, n_units), bool
        Whether a unit, of those that have cut the rectangle, is above zero in a polygon.
    """

    vertices: NDArray[np.float64]
    corners: NDArray[np.int64]
    polygon: NDArray[np.int64]
    positive: NDArray[np.bool_]

    @property
    def offsets(self) -> NDArray[np.int64]:
        """First corner of each polygon, and the number of corners: shape (n_polygons + 1,)."""
        return np.searchsorted(self.polygon, np.arange(len(self.positive) + 1))

    @property
    def following(self) -> NDArray[np.int64]:
        """The next corner of each corner: shape (n_corners,)."""
        return following_corners(self.offsets)


def following_corners(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Next corner, counter-clockwise, of each corner of polygons that begin at the offsets."""
    following = np.arange(1, offsets[-1] + 1)
    following[offsets[1:] - 1] = offsets[:-1]
    return following


def layer_matrices(network: Network, parameters: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Matrices of shape (fan_out, fan_in + 1) of the layers: views of a network's parameters."""
    sizes = [fan_out * (fan_in + 1) for fan_out, fan_in in network.layers]
    parts = np.split(parameters, np.cumsum(sizes)[:-1])
    return [part.reshape(fan_out, -1) for part, (fan_out, _) in zip(parts, network.layers, strict=True)]


def cut_rectangle(
    network: Network, parameters: NDArray[np.float64], box: NDArray[np.float64], *, output: bool
) -> Mesh:
    """Cut a box of shape (2, 2) where hidden units, and on request the output, change sign."""
    (left, bottom), (right, top) = box
    vertices = np.array([[left, bottom], [right, bottom], [right, top], [left, top]])
    mesh = Mesh(vertices, np.arange(4), np.zeros(4, np.int64), np.empty((1, 0), np.bool_))
    layers, reach = layer_matrices(network, parameters), np.abs(box).max(axis=0)
    unit_values = partial(_unit_values, leak=slope_below(network), reach=reach, error=rounding(network))
    for depth in range(1, len(layers) + output):
        values = unit_values(mesh.vertices, layers[:depth])
        for unit in range(values.shape[1]):
            mesh = _cut_by_unit(mesh, values[:, unit])
            values = np.concatenate([values, unit_values(mesh.vertices[len(values) :], layers[:depth])])
    return mesh


def _unit_values(
    points: NDArray[np.float64],
    layers: list[NDArray[np.float64]],
    leak: float,
    reach: NDArray[np.float64],
    error: float,
) -> NDArray[np.float64]:
    """Values of the last layer's units before activation, zero where rounding allows no other sign.

    The sizes are what the sums come to with every term made positive and the inputs as large as can be
    (`reach`): vertices are rounded at that size. Rounding errors are at most `error` times the sizes.
    """
    values, sizes = points, np.broadcast_to(reach, points.shape)
    for i, layer in enumerate(layers):
        if i:
            off = values < 0
            sizes = np.where(off, abs(leak) * sizes, sizes)
            values = np.where(off, leak * values, values)
        values = values @ layer[:, :-1].T + layer[:, -1]
        sizes = sizes @ np.abs(layer[:, :-1]).T + np.abs(layer[:, -1])
        values[np.abs(values) <= error * sizes] = 0.0
    return values


def _cut_by_unit(mesh: Mesh, values: NDArray[np.float64]) -> Mesh:
    """Cut the polygons in which a unit, given at the vertices, has both signs."""
    whole = _subdivide(mesh, values)
    above = np.sign(np.concatenate([values, np.zeros(len(whole.vertices) - len(values))]))[whole.corners]
    n_polygons = len(whole.positive)
    positive = np.bincount(whole.polygon[above > 0], minlength=n_polygons) > 0
    mixed = positive & (np.bincount(whole.polygon[above < 0], minlength=n_polygons) > 0)
    # After subdivision the neighbours of a corner above zero are above it or zero: the ends of the cut.
    is_mixed, following = mixed[whole.polygon], whole.following
    upper = above > 0
    upper[following] |= above > 0
    upper |= above[following] > 0
    stays, moves = ~is_mixed | upper, is_mixed & (above <= 0)
    numbers = n_polygons - 1 + np.cumsum(mixed)
    return Mesh(
        whole.vertices,
        np.concatenate([whole.corners[stays], whole.corners[moves]]),
        np.concatenate([whole.polygon[stays], numbers[whole.polygon[moves]]]),
        np.block(
            [[whole.positive, positive[:, None]], [whole.positive[mixed], np.zeros((mixed.sum(), 1), bool)]]
        ),
    )


def _subdivide(mesh: Mesh, values: NDArray[np.float64]) -> Mesh:
    """Put a vertex on every edge along which a unit changes sign."""
    start, end = mesh.corners, mesh.corners[mesh.following]
    crossed = np.flatnonzero(np.sign(values[start]) * np.sign(values[end]) < 0)
    # One key for both directions of an edge, so that the two polygons at it get the same vertex.
    n = len(values)
    key = np.minimum(start, end)[crossed] * n + np.maximum(start, end)[crossed]
    edges, new = np.unique(key, return_inverse=True)
    a, b = np.divmod(edges, n)
    share = values[a] / (values[a] - values[b])
    points = mesh.vertices[a] + share[:, None] * (mesh.vertices[b] - mesh.vertices[a])
    return Mesh(
        np.concatenate([mesh.vertices, points]),
        np.insert(mesh.corners, crossed + 1, n + new),
        np.insert(mesh.polygon, crossed + 1, mesh.polygon[crossed]),
        mesh.positive,
    )
