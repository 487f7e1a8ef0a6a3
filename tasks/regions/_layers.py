"""Networks one after another: vertices go forward layer by layer, and units cut where they change sign."""

from __future__ import annotations

import numpy as np

from relusweep.tasks.compiled import compiled
from relusweep.tasks.regions import _buffers, _cutting, _edges, _merging
from relusweep.tasks.regions._buffers import (
    DONE,
    EDGES,
    FORWARD,
    FULL,
    GROUP,
    LAYER,
    NETWORK,
    POLYGONS,
    SIDE,
    VERTICES,
)
from relusweep.tasks.regions._cutting import cut
from relusweep.tasks.regions._merging import merge

__all__ = ["affine_maps", "cut_by_networks"]


_LEAST = 1e-290  # where the bounds of errors, relative ones, begin: smaller terms underflow


@compiled(_buffers, _edges, _cutting, _merging)
def cut_by_networks(b, state, shapes, slopes, rows, box, error, ask, limit, sizes, counts, each):  # type: ignore[no-untyped-def]
    """Cut a box by networks, from the one in the state on; stop where something is needed, or after `each`.

    Shapes and slopes, as of `Layers`, are those of the layers that cut; rows may go on behind.
    """
    reach = np.maximum(np.abs(box[0]), np.abs(box[1]))
    while state[NETWORK] < len(rows):
        if state[LAYER] == 0 and state[FORWARD] == 0:
            _begin(b, state, box)
        while state[LAYER] < len(shapes) and not state[FULL]:
            layer = state[LAYER]
            fan_out, fan_in, group = shapes[layer]
            place, first, word = _places(shapes, layer)
            count = fan_out if group == 1 else fan_out * (group - 1) // 2
            columns = count if group == 1 else count + fan_out
            state[GROUP] = group
            if state[FORWARD] == 0:
                row = rows[state[NETWORK], place : place + fan_out * (fan_in + 1)]
                own = slopes[layer - 1, min(state[NETWORK], slopes.shape[1] - 1)]
                before = shapes[layer - 1, 2] if layer else 1
                matrix = row.reshape(fan_out, fan_in + 1)
                _go_forward(b, state[VERTICES], layer, matrix, own, before, sizes, reach)
                if group > 1:
                    _subtract(b.values, state[VERTICES], fan_out, group, sizes)
                state[FORWARD] = 1
            code = cut(b, state, count, columns, sizes, error, reach, first, word, ask, limit)
            if code != DONE:
                return code
            if group > 1:
                merge(b, state, fan_out, group, word)
            state[LAYER], state[FORWARD] = layer + 1, 0
        counts[state[NETWORK]] = -state[POLYGONS] if state[FULL] else state[POLYGONS]
        state[NETWORK], state[LAYER] = state[NETWORK] + 1, 0
        if each:
            return DONE
    return DONE


@compiled(_buffers, counted=False)
def _places(shapes, layer):  # type: ignore[no-untyped-def]
    """Where a layer's parameters, functions and words begin."""
    place, first, word = 0, 0, 0
    for i in range(layer):
        fan_out, fan_in, group = shapes[i]
        count = fan_out if group == 1 else fan_out * (group - 1) // 2
        place += fan_out * (fan_in + 1)
        first += count
        word += (max(fan_out, count) + 63) >> 6
    return place, first, word


@compiled(_buffers, counted=False)
def _begin(b, state, box):  # type: ignore[no-untyped-def]
    """Start with the box: its corners counter-clockwise from the lower left on."""
    for i in range(4):
        corner, edge = b.vertices[i], b.edges[i]
        corner.x, corner.y, corner.rounding, corner.shift = box[(i + 1) // 2 % 2, 0], box[i // 2, 1], 0.0, 0.0
        corner.a, corner.b, corner.function = -1, -1, -1
        edge.a, edge.b, edge.function, edge.width = i, (i + 1) % 4, -1 - i, 0.0
        b.corners[0, i].vertex, b.corners[0, i].edge = i, i
    b.offsets[0, 0], b.offsets[0, 1] = 0, 4
    state[VERTICES], state[EDGES], state[POLYGONS], state[SIDE], state[FULL] = 4, 4, 1, 0, 0


@compiled(_buffers)
def _go_forward(b, n_vertices, layer, matrix, slopes, group, sizes, reach):  # type: ignore[no-untyped-def]
    """Bring the values at the vertices through a layer, and the sizes of its rows with them.

    `slopes` and `group` are those of the layer before.
    """
    fan_out, fan_in = matrix.shape[0], matrix.shape[1] - 1
    across, before = np.ascontiguousarray(matrix.T), np.empty(fan_in)
    past = fan_in * (group - 1) * group // 2  # the differences of maxima stand before the rows
    for i in range(fan_in):
        if layer == 0:
            before[i] = reach[i]
        elif group == 1:
            before[i] = sizes[i] * max(abs(slopes[i, 0]), abs(slopes[i, 1]))
        else:
            before[i] = sizes[past + i * group : past + (i + 1) * group].max()
    for k in range(fan_out):
        sizes[k] = abs(across[fan_in, k])
        for i in range(fan_in):
            sizes[k] += abs(across[i, k]) * before[i]
        if sizes[k] > 0:
            sizes[k] += _LEAST
    for vertex in range(n_vertices):
        if layer == 0:
            before[0], before[1] = b.vertices[vertex].x, b.vertices[vertex].y
        elif group == 1:
            for i in range(fan_in):
                value = b.values[vertex, i]
                before[i] = value * (slopes[i, 0] if value > 0 else slopes[i, 1])
        else:
            for i in range(fan_in):
                before[i] = b.values[vertex, past + i * group]
                for row in range(past + i * group + 1, past + (i + 1) * group):
                    before[i] = max(before[i], b.values[vertex, row])
        for k in range(fan_out):
            b.values[vertex, k] = across[fan_in, k]
        for i in range(fan_in):
            if before[i] != 0:
                for k in range(fan_out):
                    b.values[vertex, k] += before[i] * across[i, k]


@compiled(_buffers)
def _subtract(values, n_vertices, n_rows, group, sizes):  # type: ignore[no-untyped-def]
    """Put the differences of every two rows of a unit, and their sizes, before those of the rows."""
    count, row = n_rows * (group - 1) // 2, np.empty(n_rows)
    for at in range(-1, n_vertices):  # the sizes, and the values at each vertex
        columns = sizes if at < 0 else values[at]
        sign = 1.0 if at < 0 else -1.0
        row[:] = columns[:n_rows]
        columns[count : count + n_rows] = row
        k = 0
        for first in range(0, n_rows, group):
            for i in range(first, first + group):
                for j in range(i + 1, first + group):
                    columns[k] = row[i] + sign * row[j]
                    k += 1


@compiled(_buffers, counted=False)
def affine_maps(shapes, slopes, row, bits, work, maps):  # type: ignore[no-untyped-def]
    """Fill in the gradients and intercepts of the last layer for patterns: shape (n_patterns, 3, fan_out).

    The parameters in the row are those of matrices of shape (fan_in + 1, fan_out) here, the slopes those of
    one network. `work`, of shape (n_layers + 1, 3, width), keeps the maps of all layers, from the inputs on:
    only layers behind the first one whose signs differ from those of the pattern before are worked out again.
    """
    for c in range(3):
        work[0, c, 0], work[0, c, 1] = c == 0, c == 1
    for region in range(len(bits)):
        changed = region == 0
        for layer in range(len(shapes)):
            place, _, word = _places(shapes, layer)
            fan_out, fan_in, _ = shapes[layer]
            group = shapes[layer - 1, 2] if layer else 1
            start = _places(shapes, layer - 1)[2] if layer else 0
            for w in range(start, word):
                changed = changed or bits[region, w] != bits[region - 1, w]
            if not changed:
                continue
            for c in range(3):
                for k in range(fan_out):
                    work[layer + 1, c, k] = row[place + fan_in * fan_out + k] if c == 2 else 0.0
            for i in range(fan_in * group):
                slope = 1.0
                if layer:
                    on = (bits[region, start + (i >> 6)] >> np.uint64(i & 63)) & np.uint64(1)
                    slope = slopes[layer - 1, i, 0 if on else 1]
                if slope != 0:
                    for c in range(3):
                        share, at = slope * work[layer, c, i], place + i // group * fan_out
                        for k in range(fan_out):
                            work[layer + 1, c, k] += share * row[at + k]
        for c in range(3):
            for k in range(maps.shape[2]):
                maps[region, c, k] = work[len(shapes), c, k]
