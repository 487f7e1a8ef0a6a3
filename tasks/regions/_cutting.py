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

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.compiled import compiled

__all__ = [
    "DONE",
    "MORE",
    "UNDECIDED",
    "Buffers",
    "cut",
    "grown",
    "new_buffers",
]

DONE, MORE, UNDECIDED = 0, 1, 2
"""What `cut` gives: it has ended, needs larger buffers, or asks for signs."""

(PHASE, AT, VERTICES, EDGES, POLYGONS, CORNERS, SPLIT, SIDE, FULL, QUERIES, ANSWERS) = range(11)
"""Places in the state: what is being done, from which item on, how many there are of what, which of the two
buffers of polygons is read, whether the limit was reached, how many signs are asked for and known."""
(NETWORK, LAYER, FORWARD, N_STATE) = range(11, 15)

_TINY = 1e-300
_ROUNDING = 4 * float(np.finfo(np.float64).eps)
_ONE = np.uint64(1)
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_PLACES = np.zeros(64, np.int64)
_PLACES[[(0x03F79D71B4CB0A89 << i & (1 << 64) - 1) >> 58 for i in range(64)]] = np.arange(64)

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


@compiled(counted=False)
def cut(b, state, count, sizes, error, reach, first, word, ask, limit):  # type: ignore[no-untyped-def]
    """Cut along `count` functions, of numbers `first` on, whose bits begin at a word of `above`."""
    n_words = (count + 63) >> 6
    if state[PHASE] == 0:
        if not _find_signs(b, state, count, n_words, sizes, error, ask):
            return UNDECIDED
        state[PHASE], state[AT], state[SPLIT] = 1, 0, state[EDGES]
    while state[PHASE] == 1 and state[AT] < state[SPLIT]:
        code = _part(b, state, state[AT], count, n_words, sizes, error, reach, first, ask)
        if code != DONE:
            return code
        state[AT] += 1
        state[ANSWERS] = 0
    if state[PHASE] == 1:
        state[PHASE], state[AT], state[SPLIT], state[CORNERS] = 2, 0, 0, 0
        b.offsets[1 - state[SIDE], 0] = 0
    while state[AT] < state[POLYGONS]:
        vertices, edges, polygons, corners = state[VERTICES], state[EDGES], state[SPLIT], state[CORNERS]
        code = _split(b, state, count, n_words, sizes, error, reach, first, word, ask, limit)
        if code != DONE:
            state[VERTICES], state[EDGES], state[SPLIT], state[CORNERS] = vertices, edges, polygons, corners
            return code
        state[AT] += 1
        state[ANSWERS] = 0
    state[PHASE], state[AT], state[POLYGONS], state[SIDE] = 0, 0, state[SPLIT], 1 - state[SIDE]
    return DONE


@compiled(counted=False, inlined=True)
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


@compiled(counted=False, inlined=True)
def _place(bits):  # type: ignore[no-untyped-def]
    """Place of the lowest bit."""
    return _PLACES[((bits & (~bits + _ONE)) * _DE_BRUIJN) >> np.uint64(58)]


@compiled(counted=False, inlined=True)
def _part(b, state, edge, count, n_words, sizes, error, reach, first, ask):  # type: ignore[no-untyped-def]
    """Put vertices on an edge wherever functions change sign on it."""
    start, end = np.int64(b.edges[edge].a), np.int64(b.edges[edge].b)
    b.edges[edge].made = 0
    crossed = np.uint64(0)
    for w in range(0, 2 * n_words, 2):
        crossed |= b.signs[start, w] & b.signs[end, w + 1] | b.signs[start, w + 1] & b.signs[end, w]
    if crossed == 0:
        return DONE
    return _put_vertices(b, state, edge, start, end, count, n_words, sizes, error, reach, first, ask)


@compiled(counted=False)
def _put_vertices(b, state, edge, start, end, count, n_words, sizes, error, reach, first, ask):  # type: ignore[no-untyped-def]
    """Put vertices on an edge that some functions cross."""
    one, other, width = b.vertices[start], b.vertices[end], b.edges[edge].width
    across_x, across_y = other.x - one.x, other.y - one.y
    length = max(abs(across_x) / reach[0], abs(across_y) / reach[1])
    rounding = max(one.rounding, other.rounding)
    n = _find_zeros(b, start, end, n_words, sizes, error + rounding + width, width / max(length, _TINY))
    if state[VERTICES] + n > len(b.vertices) or state[EDGES] + n > len(b.edges):
        return MORE
    if n > 1:
        _sort(b, state, start, end, n, ask)
        if state[QUERIES]:
            return UNDECIDED
    for w in range(0, 2 * n_words, 2):
        up, down = b.signs[start, w], b.signs[start, w + 1]
        b.words[w], b.words[w + 1] = up | b.signs[end, w] & ~down, down | b.signs[end, w + 1] & ~up
    vertex, last = state[VERTICES] - 1, np.int64(0)
    for i in range(n):
        share, k = b.zeros[i].share, b.zeros[i].function
        if i == 0 or _order(b, state, start, end, last, i, ask) != 0:
            vertex, last = vertex + 1, np.int64(i)
            for column in range(count):
                value = b.values[start, column]
                b.values[vertex, column] = value + share * (b.values[end, column] - value)
            for w in range(2 * n_words):
                b.signs[vertex, w] = b.words[w]
            made = b.vertices[vertex]
            made.x, made.y, made.rounding = (
                one.x + share * across_x,
                one.y + share * across_y,
                rounding + _ROUNDING,
            )
            made.shift = b.zeros[i].error * length + width if ask else 0.0
            made.a, made.b, made.function = start, end, first + k
        else:
            b.vertices[vertex].rounding += length * (share - b.zeros[last].share)
        b.values[vertex, k] = 0.0
        bit, w = _ONE << np.uint64(k & 63), 2 * (k >> 6)
        b.signs[vertex, w] &= ~bit
        b.signs[vertex, w + 1] &= ~bit
        b.words[w] ^= bit
        b.words[w + 1] ^= bit
    _put_edges(b.edges, state, edge, vertex + 1 - state[VERTICES], end)
    return DONE


@compiled(counted=False, inlined=True)
def _put_edges(edges, state, edge, made, end):  # type: ignore[no-untyped-def]
    """Make the edges behind the vertices that an edge has got."""
    vertex, piece = state[VERTICES], state[EDGES]
    edges[edge].b, edges[edge].made, edges[edge].vertex, edges[edge].piece = vertex, made, vertex, piece
    for i in range(made):
        part = edges[piece + i]
        part.a, part.b = vertex + i, vertex + i + 1
        part.function, part.width = edges[edge].function, edges[edge].width
    edges[piece + made - 1].b = end
    state[VERTICES], state[EDGES] = vertex + made, piece + made


@compiled(counted=False, inlined=True)
def _find_zeros(b, start, end, n_words, sizes, bound, shift):  # type: ignore[no-untyped-def]
    """List the functions that change sign on an edge, the shares of it where they do, and their errors."""
    n = 0
    for w in range(0, 2 * n_words, 2):
        down = b.signs[start, w] & b.signs[end, w + 1]
        bits = down | b.signs[start, w + 1] & b.signs[end, w]
        while bits:
            lowest = bits & (~bits + _ONE)
            k = 32 * w + _place(lowest)
            bits ^= lowest
            before, after = b.values[start, k], b.values[end, k]
            before, after = (before, -after) if down & lowest else (-before, after)
            before, after = max(before, 0.0), max(after, 0.0)
            whole, error = before + after, 2 * bound * sizes[k]
            zero = b.zeros[n]
            zero.function = k
            zero.share = before / whole if whole > 0 else 0.5
            zero.error = error / whole + shift + _ROUNDING if whole > error else 1.0
            n += 1
    return n


@compiled(counted=False)
def _order(b, state, start, end, i, j, ask):  # type: ignore[no-untyped-def]
    """Compare the zeros of two functions on an edge: negative, 0 for equal or not known, positive."""
    apart = b.zeros[i].share - b.zeros[j].share
    if abs(apart) > b.zeros[i].error + b.zeros[j].error:
        return apart
    if not ask:
        return 0.0
    one, other = b.zeros[i].function, b.zeros[j].function
    low, high = min(one, other), max(one, other)
    for k in range(state[ANSWERS]):
        same_edge = b.answers[k, 0] == start and b.answers[k, 1] == end
        if same_edge and b.answers[k, 2] == low and b.answers[k, 3] == high:
            return float(b.answers[k, 4] if one < other else -b.answers[k, 4])
    query = state[QUERIES]
    if query < len(b.queries):
        b.queries[query, 0], b.queries[query, 1], b.queries[query, 2], b.queries[query, 3] = (
            start,
            end,
            low,
            high,
        )
        state[QUERIES] += 1
    return 0.0


@compiled(counted=False)
def _sort(b, state, start, end, n, ask):  # type: ignore[no-untyped-def]
    """Sort functions by their zeros on an edge: Shell's method with Ciura's gaps."""
    for gap in (1750, 701, 301, 132, 57, 23, 10, 4, 1):
        for i in range(gap, n):
            j = i
            while j >= gap:
                order = _order(b, state, start, end, j - gap, j, ask)
                one, other = b.zeros[j - gap], b.zeros[j]
                if order < 0 or (order == 0 and one.share <= other.share):
                    break
                one.function, other.function = other.function, one.function
                one.share, other.share = other.share, one.share
                one.error, other.error = other.error, one.error
                j -= gap


@compiled(counted=False)
def _split(b, state, count, n_words, sizes, error, reach, first, word, ask, limit):  # type: ignore[no-untyped-def]
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
        code = _part(b, state, edge, count, n_words, sizes, error, reach, first, ask)
        if code != DONE:
            return code
        if at + 2 * size + 2 * b.edges[edge].made + 2 > len(b.arena):
            return MORE
        _lay_out_halves(b, edge, at, size, one, n_below, high)
        high += 2
    return DONE


@compiled(counted=False, inlined=True)
def _lay_out(b, side, polygon):  # type: ignore[no-untyped-def]
    """Lay out the corners of a polygon, and the vertices that its edges have got; 0 if there is no room."""
    size = np.int64(0)
    for at in range(b.offsets[side, polygon], b.offsets[side, polygon + 1]):
        vertex, edge = b.corners[side, at].vertex, b.corners[side, at].edge
        if size + b.edges[edge].made + 1 > len(b.arena):
            return 0
        size = _lay_out_edge(b.edges, b.arena, size, vertex, np.int64(edge))
    return size


@compiled(counted=False, inlined=True)
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


@compiled(counted=False, inlined=True)
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
            found = 64 * w + _place(above & below)
    return found


@compiled(counted=False, inlined=True)
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


@compiled(counted=False, inlined=True)
def _corners_below(b, k, at, size):  # type: ignore[no-untyped-def]
    """Find the zero of a function before the corners below zero, and how many corners these are."""
    w, bit, last = 2 * (k >> 6), _ONE << np.uint64(k & 63), at + size - 1
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


@compiled(counted=False, inlined=True)
def _add_chord(b, state, k, at, size, one, n_below, sizes, error, reach, first, ask):  # type: ignore[no-untyped-def]
    """Add the edge along which a function is zero in a polygon."""
    chord = b.edges[state[EDGES]]
    chord.a, chord.b = b.arena[one].vertex, b.arena[_around(one + n_below + 1, at, size)].vertex
    chord.function, chord.width = first + k, 0.0
    state[EDGES] += 1
    if ask:
        start, slope, shift = b.vertices[chord.a], _TINY, 0.0
        for i in range(n_below):
            place = b.arena[_around(one + 1 + i, at, size)].vertex
            away = max(
                abs(b.vertices[place].x - start.x) / reach[0], abs(b.vertices[place].y - start.y) / reach[1]
            )
            slope = max(slope, abs(b.values[place, k]) / max(away, _TINY))
        for end in (chord.a, chord.b):
            if b.vertices[end].function != chord.function:
                shift = max(shift, b.vertices[end].shift)
        rounding = max(b.vertices[chord.a].rounding, b.vertices[chord.b].rounding)
        chord.width = 2 * sizes[k] * (error + rounding + shift) / slope


@compiled(counted=False, inlined=True)
def _around(i, at, size):  # type: ignore[no-untyped-def]
    return i - size if i >= at + size else i


@compiled(counted=False, inlined=True)
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


@compiled(counted=False, inlined=True)
def _copy(arena, from_, to):  # type: ignore[no-untyped-def]
    arena[to].vertex, arena[to].edge = arena[from_].vertex, arena[from_].edge
