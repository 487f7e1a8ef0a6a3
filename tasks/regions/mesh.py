"""Meshes of convex polygons in the plane, and how functions that are affine on each polygon cut them.

What the functions are is not asked: units of a layer, kinks of an activation, differences of two inputs of a
maximum. So whoever brings values at the vertices can cut, layer after layer, along what any network computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.regions._buffers import (
    EDGES,
    FULL,
    MORE,
    N_STATE,
    POLYGONS,
    SIDE,
    VERTICES,
    Buffers,
    grown,
    new_buffers,
)
from relusweep.tasks.regions._checks import checked_limit
from relusweep.tasks.regions._cutting import cut

__all__ = [
    "Cut",
    "Mesh",
    "Records",
    "convex_polygon",
    "cut_mesh",
    "following_corners",
    "mesh_of",
    "taken",
    "twins",
    "unpacked",
]


@dataclass(frozen=True)
class Mesh:
    """Convex polygons that fill a convex polygon; neighbours share vertices and whole edges.

    Attributes
    ----------
    vertices : ndarray of shape (n_vertices, 2), float64
    corners : ndarray of shape (n_corners,), int32
        Vertex of each corner, polygon after polygon, counter-clockwise.
    sides : ndarray of shape (n_corners,), int32
        Edge from each corner to the next one of its polygon.
    offsets : ndarray of shape (n_polygons + 1,), int64
        First corner of each polygon, and the number of corners.
    edges : ndarray of shape (n_edges, 2), int32
        Vertices at the ends of each edge.
    labels : ndarray of shape (n_edges,), int32
        Function that is zero along the edge, counted through all cuts; -1 - i on side i of the outline.
    origins : ndarray of shape (n_vertices, 3), int32
        Two vertices, and the function by whose zero between them this vertex was made; -1 at the first ones.
    rounding : ndarray of shape (n_vertices,), float64
        Error of a value at a vertex that comes from the vertex itself, against the size of its function.
    """

    vertices: NDArray[np.float64]
    corners: NDArray[np.int32]
    sides: NDArray[np.int32]
    offsets: NDArray[np.int64]
    edges: NDArray[np.int32]
    labels: NDArray[np.int32]
    origins: NDArray[np.int32]
    rounding: NDArray[np.float64]


@dataclass(frozen=True)
class Cut:
    """What a cut makes of a mesh.

    Attributes
    ----------
    mesh : Mesh
        The first vertices are those there were.
    values : ndarray of shape (n_vertices, n_functions), float64
        At all vertices, also the new ones; zero where a function has cut.
    parents : ndarray of shape (n_polygons,), int32
        The polygon before the cut that each one is a part of.
    above : ndarray of shape (n_polygons, n_functions), bool
        Whether a function is above zero in a polygon.
    complete : bool
        Whether all was cut; False if there would be more polygons than the limit.
    """

    mesh: Mesh
    values: NDArray[np.float64]
    parents: NDArray[np.int32]
    above: NDArray[np.bool_]
    complete: bool


class Records(NamedTuple):
    """A mesh as it lies in the buffers: vertices, edges and corners as records, and offsets."""

    vertices: NDArray[Any]
    edges: NDArray[Any]
    corners: NDArray[Any]
    offsets: NDArray[np.int64]


def convex_polygon(corners: ArrayLike) -> Mesh:
    """Give the mesh of one polygon.

    Parameters
    ----------
    corners : array_like of shape (n_corners, 2)
        Counter-clockwise. Side i goes from corner i to the next.

    Returns
    -------
    Mesh

    Raises
    ------
    ValueError
        If there are fewer than three corners, one is not finite, or the polygon is clockwise or not convex.
    """
    points = np.array(corners, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3 or not np.isfinite(points).all():
        raise ValueError(f"a polygon is three or more finite corners, an array (n, 2); got {corners!r}")
    _check_convex(points)
    n = len(points)
    around = np.arange(n, dtype=np.int32)
    return Mesh(
        points,
        around,
        around,
        np.array([0, n]),
        np.column_stack([around, np.roll(around, -1)]),
        -1 - around,
        np.full((n, 3), -1, np.int32),
        np.zeros(n),
    )


def cut_mesh(
    mesh: Mesh,
    values: ArrayLike,
    sizes: ArrayLike,
    error: float,
    *,
    first: int = 0,
    limit: int = 10**6,
) -> Cut:
    """Cut a mesh where functions that are affine on each of its polygons change sign.

    Parameters
    ----------
    mesh : Mesh
    values : array_like of shape (n_vertices, n_functions)
        The functions at the vertices.
    sizes : array_like of shape (n_functions,)
        The largest absolute value that each could have: what its sum comes to with all terms positive.
    error : float
        Rounding error of the values, against the sizes. What is smaller counts as zero.
    first : int
        Number of the first function, for the labels: how many have cut before.
    limit : int
        Most polygons. Polygons left uncut by then stay whole.

    Returns
    -------
    Cut

    Raises
    ------
    ValueError
        If there is not a finite value for each vertex and a size for each function, an error or a size is
        negative, or the limit is below 1.

    Examples
    --------
    A square cut by x and by x + y:

    >>> square = convex_polygon([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    >>> cut = cut_mesh(square, square.vertices @ [[1, 1], [0, 1]], [1, 2], 1e-15)
    >>> len(cut.parents), cut.mesh.vertices[-1].tolist()
    (4, [0.0, 0.0])
    """
    given, scales = np.asarray(values, np.float64), np.asarray(sizes, np.float64)
    _check_functions(mesh, given, scales, error)
    count, limit = given.shape[1], checked_limit(limit)
    n_words = -(-count // 64)
    b = new_buffers(4 * len(mesh.corners) + 64, count, n_words)
    state = np.zeros(N_STATE, np.int64)
    load(b, state, mesh)
    b.values[: len(given)] = given
    reach = np.abs(mesh.vertices).max(axis=0)
    while cut(b, state, count, count, scales, error, reach, first, 0, False, limit) == MORE:
        b = grown(b)
    bits = np.ascontiguousarray(b.above[state[SIDE], : state[POLYGONS]])
    return Cut(
        mesh_of(taken(b, state)),
        b.values[: state[VERTICES]].copy(),
        b.parents[: state[POLYGONS]].copy(),
        unpacked(bits, count),
        not state[FULL],
    )


def _check_convex(points: NDArray[np.float64]) -> None:
    steps = np.roll(points, -1, axis=0) - points
    before = np.roll(steps, 1, axis=0)
    turns = np.arctan2(before[:, 0] * steps[:, 1] - before[:, 1] * steps[:, 0], (before * steps).sum(axis=1))
    apart = (steps != 0).any(axis=1)
    if not (apart & (turns > -1e-9) & (turns < np.pi - 1e-9)).all() or not np.isclose(turns.sum(), 2 * np.pi):
        raise ValueError(f"corners go once around a convex polygon, counter-clockwise; got {points.tolist()}")


def _check_functions(
    mesh: Mesh, values: NDArray[np.float64], sizes: NDArray[np.float64], error: float
) -> None:
    if values.ndim != 2 or len(values) != len(mesh.vertices) or sizes.shape != values.shape[1:]:
        raise ValueError(
            f"functions have values ({len(mesh.vertices)} vertices, n_functions) and sizes (n_functions,), "
            f"got shapes {values.shape} and {sizes.shape}"
        )
    if not np.isfinite(values).all() or not np.isfinite(sizes).all():
        raise ValueError("values and sizes are finite; got NaN or infinity")
    if (sizes < 0).any() or not 0 <= error < 1:
        raise ValueError(f"sizes are at least 0, the error from 0 to below 1; got {sizes} and {error}")


def following_corners(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Next corner, counter-clockwise, of each corner of polygons that begin at the offsets."""
    following = np.arange(1, offsets[-1] + 1)
    following[offsets[1:] - 1] = offsets[:-1]
    return following


def twins(mesh: Mesh) -> NDArray[np.int64]:
    """Give the corner where the same edge begins on its other side, or -1: shape (n_corners,)."""
    order = np.argsort(mesh.sides, kind="stable")
    shared = np.flatnonzero(mesh.sides[order[1:]] == mesh.sides[order[:-1]])
    twin = np.full(len(order), -1)
    twin[order[shared]], twin[order[shared + 1]] = order[shared + 1], order[shared]
    return twin


def load(b: Buffers, state: NDArray[np.int64], mesh: Mesh) -> None:
    """Copy a mesh into buffers."""
    state[VERTICES], state[EDGES], state[POLYGONS] = (
        len(mesh.vertices),
        len(mesh.edges),
        len(mesh.offsets) - 1,
    )
    vertices, edges = b.vertices[: state[VERTICES]], b.edges[: state[EDGES]]
    corners = b.corners[state[SIDE], : len(mesh.corners)]
    vertices["x"], vertices["y"] = mesh.vertices.T
    vertices["a"], vertices["b"], vertices["function"] = mesh.origins.T
    vertices["rounding"], vertices["shift"] = mesh.rounding, 0.0
    edges["a"], edges["b"] = mesh.edges.T
    edges["function"], edges["width"] = mesh.labels, 0.0
    corners["vertex"], corners["edge"] = mesh.corners, mesh.sides
    b.offsets[state[SIDE], : len(mesh.offsets)] = mesh.offsets


def taken(b: Buffers, state: NDArray[np.int64]) -> Records:
    """Copy the records of a mesh out of buffers."""
    offsets = b.offsets[state[SIDE], : state[POLYGONS] + 1].copy()
    return Records(
        _copied(b.vertices[: state[VERTICES]]),
        _copied(b.edges[: state[EDGES]]),
        _copied(b.corners[state[SIDE], : offsets[-1]]),
        offsets,
    )


def _copied(records: NDArray[Any]) -> NDArray[Any]:
    """Copy bytes: field by field, as NumPy does, takes ten times as long."""
    return np.frombuffer(records.tobytes(), records.dtype)


def mesh_of(records: Records) -> Mesh:
    """Make a mesh of its records."""
    vertices, edges, corners, offsets = records
    return Mesh(
        np.column_stack([vertices["x"], vertices["y"]]),
        corners["vertex"].copy(),
        corners["edge"].copy(),
        offsets,
        np.column_stack([edges["a"], edges["b"]]),
        edges["function"].copy(),
        np.column_stack([vertices["a"], vertices["b"], vertices["function"]]),
        vertices["rounding"].copy(),
    )


def unpacked(bits: NDArray[np.uint64], count: int) -> NDArray[np.bool_]:
    """Bits of words as booleans: shape (n, n_words) to (n, count)."""
    flat = np.unpackbits(bits.astype("<u8").view(np.uint8), axis=1, count=count, bitorder="little")
    return flat.view(np.bool_)
