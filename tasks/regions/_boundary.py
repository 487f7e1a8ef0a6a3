"""Where a function on a mesh turns from above zero to zero or below: curves, and how they bend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.regions.mesh import Mesh, following_corners, twins

__all__ = ["Curve", "boundary_curves"]

_STRAIGHT = 1e-9
"""A corner nearer than this share of the rectangle's diagonal to the line past it is none."""


@dataclass(frozen=True)
class Curve:
    """A part of a decision boundary, with the side above zero on its left.

    Attributes
    ----------
    corners : ndarray of shape (n_corners, 2), float64
        Where it bends, and, if it is open, its two ends. A closed curve does not repeat its first corner.
    closed : bool
        Whether it is a polygon. If not, it ends at the edge of the rectangle.
    facets : ndarray of shape (n_corners, 2), int64, optional
        Layer and index of the unit on whose kink each corner lies; (-1, i) on side i of the rectangle, from 0
        to 3 the lower, right, upper and left one.
    """

    corners: NDArray[np.float64]
    closed: bool
    facets: NDArray[np.int64] | None = None

    @property
    def line(self) -> NDArray[np.float64]:
        """Its corners as a line to draw, back to the first one if it is closed."""
        return np.concatenate([self.corners, self.corners[:1]]) if self.closed else self.corners

    @property
    def angles(self) -> NDArray[np.float64]:
        """Turn at each corner in radians, positive to the left; NaN at the ends of an open curve."""
        steps = np.roll(self.corners, -1, axis=0) - self.corners
        before = np.roll(steps, 1, axis=0)
        turns = np.arctan2(
            before[:, 0] * steps[:, 1] - before[:, 1] * steps[:, 0], (before * steps).sum(axis=1)
        )
        if not self.closed:
            turns[[0, -1]] = np.nan
        return np.asarray(turns)


def boundary_curves(
    mesh: Mesh,
    above: NDArray[np.bool_],
    last: int,
    facets: Callable[[NDArray[np.int64]], NDArray[np.int64]],
) -> list[Curve]:
    """Trace the edges between polygons above zero and others.

    Parameters
    ----------
    mesh : Mesh
        Cut by a function.
    above : ndarray of shape (n_polygons,), bool
        Whether the function is above zero.
    last : int
        The function's number.
    facets : callable
        Gives layers and indices of functions by their numbers.
    """
    following, kinks = following_corners(mesh.offsets), _kinks(mesh, last)
    box = np.ptp(mesh.vertices, axis=0)
    straight = _STRAIGHT * float(np.linalg.norm(box))
    curves = []
    for corners, closed in _chains(_next_edges(mesh, above, following)):
        vertices = mesh.corners[corners].tolist()
        if not closed:
            vertices.append(mesh.corners[following[corners[-1]]])
        kept = np.array(_without_straight(vertices, mesh.vertices[vertices], straight, closed))
        curves.append(Curve(mesh.vertices[kept], closed, facets(kinks[kept])))
    return curves


def _kinks(mesh: Mesh, last: int) -> NDArray[np.int64]:
    """Name a function other than the last that is zero at each vertex, or the side it lies on."""
    kinks = np.full(len(mesh.vertices), np.iinfo(np.int64).min)
    others = mesh.labels != last
    for ends in mesh.edges[others].T:
        np.maximum.at(kinks, ends, mesh.labels[others].astype(np.int64))
    return kinks


def _next_edges(mesh: Mesh, above: NDArray[np.bool_], following: NDArray[np.int64]) -> dict[int, int]:
    """Find the boundary edge after each boundary edge, or −1 where the rectangle ends.

    An edge is named by the corner it starts at, of the polygon above zero to its left.
    """
    twin = twins(mesh)
    over = above[np.repeat(np.arange(len(above)), np.diff(mesh.offsets))]
    boundary = over & (twin >= 0) & ~over[twin]
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


def _without_straight(
    vertices: list[int], points: NDArray[np.float64], straight: float, closed: bool
) -> list[int]:
    """Leave out the vertices that lie on the line from the last one kept to the next."""
    around = list(zip(vertices, points, strict=True))
    if closed:
        # The point farthest from the middle is a corner for sure.
        first = int(np.linalg.norm(points - points.mean(axis=0), axis=1).argmax())
        around = around[first:] + around[: first + 1]
    kept = [around[0]]
    for (vertex, point), (_, following) in pairwise(around[1:]):
        along, away = following - kept[-1][1], point - kept[-1][1]
        if abs(along[0] * away[1] - along[1] * away[0]) > straight * np.linalg.norm(along):
            kept.append((vertex, point))
    return [vertex for vertex, _ in (kept if closed else [*kept, around[-1]])]
