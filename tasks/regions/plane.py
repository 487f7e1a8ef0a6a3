"""The linear regions of a network of two inputs, and the boundary of its decision."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.networks import Network
from relusweep.tasks.regions._checks import checked_box, checked_parameters, slope_below
from relusweep.tasks.regions._mesh import Mesh, cut_rectangle, following_corners, layer_matrices

__all__ = ["Curve", "Regions", "decision_boundary", "linear_regions"]

_STRAIGHT = 1e-9
"""A corner nearer than this share of the rectangle's diagonal to the line past it is none."""


@dataclass(frozen=True)
class Regions:
    """Convex polygons on each of which a network is one affine map; together they fill a rectangle.

    Region ``i`` has the corners ``vertices[corners[offsets[i]:offsets[i + 1]]]``, counter-clockwise, and
    there the network is ``gradient[i] @ x + intercept[i]``. Neighbours share vertices and whole edges.

    Attributes
    ----------
    vertices : ndarray of shape (n_vertices, 2), float64
    corners : ndarray of shape (n_corners,), int64
        Vertex of each corner, region after region.
    offsets : ndarray of shape (n_regions + 1,), int64
        First corner of each region.
    active : ndarray of shape (n_regions, depth, width), bool
        Whether a unit is above zero.
    gradient : ndarray of shape (n_regions, 2), float64
    intercept : ndarray of shape (n_regions,), float64
    """

    vertices: NDArray[np.float64]
    corners: NDArray[np.int64]
    offsets: NDArray[np.int64]
    active: NDArray[np.bool_]
    gradient: NDArray[np.float64]
    intercept: NDArray[np.float64]

    def polygon(self, region: int) -> NDArray[np.float64]:
        """Corners of one region, counter-clockwise: shape (n_corners_of_it, 2)."""
        return self.vertices[self.corners[self.offsets[region] : self.offsets[region + 1]]]

    @property
    def areas(self) -> NDArray[np.float64]:
        """Area of each region: shape (n_regions,)."""
        sizes = np.diff(self.offsets)
        # Seen from a corner of its own, a small region far from the origin keeps its digits.
        points = self.vertices[self.corners] - np.repeat(
            self.vertices[self.corners[self.offsets[:-1]]], sizes, 0
        )
        parallelograms = _cross(points, points[following_corners(self.offsets)])
        return np.asarray(np.add.reduceat(parallelograms, self.offsets[:-1]) / 2)


@dataclass(frozen=True)
class Curve:
    """A part of a decision boundary, with the side above zero on its left.

    Attributes
    ----------
    corners : ndarray of shape (n_corners, 2), float64
        Where it bends, and, if it is open, its two ends. A closed curve does not repeat its first corner.
    closed : bool
        Whether it is a polygon. If not, it ends at the edge of the rectangle.
    """

    corners: NDArray[np.float64]
    closed: bool


def linear_regions(network: Network, parameters: ArrayLike, low: ArrayLike, high: ArrayLike) -> Regions:
    """Cut a rectangle where units of a network of two inputs change sign.

    Parameters
    ----------
    network : Network
        The shape of the network, of two inputs.
    parameters : array_like of shape (network.n_parameters,)
        Its weights and biases.
    low, high : array_like of shape (2,)
        Lower left and upper right corner of the rectangle.

    Returns
    -------
    Regions
        One region for each activation pattern that has an area.

    Raises
    ------
    ValueError
        If the activation is not piecewise linear, the network has not two inputs, the parameters do not fit
        it or are not finite, or the rectangle is empty or infinite.

    Notes
    -----
    Nothing is sampled. Layer after layer and unit after unit, the polygons so far are cut along the line
    where the unit, affine on each of them, is zero. A value counts as zero within a bound of its own rounding
    error, so regions thinner than rounding are none.

    Examples
    --------
    The absolute value of the first input:

    >>> network = Network(n_inputs=2, width=2, depth=1)
    >>> regions = linear_regions(network, [1, 0, 0, -1, 0, 0, 1, 1, 0], low=[-1, 0], high=[3, 1])
    >>> regions.areas.tolist(), regions.gradient[:, 0].tolist()
    ([3.0, 1.0], [1.0, -1.0])
    """
    row, box = _checked(network, parameters, low, high)
    mesh = cut_rectangle(network, row, box, output=False)
    active = mesh.positive.reshape(-1, network.depth, network.width)
    maps = _affine_maps(layer_matrices(network, row), slope_below(network), active)
    return Regions(mesh.vertices, mesh.corners, mesh.offsets, active, maps[:, :2], maps[:, 2])


def decision_boundary(
    network: Network, parameters: ArrayLike, low: ArrayLike, high: ArrayLike
) -> list[Curve]:
    """Trace where the output of a network of two inputs turns from above zero to zero or below.

    Parameters
    ----------
    network : Network
        The shape of the network, of two inputs.
    parameters : array_like of shape (network.n_parameters,)
        Its weights and biases.
    low, high : array_like of shape (2,)
        Lower left and upper right corner of the rectangle.

    Returns
    -------
    list of Curve
        Open ones first, then the closed ones: one of three corners is a triangle, of six a hexagon.
        Corners are where the direction changes: one nearer than 1e-9 of the rectangle's diagonal to the line
        past it is left out, be it a bend too small or a kink of the network that does not bend the boundary.

    Raises
    ------
    ValueError
        If the activation is not piecewise linear, the network has not two inputs, the parameters do not fit
        it or are not finite, or the rectangle is empty or infinite.

    Notes
    -----
    The output cuts the polygons of `linear_regions` like one more unit. Edges between a polygon above zero
    and one that is not are the boundary, and follow one another as the polygons meet: joined by the numbers
    of vertices, not by distances. Where the output is zero over an area, that area counts as not above zero.

    Examples
    --------
    The square ``|x| + |y| < 1``:

    >>> network = Network(n_inputs=2, width=4, depth=1)
    >>> weights = [1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, -1, -1, -1, -1, 1]
    >>> (square,) = decision_boundary(network, weights, low=[-2, -2], high=[2, 2])
    >>> square.closed, sorted(square.corners.tolist())
    (True, [[-1.0, 0.0], [0.0, -1.0], [0.0, 1.0], [1.0, 0.0]])
    """
    row, box = _checked(network, parameters, low, high)
    mesh = cut_rectangle(network, row, box, output=True)
    straight = _STRAIGHT * float(np.linalg.norm(box[1] - box[0]))
    points = mesh.vertices[mesh.corners]
    ends = points[mesh.following]
    curves = []
    for edges, closed in _chains(_next_boundary_edge(mesh)):
        line = points[edges] if closed else np.concatenate([points[edges], ends[edges[-1:]]])
        curves.append(Curve(_without_straight(line, straight, closed), closed))
    return curves


def _checked(
    network: Network, parameters: ArrayLike, low: ArrayLike, high: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    row = checked_parameters(network, parameters, n_inputs=2)
    if row.ndim != 1:
        raise ValueError(f"regions are those of one network, one row; got parameters of shape {row.shape}")
    return row, checked_box(low, high, n_inputs=2)


def _affine_maps(
    layers: list[NDArray[np.float64]], leak: float, active: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Gradient and intercept of the output in each region: shape (n_regions, 3)."""
    maps = np.broadcast_to(np.eye(2, 3), (len(active), 2, 3))
    for i, layer in enumerate(layers):
        if i:
            maps = np.where(active[:, i - 1, :, None], 1.0, leak) * maps
        maps = layer[:, :-1] @ maps
        maps[:, :, 2] += layer[:, -1]
    return maps[:, 0]


def _next_boundary_edge(mesh: Mesh) -> dict[int, int]:
    """Find the boundary edge after each boundary edge, or −1 where the rectangle ends.

    An edge is named by the corner it starts at, of the polygon above zero to its left.
    """
    following = mesh.following
    start, end = mesh.corners, mesh.corners[following]
    key, reverse = start * len(mesh.vertices) + end, end * len(mesh.vertices) + start
    order = np.argsort(key)
    place = order[np.searchsorted(key[order], reverse).clip(max=len(key) - 1)]
    twin = np.where(key[place] == reverse, place, -1)
    above = mesh.positive[mesh.polygon, -1]
    boundary = above & (twin >= 0) & ~above[twin]
    after = {}
    for edge in np.flatnonzero(boundary).tolist():
        step = following[edge]
        # Around the vertex through the polygons above zero, so that curves that touch there stay apart.
        while not boundary[step] and twin[step] >= 0:
            step = following[twin[step]]
        after[edge] = int(step) if boundary[step] else -1
    return after


def _chains(after: dict[int, int]) -> list[tuple[list[int], bool]]:
    """Join edges, each given with the next, to open chains and then to closed ones."""
    reached = set(after.values())
    starts = [edge for edge in after if edge not in reached]
    chains = []
    while after:
        closed = not starts
        chain = [starts.pop() if starts else next(iter(after))]
        while (edge := after.pop(chain[-1])) not in (-1, chain[0]):
            chain.append(edge)
        chains.append((chain, closed))
    return chains


def _without_straight(points: NDArray[np.float64], straight: float, closed: bool) -> NDArray[np.float64]:
    """Leave out the points that lie on the line from the last one kept to the next."""
    if closed:
        # The point farthest from the middle is a corner for sure.
        first = np.linalg.norm(points - points.mean(axis=0), axis=1).argmax()
        points = np.roll(points, -first, axis=0)
        points = np.concatenate([points, points[:1]])
    kept = [points[0]]
    for point, following in pairwise(points[1:]):
        along, away = following - kept[-1], point - kept[-1]
        if abs(_cross(along, away)) > straight * np.linalg.norm(along):
            kept.append(point)
    return np.array(kept if closed else [*kept, points[-1]])


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])
