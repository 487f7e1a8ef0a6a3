"""Polygons joined again where the same rows are the largest of their units.

The differences of every two rows have cut the mesh, also where a third row is larger than both. What remains
is one convex polygon for each part of a polygon before the cut in which one row of every unit is the largest.
Vertices and edges inside of it stay in the buffers, but belong to no polygon.
"""

from __future__ import annotations

import numpy as np

from relusweep.tasks.compiled import compiled
from relusweep.tasks.regions import _buffers
from relusweep.tasks.regions._buffers import EDGES, ONE, POLYGONS, SIDE, VERTICES

__all__ = ["merge"]

_SHARED = -2
_INSIDE = np.iinfo(np.int32).min


@compiled(_buffers)
def merge(b, state, n_rows, group, word):  # type: ignore[no-untyped-def]
    """Join the polygons of a cut; the bits from a word of `above` on become those of the largest rows."""
    n, side, new, end = state[POLYGONS], state[SIDE], 0, 0
    n_words = (max(n_rows, n_rows * (group - 1) // 2) + 63) >> 6
    members, joined = np.empty(n, np.int64), np.zeros(n, np.bool_)
    seen, start = np.full(state[EDGES], -1), np.full(state[VERTICES], -1)
    for polygon in range(n):
        _mark_largest(b.above[side, polygon], n_rows, group, word, n_words, b.words)
    b.offsets[1 - side, 0] = 0
    for polygon in range(n):
        if joined[polygon]:
            continue
        parent, other, size = b.parents[polygon], polygon, 0
        while other < n and b.parents[other] == parent:
            if not joined[other] and _alike(b.above[side], polygon, other, word, n_words):
                members[size], joined[other], size = other, True, size + 1
            other += 1
        _outline(b, side, polygon, members[:size], seen, start)
        for other in members[:size]:
            for corner in range(b.offsets[side, other], b.offsets[side, other + 1]):
                if start[b.corners[side, corner].vertex] == corner:
                    end = _walk(b, side, corner, end, start)
                    b.above[1 - side, new] = b.above[side, polygon]
                    b.parents[new], b.offsets[1 - side, new + 1], new = parent, end, new + 1
    state[POLYGONS], state[SIDE] = new, 1 - side


@compiled(_buffers, counted=False)
def _mark_largest(above, n_rows, group, word, n_words, words):  # type: ignore[no-untyped-def]
    """Put bits of the largest rows in the place of those of differences; of equal rows the last counts."""
    for w in range(n_words):
        words[w] = 0
    pairs = group * (group - 1) // 2
    for first in range(0, n_rows, group):
        largest, pair = 0, first // group * pairs
        for row in range(1, group):
            # the difference of rows i < j is the pair before which those of rows below i stand
            k = pair + largest * (2 * group - largest - 1) // 2 + row - largest - 1
            if not (above[word + (k >> 6)] >> np.uint64(k & 63)) & ONE:
                largest = row
        k = first + largest
        words[k >> 6] |= ONE << np.uint64(k & 63)
    for w in range(n_words):
        above[word + w] = words[w]


@compiled(_buffers, counted=False, inlined=True)
def _alike(above, polygon, other, word, n_words):  # type: ignore[no-untyped-def]
    same = True
    for w in range(word, word + n_words):
        same &= above[polygon, w] == above[other, w]
    return same


@compiled(_buffers, counted=False)
def _outline(b, side, stamp, members, seen, start):  # type: ignore[no-untyped-def]
    """Note at each vertex around some polygons the corner from which the outline goes on."""
    for polygon in members:
        for corner in range(b.offsets[side, polygon], b.offsets[side, polygon + 1]):
            edge = b.corners[side, corner].edge
            if seen[edge] == stamp:
                seen[edge], b.edges[edge].function = _SHARED, _INSIDE
            else:
                seen[edge] = stamp
    for polygon in members:
        for corner in range(b.offsets[side, polygon], b.offsets[side, polygon + 1]):
            at = b.corners[side, corner]
            if seen[at.edge] == stamp:
                start[at.vertex] = corner


@compiled(_buffers, counted=False)
def _walk(b, side, corner, end, start):  # type: ignore[no-untyped-def]
    """Write the corners around an outline behind others; give where they end."""
    while corner >= 0:
        at, kept = b.corners[side, corner], b.corners[1 - side, end]
        kept.vertex, kept.edge, end = at.vertex, at.edge, end + 1
        start[at.vertex] = -1
        edge = b.edges[at.edge]
        corner = start[edge.b if edge.a == at.vertex else edge.a]
    return end
