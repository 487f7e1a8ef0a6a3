"""Vertices on edges, wherever functions change sign on them."""

from __future__ import annotations

import numpy as np

from relusweep.tasks.compiled import compiled
from relusweep.tasks.regions import _buffers
from relusweep.tasks.regions._buffers import (
    ANSWERS,
    DONE,
    EDGES,
    GROUP,
    MORE,
    ONE,
    QUERIES,
    TINY,
    UNDECIDED,
    VERTICES,
)

__all__ = [
    "part",
    "place",
]

_ROUNDING = 4 * float(np.finfo(np.float64).eps)
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_PLACES = np.zeros(64, np.int64)
_PLACES[[(0x03F79D71B4CB0A89 << i & (1 << 64) - 1) >> 58 for i in range(64)]] = np.arange(64)


@compiled(_buffers, counted=False, inlined=True)
def place(bits):  # type: ignore[no-untyped-def]
    """Place of the lowest bit."""
    return _PLACES[((bits & (~bits + ONE)) * _DE_BRUIJN) >> np.uint64(58)]


@compiled(_buffers, counted=False, inlined=True)
def part(b, state, edge, columns, n_words, sizes, error, reach, first, ask):  # type: ignore[no-untyped-def]
    """Put vertices on an edge wherever functions change sign on it."""
    start, end = np.int64(b.edges[edge].a), np.int64(b.edges[edge].b)
    b.edges[edge].made = 0
    crossed = np.uint64(0)
    for w in range(0, 2 * n_words, 2):
        crossed |= b.signs[start, w] & b.signs[end, w + 1] | b.signs[start, w + 1] & b.signs[end, w]
    if crossed == 0:
        return DONE
    return _put_vertices(b, state, edge, start, end, columns, n_words, sizes, error, reach, first, ask)


@compiled(_buffers, counted=False)
def _put_vertices(b, state, edge, start, end, columns, n_words, sizes, error, reach, first, ask):  # type: ignore[no-untyped-def]
    """Put vertices on an edge that some functions cross."""
    one, other, width = b.vertices[start], b.vertices[end], b.edges[edge].width
    across_x, across_y = other.x - one.x, other.y - one.y
    length = max(abs(across_x) / reach[0], abs(across_y) / reach[1])
    rounding = max(one.rounding, other.rounding)
    n = _find_zeros(b, start, end, n_words, sizes, error + rounding + width, width / max(length, TINY))
    if state[VERTICES] + n > len(b.vertices) or state[EDGES] + n > len(b.edges):
        return MORE
    along = b.edges[edge].function - first
    if n > 1:
        _sort(b, state, start, end, along, n, ask)
        if state[QUERIES]:
            return UNDECIDED
    for w in range(0, 2 * n_words, 2):
        up, down = b.signs[start, w], b.signs[start, w + 1]
        b.words[w], b.words[w + 1] = up | b.signs[end, w] & ~down, down | b.signs[end, w + 1] & ~up
    vertex, last = state[VERTICES] - 1, np.int64(0)
    for i in range(n):
        share, k = b.zeros[i].share, b.zeros[i].function
        if i == 0 or _order(b, state, start, end, along, i - 1, i, ask) != 0:
            vertex, last = vertex + 1, np.int64(i)
            for column in range(columns):
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
        bit, w = ONE << np.uint64(k & 63), 2 * (k >> 6)
        b.signs[vertex, w] &= ~bit
        b.signs[vertex, w + 1] &= ~bit
        b.words[w] ^= bit
        b.words[w + 1] ^= bit
    _put_edges(b.edges, state, edge, vertex + 1 - state[VERTICES], end)
    return DONE


@compiled(_buffers, counted=False, inlined=True)
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


@compiled(_buffers, counted=False, inlined=True)
def _find_zeros(b, start, end, n_words, sizes, bound, shift):  # type: ignore[no-untyped-def]
    """List the functions that change sign on an edge, the shares of it where they do, and their errors."""
    n = 0
    for w in range(0, 2 * n_words, 2):
        down = b.signs[start, w] & b.signs[end, w + 1]
        bits = down | b.signs[start, w + 1] & b.signs[end, w]
        while bits:
            lowest = bits & (~bits + ONE)
            k = 32 * w + place(lowest)
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


@compiled(_buffers, counted=False)
def _order(b, state, start, end, along, i, j, ask):  # type: ignore[no-untyped-def]
    """Compare the zeros of two functions on an edge: negative, 0 for equal or not known, positive."""
    apart = b.zeros[i].share - b.zeros[j].share
    if abs(apart) > b.zeros[i].error + b.zeros[j].error:
        return apart
    if not ask:
        return 0.0
    one, other = b.zeros[i].function, b.zeros[j].function
    if state[GROUP] > 1 and _coincide(one, other, along, state[GROUP]):
        return 0.0
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
def _coincide(one, other, along, group):  # type: ignore[no-untyped-def]
    """Whether two differences of rows of a unit are the same where a third is zero: of rows i, j and k."""
    pairs = group * (group - 1) // 2
    if along < 0 or one // pairs != along // pairs or other // pairs != along // pairs:
        return False
    return _rows_of(one % pairs, group) ^ _rows_of(other % pairs, group) == _rows_of(along % pairs, group)


@compiled(counted=False)
def _rows_of(pair, group):  # type: ignore[no-untyped-def]
    """Give the bits of the two rows of a difference."""
    row, left = 0, group - 1
    while pair >= left:
        pair, row, left = pair - left, row + 1, left - 1
    return 1 << row | 1 << row + 1 + pair


@compiled(_buffers, counted=False)
def _sort(b, state, start, end, along, n, ask):  # type: ignore[no-untyped-def]
    """Sort functions by their zeros on an edge: Shell's method with Ciura's gaps."""
    for gap in (1750, 701, 301, 132, 57, 23, 10, 4, 1):
        for i in range(gap, n):
            j = i
            while j >= gap:
                order = _order(b, state, start, end, along, j - gap, j, ask)
                one, other = b.zeros[j - gap], b.zeros[j]
                if order < 0 or (order == 0 and one.share <= other.share):
                    break
                one.function, other.function = other.function, one.function
                one.share, other.share = other.share, one.share
                one.error, other.error = other.error, one.error
                j -= gap
