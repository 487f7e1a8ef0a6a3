"""Room for meshes: what lies where, and the state of a cut."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ANSWERS",
    "AT",
    "CORNER",
    "CORNERS",
    "DONE",
    "EDGE",
    "EDGES",
    "FORWARD",
    "FULL",
    "GROUP",
    "LAYER",
    "MORE",
    "NETWORK",
    "N_STATE",
    "ONE",
    "PHASE",
    "POLYGONS",
    "QUERIES",
    "SIDE",
    "SPLIT",
    "TINY",
    "UNDECIDED",
    "VERTEX",
    "VERTICES",
    "ZERO",
    "Buffers",
    "grown",
    "new_buffers",
]

DONE, MORE, UNDECIDED = 0, 1, 2
"""What `cut` gives: it has ended, needs larger buffers, or asks for signs."""

(PHASE, AT, VERTICES, EDGES, POLYGONS, CORNERS, SPLIT, SIDE, FULL, QUERIES, ANSWERS) = range(11)
"""Places in the state: what is being done, from which item on, how many there are of what, which of the two
buffers of polygons is read, whether the limit was reached, how many signs are asked for and known."""
(NETWORK, LAYER, FORWARD, GROUP, N_STATE) = range(11, 16)

TINY = 1e-300
ONE = np.uint64(1)

VERTEX = np.dtype(
    [
        ("x", "f8"),
        ("y", "f8"),
        ("rounding", "f8"),
        ("shift", "f8"),
        ("a", "i4"),
        ("b", "i4"),
        ("function", "i4"),
    ],
    align=True,
)
"""A vertex, with the two between which it was made by a function; -1 for corners of the outline."""
EDGE = np.dtype(
    [
        ("a", "i4"),
        ("b", "i4"),
        ("function", "i4"),
        ("made", "i4"),
        ("vertex", "i4"),
        ("piece", "i4"),
        ("width", "f8"),
    ],
    align=True,
)
"""An edge between two vertices along which a function is zero, or -1 - i on side i of the outline; the
vertices that a cut has put on it, the first of them and of the edges behind; how far off it may be."""
CORNER = np.dtype([("vertex", "i4"), ("edge", "i4")])
"""A vertex, and the edge from it to the next, counter-clockwise."""
ZERO = np.dtype([("share", "f8"), ("error", "f8"), ("function", "i8")])
"""A function that changes sign on an edge, at a share of it."""


class Buffers(NamedTuple):
    """Room for a mesh, before and after a cut: the first axis has places to spare.

    Attributes
    ----------
    vertices : ndarray of shape (n_vertices,), VERTEX
    values : ndarray of shape (n_vertices, n_functions), float64
    signs : ndarray of shape (n_vertices, 2 * n_words), uint64
        Words of the bits of the functions above zero and of those below, in turn.
    edges : ndarray of shape (n_edges,), EDGE
    corners : ndarray of shape (2, n_corners), CORNER
    offsets : ndarray of shape (2, n_polygons + 1), int64
    above : ndarray of shape (2, n_polygons, n_all_words), uint64
        Bits of the functions above zero in a polygon.
    parents : ndarray of shape (n_polygons,), int32
        Polygon before the cut.
    arena : ndarray of shape (n_corners_at_work,), CORNER
    stack : ndarray of shape (n_polygons_at_work, 2), int64
    zeros : ndarray of shape (n_functions,), ZERO
    words : ndarray of shape (2 * n_words,), uint64
    queries, answers : ndarray of shape (n, 4) and (n, 5), int64
        Two vertices and two functions: which is zero first on the way from one to the other? -1, 0 for both,
        1. With the second vertex -1: the sign of the first function at the first vertex.
    """

    vertices: NDArray[Any]
    values: NDArray[np.float64]
    signs: NDArray[np.uint64]
    edges: NDArray[Any]
    corners: NDArray[Any]
    offsets: NDArray[np.int64]
    above: NDArray[np.uint64]
    parents: NDArray[np.int32]
    arena: NDArray[Any]
    stack: NDArray[np.int64]
    zeros: NDArray[Any]
    words: NDArray[np.uint64]
    queries: NDArray[np.int64]
    answers: NDArray[np.int64]


def new_buffers(room: int, n_functions: int, n_words: int) -> Buffers:
    """Give buffers for about so many vertices, and functions of so many words in all."""
    most = -(-n_functions // 64)
    return Buffers(
        vertices=np.empty(room, VERTEX),
        values=np.empty((room, n_functions)),
        signs=np.empty((room, 2 * most), np.uint64),
        edges=np.empty(2 * room, EDGE),
        corners=np.empty((2, 4 * room), CORNER),
        offsets=np.empty((2, room + 1), np.int64),
        above=np.empty((2, room, n_words), np.uint64),
        parents=np.empty(room, np.int32),
        arena=np.empty(room, CORNER),
        stack=np.empty((room, 2), np.int64),
        zeros=np.empty(n_functions, ZERO),
        words=np.empty(2 * most, np.uint64),
        queries=np.empty((max(room, n_functions), 4), np.int64),
        answers=np.empty((room, 5), np.int64),
    )


def grown(b: Buffers) -> Buffers:
    """Double the room."""
    larger = new_buffers(2 * len(b.vertices), b.values.shape[1], b.above.shape[2])
    for name, old in b._asdict().items():
        getattr(larger, name)[tuple(slice(n) for n in old.shape)] = old
    return larger
