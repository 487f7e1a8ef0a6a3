"""Networks one after another: vertices go forward layer by layer, and units cut where they change sign."""

from __future__ import annotations

import numpy as np

from relusweep.tasks.compiled import compiled
from relusweep.tasks.regions import _buffers, _cutting, _edges
from relusweep.tasks.regions._buffers import (
    DONE,
    EDGES,
    FORWARD,
    FULL,
    LAYER,
    NETWORK,
    POLYGONS,
    SIDE,
    VERTICES,
)
from relusweep.tasks.regions._cutting import cut

__all__ = ["affine_maps", "cut_by_networks"]


_LEAST = 1e-290  # where the bounds of errors, relative ones, begin: smaller terms underflow


@compiled(_buffers, _edges, _cutting)
def cut_by_networks(b, state, shapes, slopes, rows, box, error, ask, limit, sizes, counts, each):  # type: ignore[no-untyped-def]
    """Cut a box by networks, from the one in the state on; stop where something is needed, or after `each`.

    Shapes (fan_out, fan_in) and slopes below zero are those of the layers that cut; rows may go on behind.
    """
    reach = np.maximum(np.abs(box[0]), np.abs(box[1]))
    while state[NETWORK] < len(rows):
        if state[LAYER] == 0 and state[FORWARD] == 0:
            _begin(b, state, box)
        while state[LAYER] < len(shapes) and not state[FULL]:
            layer = state[LAYER]
            fan_out, fan_in = shapes[layer]
            place, first, word = _places(shapes, layer)
            if state[FORWARD] == 0:
                row = rows[state[NETWORK], place : place + fan_out * (fan_in + 1)]
                slope = slopes[layer - 1] if layer else 1.0
                _go_forward(b, state[VERTICES], layer, row.reshape(fan_out, fan_in + 1), slope, sizes, reach)
                state[FORWARD] = 1
            code = cut(b, state, fan_out, sizes, error, reach, first, word, ask, limit)
            if code != DONE:
                return code
            state[LAYER], state[FORWARD] = layer + 1, 0
        counts[state[NETWORK]] = -state[POLYGONS] if state[FULL] else state[POLYGONS]
        state[NETWORK], state[LAYER] = state[NETWORK] + 1, 0
        if each:
            return DONE
    return DONE


@compiled(_buffers, counted=False)
def _places(shapes, layer):  # type: ignore[no-untyped-def]
    """Where a layer's parameters, units and words begin."""
    place, first, word = 0, 0, 0
    for i in range(layer):
        place += shapes[i, 0] * (shapes[i, 1] + 1)
        first += shapes[i, 0]
        word += (shapes[i, 0] + 63) >> 6
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
def _go_forward(b, n_vertices, layer, matrix, slope, sizes, reach):  # type: ignore[no-untyped-def]
    """Bring the values at the vertices through a layer, and the sizes of its units with them."""
    fan_out, fan_in = matrix.shape[0], matrix.shape[1] - 1
    across, before = np.ascontiguousarray(matrix.T), np.empty(fan_in)
    for i in range(fan_in):
        before[i] = sizes[i] * max(1.0, abs(slope)) if layer else reach[i]
    for k in range(fan_out):
        sizes[k] = abs(across[fan_in, k])
        for i in range(fan_in):
            sizes[k] += abs(across[i, k]) * before[i]
        if sizes[k] > 0:
            sizes[k] += _LEAST
    for vertex in range(n_vertices):
        if layer == 0:
            before[0], before[1] = b.vertices[vertex].x, b.vertices[vertex].y
        else:
            for i in range(fan_in):
                value = b.values[vertex, i]
                before[i] = value if value > 0 else slope * value
        for k in range(fan_out):
            b.values[vertex, k] = across[fan_in, k]
        for i in range(fan_in):
            if before[i] != 0:
                for k in range(fan_out):
                    b.values[vertex, k] += before[i] * across[i, k]


@compiled(_buffers, counted=False)
def affine_maps(shapes, slopes, row, bits, work, maps):  # type: ignore[no-untyped-def]
    """Fill in the gradients and intercepts of the last layer for patterns: shape (n_patterns, 3, fan_out).

    The parameters in the row are those of matrices of shape (fan_in + 1, fan_out) here. `work`, of shape
    (n_layers + 1, 3, width), keeps the maps of all layers, from the inputs on: only layers behind the first
    one whose signs differ from those of the pattern before are worked out again.
    """
    for c in range(3):
        work[0, c, 0], work[0, c, 1] = c == 0, c == 1
    for region in range(len(bits)):
        changed = region == 0
        for layer in range(len(shapes)):
            place, _, word = _places(shapes, layer)
            fan_out, fan_in = shapes[layer]
            n_words = (fan_in + 63) >> 6 if layer else 0
            word -= n_words
            for w in range(word, word + n_words):
                changed = changed or bits[region, w] != bits[region - 1, w]
            if not changed:
                continue
            for c in range(3):
                for k in range(fan_out):
                    work[layer + 1, c, k] = row[place + fan_in * fan_out + k] if c == 2 else 0.0
            for i in range(fan_in):
                on = layer == 0 or (bits[region, word + (i >> 6)] >> np.uint64(i & 63)) & np.uint64(1)
                slope = 1.0 if on else slopes[layer - 1]
                if slope != 0:
                    for c in range(3):
                        share, at = slope * work[layer, c, i], place + i * fan_out
                        for k in range(fan_out):
                            work[layer + 1, c, k] += share * row[at + k]
        for c in range(3):
            for k in range(maps.shape[2]):
                maps[region, c, k] = work[len(shapes), c, k]
