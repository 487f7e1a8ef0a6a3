"""A mesh of convex polygons cut along the zero lines of functions that are affine on each polygon.

First every edge gets a vertex wherever a function changes sign on it. Then polygon after polygon is split
until no function has both signs on it: a function splits a polygon along the chord between its two zeros, and
the chord gets its vertices at once. So no edge is ever met that a function crosses between its ends,
neighbours share vertices and whole edges, and every vertex is made once. Signs are kept as bits: a function
crosses a polygon where the bits of its corners say both signs, and others cost nothing.

All of it is one program that can stop and go on: for larger buffers, or for a sign within its rounding error.
It goes back to the start of the edge or polygon at hand then, so nothing is half done.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.compiled import compiled

__all__ = [
    "AT",
    "CORNERS",
    "DONE",
    "EDGES",
    "FULL",
    "MORE",
    "PHASE",
    "POLYGONS",
    "QUERIES",
    "SIDE",
    "UNDECIDED",
    "VERTICES",
    "Buffers",
    "cut",
]

DONE, MORE, UNDECIDED = 0, 1, 2
"""What `cut` gives: it has ended, needs larger buffers, or asks for signs."""

(PHASE, AT, VERTICES, EDGES, POLYGONS, CORNERS, SPLIT, SIDE, FULL, QUERIES, ANSWERS, N_STATE) = range(12)
"""Places in the state: what is being done, from which item on, how many there are of what, which of the two
buffers of polygons is read, whether the limit was reached, how many signs are asked for and known."""

_ROUNDING = 4 * float(np.finfo(np.float64).eps)
_ONE = np.uint64(1)
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_PLACES = np.zeros(64, np.int64)
_PLACES[[(0x03F79D71B4CB0A89 << i & (1 << 64) - 1) >> 58 for i in range(64)]] = np.arange(64)


class Buffers(NamedTuple):
    """Room for a mesh, before and after a cut: the first axis has places to spare.

    Attributes
    ----------
    points : ndarray of shape (n_vertices, 2), float64
    values : ndarray of shape (n_vertices, n_functions), float64
    rounding : ndarray of shape (n_vertices,), float64
        Error of a value at a vertex that is due to the vertex, against the size of its function.
    origins : ndarray of shape (n_vertices, 3), int32
        Two vertices and the function that is zero between them: there the vertex was made. -1 at others.
    signs : ndarray of shape (n_vertices, 2, n_words), uint64
        Bits of the functions above zero, and of those below.
    edges : ndarray of shape (n_edges, 3), int32
        Two vertices and the function that is zero along it, or -1 - i on side i of the outline.
    parts : ndarray of shape (n_edges, 3), int32
        How many vertices have been put on an edge, and the first of them and of the edges behind it.
    corners : ndarray of shape (2, n_corners, 2), int32
        Vertex of each corner, counter-clockwise, and the edge from it to the next.
    offsets : ndarray of shape (2, n_polygons + 1), int64
    above : ndarray of shape (2, n_polygons, n_all_words), uint64
        Bits of the functions above zero in a polygon.
    parents : ndarray of shape (n_polygons,), int32
        Polygon before the cut.
    arena : ndarray of shape (n_corners_at_work, 2), int32
    stack : ndarray of shape (n_polygons_at_work, 2), int64
    crossing : ndarray of shape (n_functions,), int32
    shares, errors : ndarray of shape (n_functions,), float64
    words : ndarray of shape (3, n_words), uint64
    queries, answers : ndarray of shape (n, 4) and (n, 5), int32
        Two vertices and two functions: which is zero first on the way from one to the other? -1, 0 for both,
        1. With the second vertex -1: the sign of the first function at the first vertex.
    """

    points: NDArray[np.float64]
    values: NDArray[np.float64]
    rounding: NDArray[np.float64]
    origins: NDArray[np.int32]
    signs: NDArray[np.uint64]
    edges: NDArray[np.int32]
    parts: NDArray[np.int32]
    corners: NDArray[np.int32]
    offsets: NDArray[np.int64]
    above: NDArray[np.uint64]
    parents: NDArray[np.int32]
    arena: NDArray[np.int32]
    stack: NDArray[np.int64]
    crossing: NDArray[np.int32]
    shares: NDArray[np.float64]
    errors: NDArray[np.float64]
    words: NDArray[np.uint64]
    queries: NDArray[np.int32]
    answers: NDArray[np.int32]


@compiled(counted=False)
def cut(b: Buffers, state, count, sizes, error, reach, first, word, ask, limit) -> Any:  # type: ignore[no-untyped-def]
    """Cut along `count` functions, of numbers `first` on, whose bits begin at a word of `above`."""
    n_words = (count + 63) >> 6
    if state[PHASE] == 0:
        code = _find_signs(b, state, count, n_words, sizes, error, ask)
        if code != DONE:
            return code
        state[PHASE], state[AT], state[SPLIT] = 1, 0, state[EDGES]
    if state[PHASE] == 1:
        while state[AT] < state[SPLIT]:
            code = _part(b, state, state[AT], count, n_words, sizes, error, reach, first, ask)
            if code != DONE:
                return code
            state[AT] += 1
            state[ANSWERS] = 0
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


@compiled(counted=False)
def _find_signs(b, state, count, n_words, sizes, error, ask):  # type: ignore[no-untyped-def]
    """Find the signs of all functions at all vertices."""
    for vertex in range(state[AT], state[VERTICES]):
        scale, undecided = error + b.rounding[vertex], 0
        for w in range(n_words):
            above, below = np.uint64(0), np.uint64(0)
            for k in range(64 * w, min(count, 64 * w + 64)):
                value, bound = b.values[vertex, k], scale * sizes[k]
                above |= np.uint64(value > bound) << np.uint64(k & 63)
                below |= np.uint64(value < -bound) << np.uint64(k & 63)
                undecided += (abs(value) <= bound) & (bound > 0)
            b.signs[vertex, 0, w], b.signs[vertex, 1, w] = above, below
        if ask and undecided:
            if state[QUERIES] + undecided > len(b.queries):
                state[AT] = vertex
                return MORE if state[QUERIES] == 0 else UNDECIDED
            for k in range(count):
                if abs(b.values[vertex, k]) <= scale * sizes[k] and sizes[k] > 0:
                    _ask(b, state, vertex, -1, k, k)
    state[AT] = state[VERTICES]
    return UNDECIDED if state[QUERIES] else DONE


@compiled(counted=False)
def _ask(b, state, start, end, j, k):  # type: ignore[no-untyped-def]
    if state[QUERIES] < len(b.queries):
        query = state[QUERIES]
        b.queries[query, 0], b.queries[query, 1], b.queries[query, 2], b.queries[query, 3] = start, end, j, k
        state[QUERIES] += 1


@compiled(counted=False)
def _place(bits):  # type: ignore[no-untyped-def]
    """Place of the lowest bit."""
    return _PLACES[((bits & (~bits + _ONE)) * _DE_BRUIJN) >> np.uint64(58)]


@compiled(counted=False)
def _order(b, state, start, end, i, j, ask):  # type: ignore[no-untyped-def]
    """Compare the zeros of two of the crossing functions on an edge: negative, 0 for equal, positive."""
    apart = b.shares[i] - b.shares[j]
    if abs(apart) > b.errors[i] + b.errors[j]:
        return apart
    if not ask:
        return 0.0
    one, other = b.crossing[i], b.crossing[j]
    low, high = min(one, other), max(one, other)
    for k in range(state[ANSWERS]):
        same_edge = b.answers[k, 0] == start and b.answers[k, 1] == end
        if same_edge and b.answers[k, 2] == low and b.answers[k, 3] == high:
            return float(b.answers[k, 4] if one < other else -b.answers[k, 4])
    _ask(b, state, start, end, low, high)
    return 0.0


@compiled(counted=False)
def _swap(b, i, j):  # type: ignore[no-untyped-def]
    b.crossing[i], b.crossing[j] = b.crossing[j], b.crossing[i]
    b.shares[i], b.shares[j] = b.shares[j], b.shares[i]
    b.errors[i], b.errors[j] = b.errors[j], b.errors[i]


@compiled(counted=False)
def _sort(b, state, start, end, n, ask):  # type: ignore[no-untyped-def]
    """Sort the crossing functions by their zeros: Shell's method with Ciura's gaps."""
    for gap in (1750, 701, 301, 132, 57, 23, 10, 4, 1):
        for i in range(gap, n):
            j = i
            while j >= gap:
                order = _order(b, state, start, end, j - gap, j, ask)
                if order < 0 or (order == 0 and b.shares[j - gap] <= b.shares[j]):
                    break
                _swap(b, j - gap, j)
                j -= gap


@compiled(counted=False)
def _crossing(b, start, end, n_words, sizes, bound):  # type: ignore[no-untyped-def]
    """List the functions that change sign on an edge, the shares of it where they do, and their errors."""
    n = 0
    for w in range(n_words):
        bits = (b.signs[start, 0, w] & b.signs[end, 1, w]) | (b.signs[start, 1, w] & b.signs[end, 0, w])
        while bits:
            k = 64 * w + _place(bits)
            bits &= bits - _ONE
            before, after = abs(b.values[start, k]), abs(b.values[end, k])
            whole = before + after
            b.crossing[n] = k
            b.shares[n] = before / whole if whole > 0 else 0.5
            b.errors[n] = min(1.0, bound * sizes[k] / whole) + _ROUNDING if whole > 0 else 1.0
            n += 1
    return n


@compiled(counted=False)
def _part(b, state, edge, count, n_words, sizes, error, reach, first, ask):  # type: ignore[no-untyped-def]
    """Put vertices on an edge wherever functions change sign on it."""
    start, end = b.edges[edge, 0], b.edges[edge, 1]
    rounding = max(b.rounding[start], b.rounding[end])
    n = _crossing(b, start, end, n_words, sizes, error + rounding)
    b.parts[edge, 0] = 0
    if n == 0:
        return DONE
    if state[VERTICES] + n > len(b.points) or state[EDGES] + n > len(b.edges):
        return MORE
    if n > 1:
        _sort(b, state, start, end, n, ask)
        if state[QUERIES]:
            return UNDECIDED
    for w in range(n_words):
        up, down = b.signs[start, 0, w], b.signs[start, 1, w]
        b.words[0, w], b.words[1, w] = up | (b.signs[end, 0, w] & ~down), down | (b.signs[end, 1, w] & ~up)
    across = b.points[end, 0] - b.points[start, 0], b.points[end, 1] - b.points[start, 1]
    length = max(abs(across[0]) / reach[0], abs(across[1]) / reach[1])
    vertex, made, i = state[VERTICES], 0, 0
    while i < n:
        share = b.shares[i]
        b.points[vertex, 0] = b.points[start, 0] + share * across[0]
        b.points[vertex, 1] = b.points[start, 1] + share * across[1]
        b.origins[vertex, 0], b.origins[vertex, 1], b.origins[vertex, 2] = start, end, first + b.crossing[i]
        for k in range(count):
            b.values[vertex, k] = b.values[start, k] + share * (b.values[end, k] - b.values[start, k])
        last = i
        while last + 1 < n and _order(b, state, start, end, i, last + 1, ask) == 0:
            last += 1
        away = b.errors[i] + b.shares[last] - share
        b.rounding[vertex] = rounding + _ROUNDING + length * away
        for at in range(i, last + 1):
            k = b.crossing[at]
            b.words[0, k >> 6] &= ~(_ONE << np.uint64(k & 63))
            b.words[1, k >> 6] &= ~(_ONE << np.uint64(k & 63))
            b.values[vertex, k] = 0.0
        for w in range(n_words):
            b.signs[vertex, 0, w], b.signs[vertex, 1, w] = b.words[0, w], b.words[1, w]
        for at in range(i, last + 1):
            k = b.crossing[at]
            bit, w = _ONE << np.uint64(k & 63), k >> 6
            b.words[0, w] |= b.signs[end, 0, w] & bit
            b.words[1, w] |= b.signs[end, 1, w] & bit
        piece = state[EDGES] + made
        b.edges[piece, 0], b.edges[piece, 1], b.edges[piece, 2] = vertex, vertex + 1, b.edges[edge, 2]
        vertex, made, i = vertex + 1, made + 1, last + 1
    b.parts[edge, 0], b.parts[edge, 1], b.parts[edge, 2] = made, state[VERTICES], state[EDGES]
    b.edges[edge, 1] = state[VERTICES]
    b.edges[state[EDGES] + made - 1, 1] = end
    state[VERTICES], state[EDGES] = vertex, state[EDGES] + made
    return DONE


@compiled(counted=False)
def _split(b, state, count, n_words, sizes, error, reach, first, word, ask, limit):  # type: ignore[no-untyped-def]
    """Split a polygon until no function has both signs on it."""
    polygon, side = state[AT], state[SIDE]
    begin, end = b.offsets[side, polygon], b.offsets[side, polygon + 1]
    size = _with_parts(b, side, begin, end)
    if size < 0:
        return MORE
    b.stack[0, 0], b.stack[0, 1], high = 0, size, 1
    waiting = state[POLYGONS] - polygon
    while high:
        high -= 1
        at, size = b.stack[high, 0], b.stack[high, 1]
        k = _first_crossing(b, at, size, n_words)
        if k >= 0 and state[SPLIT] + high + waiting >= limit:
            state[FULL], k = 1, -1
        if k < 0:
            if not _keep(b, state, polygon, at, size, n_words, word):
                return MORE
            continue
        code = _split_by(b, state, k, at, size, high, count, n_words, sizes, error, reach, first, ask)
        if code != DONE:
            return code
        high += 2
    return DONE


@compiled(counted=False)
def _with_parts(b, side, begin, end):  # type: ignore[no-untyped-def]
    """Lay out the corners of a polygon, and the vertices that its edges have got; -1 if there is no room."""
    size = 0
    for at in range(begin, end):
        vertex, edge = b.corners[side, at, 0], b.corners[side, at, 1]
        made = b.parts[edge, 0]
        if size + made + 1 > len(b.arena):
            return -1
        if made == 0:
            b.arena[size, 0], b.arena[size, 1] = vertex, edge
            size += 1
        else:
            b.arena[size, 0] = vertex
            size = _along(b, size, edge, b.edges[edge, 0] == vertex)
    return size


@compiled(counted=False)
def _along(b, size, edge, forward):  # type: ignore[no-untyped-def]
    """Lay out the parts of an edge, from the vertex that was just laid out on."""
    made, vertex, piece = b.parts[edge, 0], b.parts[edge, 1], b.parts[edge, 2]
    for i in range(made):
        at = size + 1 + (i if forward else made - 1 - i)
        b.arena[at, 0] = vertex + i
    if forward:
        b.arena[size, 1] = edge
        for i in range(made):
            b.arena[size + 1 + i, 1] = piece + i
    else:
        b.arena[size + made, 1] = edge
        for i in range(made):
            b.arena[size + made - 1 - i, 1] = piece + i
    return size + made + 1


@compiled(counted=False)
def _first_crossing(b, at, size, n_words):  # type: ignore[no-untyped-def]
    """First function with both signs at the corners of a polygon, or -1; `words` keeps those above."""
    found = -1
    for w in range(n_words):
        above, below = np.uint64(0), np.uint64(0)
        for i in range(at, at + size):
            above |= b.signs[b.arena[i, 0], 0, w]
            below |= b.signs[b.arena[i, 0], 1, w]
        b.words[2, w] = above
        both = above & below
        if found < 0 and both:
            found = 64 * w + _place(both)
    return found


@compiled(counted=False)
def _keep(b, state, polygon, at, size, n_words, word):  # type: ignore[no-untyped-def]
    """Add a polygon to those after the cut, unless there is no room."""
    new, side, corner = state[SPLIT], state[SIDE], state[CORNERS]
    other = 1 - side
    if new + 1 >= b.offsets.shape[1] or corner + size > b.corners.shape[1]:
        return False
    for i in range(size):
        b.corners[other, corner + i, 0] = b.arena[at + i, 0]
        b.corners[other, corner + i, 1] = b.arena[at + i, 1]
    for w in range(word):
        b.above[other, new, w] = b.above[side, polygon, w]
    for w in range(n_words):
        b.above[other, new, word + w] = b.words[2, w]
    b.parents[new] = polygon
    b.offsets[other, new + 1] = corner + size
    state[SPLIT], state[CORNERS] = new + 1, corner + size
    return True


@compiled(counted=False)
def _split_by(b, state, k, at, size, high, count, n_words, sizes, error, reach, first, ask):  # type: ignore[no-untyped-def]
    """Split a polygon along the chord between two zeros of a function."""
    w, bit = k >> 6, _ONE << np.uint64(k & 63)
    i = at
    while not b.signs[b.arena[i, 0], 0, w] & bit:
        i += 1
    while not b.signs[b.arena[i, 0], 1, w] & bit:
        i = i + 1 if i + 1 < at + size else at
    one = i - 1 if i > at else at + size - 1  # the zero before the corners below
    n_below = 0
    steps = 0
    while not b.signs[b.arena[i, 0], 0, w] & bit:
        steps += 1
        if b.signs[b.arena[i, 0], 1, w] & bit:
            n_below = steps
        i = i + 1 if i + 1 < at + size else at
    other = one + n_below + 1
    other = other - size if other >= at + size else other
    edge = state[EDGES]
    if edge >= len(b.edges) or high + 2 > len(b.stack):
        return MORE
    start, end = b.arena[one, 0], b.arena[other, 0]
    b.edges[edge, 0], b.edges[edge, 1], b.edges[edge, 2] = start, end, first + k
    state[EDGES] += 1
    code = _part(b, state, edge, count, n_words, sizes, error, reach, first, ask)
    if code != DONE:
        return code
    made = b.parts[edge, 0]
    to = at + size
    if to + size + 2 * made + 2 > len(b.arena):
        return MORE
    b.stack[high, 0], b.stack[high + 1, 0] = to, to + n_below + made + 2
    to = _copy(b, one, n_below + 1, at, size, to)
    b.arena[to, 0] = end
    to = _along(b, to, edge, False)
    to = _copy(b, other, size - n_below - 1, at, size, to)
    b.arena[to, 0] = start
    to = _along(b, to, edge, True)
    b.stack[high, 1] = b.stack[high + 1, 0] - b.stack[high, 0]
    b.stack[high + 1, 1] = to - b.stack[high + 1, 0]
    return DONE


@compiled(counted=False)
def _copy(b, one, n, at, size, to):  # type: ignore[no-untyped-def]
    """Copy some corners of a polygon, from one on around it."""
    for i in range(n):
        place = one + i
        place = place - size if place >= at + size else place
        b.arena[to + i, 0], b.arena[to + i, 1] = b.arena[place, 0], b.arena[place, 1]
    return to + n
