"""A mesh of convex polygons cut along the zero lines of functions that are affine on each polygon.

First every edge gets a vertex wherever a function changes sign on it. Then polygon after polygon is split
until no function has both signs on it: a function splits a polygon along the chord between its two zeros, and
the chord gets its vertices at once. So no edge is ever met that a function crosses between its ends,
neighbours share vertices and whole edges, and every vertex is made once. Signs are kept as bits: a function
crosses a polygon where the bits of its corners say both signs, and others cost nothing.

All of it is one program that can stop and go on: for larger buffers, or for a sign within its rounding error.
It goes back to the start of the edge or polygon at hand then, so nothing is half done.

Rounding. A value at a vertex has an error of at most ``size * (error + rounding + shift)``: `error` is that
of the sums, `rounding` that of interpolations up to the vertex, and `shift` how far the vertex lies from the
crossing of the two exact lines, against the reach of the mesh. The shift follows from the angle of the two
lines, anew at each vertex, so it does not grow from layer to layer. Where decisions are not exact it is 0.
"""

from __future__ import annotations

import numpy as np

from relusweep.tasks.compiled import compiled
from relusweep.tasks.regions import _buffers, _edges
from relusweep.tasks.regions._buffers import (
    ANSWERS,
    AT,
    CORNERS,
    DONE,
    EDGES,
    FULL,
    MORE,
    ONE,
    PHASE,
    POLYGONS,
    QUERIES,
    SIDE,
    SPLIT,
    TINY,
    UNDECIDED,
    VERTICES,
)
from relusweep.tasks.regions._edges import part, place

__all__ = [
    "cut",
]


@compiled(_buffers, _edges, counted=False)
def cut(b, state, count, columns, sizes, error, reach, first, word, ask, limit):  # type: ignore[no-untyped-def]
    """Cut along `count` functions, of numbers `first` on, whose bits begin at a word of `above`.

    There are `columns` of values: those behind the functions cut nothing, but new vertices get them too.
    """
    n_words = (count + 63) >> 6
    if state[PHASE] == 0:
        if not _find_signs(b, state, count, n_words, sizes, error, ask):
            return UNDECIDED
        state[PHASE], state[AT], state[SPLIT] = 1, 0, state[EDGES]
    while state[PHASE] == 1 and state[AT] < state[SPLIT]:
        code = part(b, state, state[AT], columns, n_words, sizes, error, reach, first, ask)
        if code != DONE:
            return code
        state[AT] += 1
        state[ANSWERS] = 0
    if state[PHASE] == 1:
        state[PHASE], state[AT], state[SPLIT], state[CORNERS] = 2, 0, 0, 0
        b.offsets[1 - state[SIDE], 0] = 0
    while state[AT] < state[POLYGONS]:
        vertices, edges, polygons, corners = state[VERTICES], state[EDGES], state[SPLIT], state[CORNERS]
        code = _split(b, state, columns, n_words, sizes, error, reach, first, word, ask, limit)
        if code != DONE:
            state[VERTICES], state[EDGES], state[SPLIT], state[CORNERS] = vertices, edges, polygons, corners
            return code
        state[AT] += 1
        state[ANSWERS] = 0
    state[PHASE], state[AT], state[POLYGONS], state[SIDE] = 0, 0, state[SPLIT], 1 - state[SIDE]
    return DONE


@compiled(_buffers, _edges, counted=False, inlined=True)
def _find_signs(b, state, count, n_words, sizes, error, ask):  # type: ignore[no-untyped-def]
    """Find the signs of all functions at all vertices; False where some are asked for."""
    while state[AT] < state[VERTICES]:
        vertex, undecided = state[AT], 0
        scale = error + b.vertices[vertex].rounding + b.vertices[vertex].shift
        for w in range(n_words):
            above, below = np.uint64(0), np.uint64(0)
            for k in range(64 * w, min(count, 64 * w + 64)):
                value, bound = b.values[vertex, k], scale * sizes[k]
                above |= np.uint64(value > bound) << np.uint64(k & 63)
                below |= np.uint64(value < -bound) << np.uint64(k & 63)
                undecided += (abs(value) <= bound) & (bound > 0)
            b.signs[vertex, 2 * w], b.signs[vertex, 2 * w + 1] = above, below
        if ask and undecided:
            if state[QUERIES] + undecided > len(b.queries):
                return False
            for k in range(count):
                if abs(b.values[vertex, k]) <= scale * sizes[k] and sizes[k] > 0:
                    query = state[QUERIES]
                    b.queries[query, 0], b.queries[query, 1], b.queries[query, 2] = vertex, -1, k
                    state[QUERIES] += 1
        state[AT] += 1
    return state[QUERIES] == 0


@compiled(_buffers, _edges, counted=False)
def _split(b, state, columns, n_words, sizes, error, reach, first, word, ask, limit):  # type: ignore[no-untyped-def]
    """Split a polygon until no function has both signs on it."""
    waiting = state[POLYGONS] - state[AT]
    size = _lay_out(b, state[SIDE], state[AT])
    if size == 0:
        return MORE
    b.stack[0, 0], b.stack[0, 1], high = 0, size, 1
    while high:
        high -= 1
        at, size = b.stack[high, 0], b.stack[high, 1]
        k = _first_crossing(b, at, size, n_words)
        if k >= 0 and state[SPLIT] + high + waiting >= limit:
            state[FULL], k = 1, -1
        if k < 0:
            if not _keep(b, state, at, size, n_words, word):
                return MORE
            continue
        one, n_below = _corners_below(b, k, at, size)
        edge = state[EDGES]
        if edge >= len(b.edges) or high + 2 > len(b.stack):
            return MORE
        _add_chord(b, state, k, at, size, one, n_below, sizes, error, reach, first, ask)
        code = part(b, state, edge, columns, n_words, sizes, error, reach, first, ask)
        if code != DONE:
            return code
        if at + 2 * size + 2 * b.edges[edge].made + 2 > len(b.arena):
            return MORE
        _lay_out_halves(b, edge, at, size, one, n_below, high)
        high += 2
    return DONE


@compiled(_buffers, _edges, counted=False, inlined=True)
def _lay_out(b, side, polygon):  # type: ignore[no-untyped-def]
    """Lay out the corners of a polygon, and the vertices that its edges have got; 0 if there is no room."""
    size = np.int64(0)
    for at in range(b.offsets[side, polygon], b.offsets[side, polygon + 1]):
        vertex, edge = b.corners[side, at].vertex, b.corners[side, at].edge
        if size + b.edges[edge].made + 1 > len(b.arena):
            return 0
        size = _lay_out_edge(b.edges, b.arena, size, vertex, np.int64(edge))
    return size


@compiled(_buffers, _edges, counted=False, inlined=True)
def _lay_out_edge(edges, arena, at, start, edge):  # type: ignore[no-untyped-def]
    """Lay out the parts of an edge, from one of its ends on."""
    forward = edges[edge].a == start
    made, vertex, piece = edges[edge].made, edges[edge].vertex, edges[edge].piece
    arena[at].vertex = start
    arena[at if forward else at + made].edge = edge
    for i in range(made):
        arena[at + 1 + i if forward else at + made - i].vertex = vertex + i
        arena[at + 1 + i if forward else at + made - 1 - i].edge = piece + i
    return at + made + 1


@compiled(_buffers, _edges, counted=False, inlined=True)
def _first_crossing(b, at, size, n_words):  # type: ignore[no-untyped-def]
    """First function with both signs at the corners of a polygon, or -1; `words` keeps those above."""
    found = -1
    for w in range(n_words):
        above, below = np.uint64(0), np.uint64(0)
        for i in range(at, at + size):
            above |= b.signs[b.arena[i].vertex, 2 * w]
            below |= b.signs[b.arena[i].vertex, 2 * w + 1]
        b.words[w] = above
        if found < 0 and above & below:
            found = 64 * w + place(above & below)
    return found


@compiled(_buffers, _edges, counted=False, inlined=True)
def _keep(b, state, at, size, n_words, word):  # type: ignore[no-untyped-def]
    """Add a polygon to those after the cut, unless there is no room."""
    polygon, new, side, corner = state[AT], state[SPLIT], state[SIDE], state[CORNERS]
    if new + 1 >= b.offsets.shape[1] or corner + size > b.corners.shape[1]:
        return False
    for i in range(size):
        kept = b.corners[1 - side, corner + i]
        kept.vertex, kept.edge = b.arena[at + i].vertex, b.arena[at + i].edge
    for w in range(word):
        b.above[1 - side, new, w] = b.above[side, polygon, w]
    for w in range(n_words):
        b.above[1 - side, new, word + w] = b.words[w]
    b.parents[new] = polygon
    b.offsets[1 - side, new + 1] = corner + size
    state[SPLIT], state[CORNERS] = new + 1, corner + size
    return True


@compiled(_buffers, _edges, counted=False, inlined=True)
def _corners_below(b, k, at, size):  # type: ignore[no-untyped-def]
    """Find the zero of a function before the corners below zero, and how many corners these are."""
    w, bit, last = 2 * (k >> 6), ONE << np.uint64(k & 63), at + size - 1
    i = at
    while not b.signs[b.arena[i].vertex, w] & bit:
        i += 1
    while not b.signs[b.arena[i].vertex, w + 1] & bit:
        i = i + 1 if i < last else at
    one, passed, n_below = i - 1 if i > at else last, 0, 0
    while not b.signs[b.arena[i].vertex, w] & bit:
        passed += 1
        if b.signs[b.arena[i].vertex, w + 1] & bit:
            n_below = passed
        i = i + 1 if i < last else at
    return one, n_below


@compiled(_buffers, _edges, counted=False, inlined=True)
def _add_chord(b, state, k, at, size, one, n_below, sizes, error, reach, first, ask):  # type: ignore[no-untyped-def]
    """Add the edge along which a function is zero in a polygon."""
    chord = b.edges[state[EDGES]]
    chord.a, chord.b = b.arena[one].vertex, b.arena[_around(one + n_below + 1, at, size)].vertex
    chord.function, chord.width = first + k, 0.0
    state[EDGES] += 1
    if ask:
        start, slope, shift = b.vertices[chord.a], TINY, 0.0
        for i in range(n_below):
            place = b.arena[_around(one + 1 + i, at, size)].vertex
            away = max(
                abs(b.vertices[place].x - start.x) / reach[0], abs(b.vertices[place].y - start.y) / reach[1]
            )
            slope = max(slope, abs(b.values[place, k]) / max(away, TINY))
        for end in (chord.a, chord.b):
            if b.vertices[end].function != chord.function:
                shift = max(shift, b.vertices[end].shift)
        rounding = max(b.vertices[chord.a].rounding, b.vertices[chord.b].rounding)
        chord.width = 2 * sizes[k] * (error + rounding + shift) / slope


@compiled(_buffers, _edges, counted=False, inlined=True)
def _around(i, at, size):  # type: ignore[no-untyped-def]
    return i - size if i >= at + size else i


@compiled(_buffers, _edges, counted=False, inlined=True)
def _lay_out_halves(b, edge, at, size, one, n_below, high):  # type: ignore[no-untyped-def]
    """Lay out the two sides of a chord behind the polygon that it splits."""
    to = at + size
    b.stack[high, 0] = to
    for i in range(n_below + 1):
        _copy(b.arena, _around(one + i, at, size), to + i)
    other = _around(one + n_below + 1, at, size)
    to = _lay_out_edge(b.edges, b.arena, to + n_below + 1, b.arena[other].vertex, edge)
    b.stack[high, 1], b.stack[high + 1, 0] = to - b.stack[high, 0], to
    for i in range(size - n_below - 1):
        _copy(b.arena, _around(other + i, at, size), to + i)
    to = _lay_out_edge(b.edges, b.arena, to + size - n_below - 1, b.arena[one].vertex, edge)
    b.stack[high + 1, 1] = to - b.stack[high + 1, 0]


@compiled(_buffers, _edges, counted=False, inlined=True)
def _copy(arena, from_, to):  # type: ignore[no-untyped-def]
    arena[to].vertex, arena[to].edge = arena[from_].vertex, arena[from_].edge
