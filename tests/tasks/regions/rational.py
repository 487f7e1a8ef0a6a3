"""Small networks for the tests of this folder, and their pieces in rational arithmetic."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from relusweep.tasks.networks import Network


def row(layers):
    """The parameters of layers ``(W, b)``, in the order of `Network`."""
    return np.concatenate([np.column_stack(layer).ravel() for layer in layers])


def random_layers(network, rng):
    return [
        (rng.normal(0, np.sqrt(2 / fan_in), (fan_out, fan_in)), rng.uniform(-1, 1, fan_out) / np.sqrt(fan_in))
        for fan_out, fan_in in network.layers
    ]


@st.composite
def whole_networks(draw, n_inputs, largest=3):
    """Networks of small whole weights: kinks coincide, units cancel, and all is exact in float64."""
    network = Network(
        n_inputs=n_inputs,
        width=draw(st.integers(1, largest)),
        depth=draw(st.integers(1, largest)),
        leak=draw(st.sampled_from([0, 0.125, 0.5, 1])),
    )
    return network, [
        (
            np.array(draw(st.lists(st.integers(-2, 2), min_size=n, max_size=n))).reshape(fan_out, fan_in),
            np.array(draw(st.lists(st.integers(-2, 2), min_size=fan_out, max_size=fan_out))),
        )
        for fan_out, fan_in in network.layers
        for n in [fan_out * fan_in]
    ]


def exact_pieces(layers, leak, low, high):
    """Start and slope of the pieces between kinks; `leak` of all units, or slopes of each layer's."""
    pieces = [(Fraction(low), Fraction(high), [(Fraction(1), Fraction(0))])]
    for number, layer in enumerate(layers[:-1]):
        cut = []
        for start, stop, before in pieces:
            units = _units(layer, before)
            zeros = {-b / a for a, b in units if a}
            for left, right in pairwise(sorted({start, stop} | {x for x in zeros if start < x < stop})):
                on = [a * (left + right) / 2 + b > 0 for a, b in units]
                cut.append((left, right, _activated(units, on, leak, number)))
        pieces = cut
    return [(start, _units(layers[-1], before)[0][0]) for start, _, before in pieces]


def exact_regions(layers, leak, low, high):
    """Corners and signs of the regions where no unit of these layers changes sign; `leak` as above."""
    (left, bottom), (right, top) = ([Fraction(x) for x in corner] for corner in (low, high))
    identity = [(Fraction(1), Fraction(0), Fraction(0)), (Fraction(0), Fraction(1), Fraction(0))]
    regions = [([(left, bottom), (right, bottom), (right, top), (left, top)], (), identity)]
    for number, layer in enumerate(layers):
        cut = []
        for whole, signs, before in regions:
            units = _units(layer, before)
            parts = [(whole, ())]
            for unit in units:
                parts = [
                    (side, (*on, above))
                    for corners, on in parts
                    for side, above in _cut(corners, unit)
                    if side
                ]
            cut += [(part, (*signs, *on), _activated(units, on, leak, number)) for part, on in parts]
        regions = cut
    return [(corners, signs) for corners, signs, _ in regions]


def exact_maxima(layers, group, low, high):
    """Corners and largest rows of the regions of maxima of groups of rows; of equal rows the last counts."""
    (left, bottom), (right, top) = ([Fraction(x) for x in corner] for corner in (low, high))
    identity = [(Fraction(1), Fraction(0), Fraction(0)), (Fraction(0), Fraction(1), Fraction(0))]
    regions = [([(left, bottom), (right, bottom), (right, top), (left, top)], (), identity)]
    for layer in layers:
        cut = []
        for whole, chosen, before in regions:
            rows, parts = _units(layer, before), [(whole, ())]
            for first in range(0, len(rows), group):
                parts = [
                    (cell, (*of, row))
                    for corners, of in parts
                    for row in range(first, first + group)
                    if (cell := _cell(corners, rows, row, range(first, first + group)))
                ]
            cut += [(part, (*chosen, of), [rows[row] for row in of]) for part, of in parts]
        regions = cut
    return [(corners, chosen) for corners, chosen, _ in regions]


def _cell(corners, rows, row, others):
    """The part of a polygon where a row is the largest, or None."""
    for other in others:
        difference = tuple(a - b for a, b in zip(rows[row], rows[other], strict=True))
        if not any(difference):
            if other > row:
                return None
            continue
        corners = {above: part for part, above in _cut(corners, difference)}.get(True)
        if not corners:
            return None
    return corners


def area(corners):
    return sum(a[0] * b[1] - a[1] * b[0] for a, b in zip(corners, corners[1:] + corners[:1], strict=True)) / 2


def _units(layer, before):
    return [
        tuple(
            sum((Fraction(w) * f[k] for w, f in zip(weights.tolist(), before, strict=True)), start)
            for k, start in enumerate([*[Fraction(0)] * (len(before[0]) - 1), Fraction(bias)])
        )
        for weights, bias in zip(*(np.asarray(part) for part in layer), strict=True)
    ]


def _activated(units, on, leak, layer):
    slopes = [(1, leak)] * len(units) if np.ndim(leak) == 0 else leak[layer]
    factors = [Fraction(above if o else below) for (above, below), o in zip(slopes, on, strict=True)]
    return [tuple(f * x for x in unit) for unit, f in zip(units, factors, strict=True)]


def _cut(corners, unit):
    """The parts of a polygon above and not above zero; None for a part without area."""
    values = [unit[0] * x + unit[1] * y + unit[2] for x, y in corners]
    if not min(values) < 0 < max(values):
        return [(corners, max(values) > 0)]
    above, below = [], []
    for i, (value, corner) in enumerate(zip(values, corners, strict=True)):
        before, from_ = values[i - 1], corners[i - 1]
        if before * value < 0:
            share = before / (before - value)
            crossing = tuple(a + share * (b - a) for a, b in zip(from_, corner, strict=True))
            above.append(crossing)
            below.append(crossing)
        if value >= 0:
            above.append(corner)
        if value <= 0:
            below.append(corner)
    return [(above, True), (below, False)]
