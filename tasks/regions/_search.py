"""The search for regions in space: its arrays, and answers to the questions that floats leave open."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.exact import as_fractions
from relusweep.tasks.regions import _cells
from relusweep.tasks.regions._rational import (
    RationalNetwork,
    allowed_vector,
    irredundant,
    kept_rows,
    rational_network,
)

__all__ = ["Found", "Search"]

_FIRST = 1024  # regions that there is room for at first


class Found(NamedTuple):
    """Of each region: signs of units, which rows are facets, a vector inside, whether bounded (or 2)."""

    signs: NDArray[np.uint8]
    facets: NDArray[np.uint8]
    inside: NDArray[np.float64]
    bounded: NDArray[np.uint8]


class Search:
    """The regions of the hidden layers of a network.

    Inputs are written as ``x = size * z + middle``, so that a box is the cube of z from −1 to 1.

    Parameters
    ----------
    layers : sequence of (weights, biases)
        Hidden layers, of floats or fractions.
    slope_below : float or Fraction
    box : ndarray of shape (2, d), float64, or None
    """

    def __init__(
        self,
        layers: Sequence[tuple[NDArray[np.generic], NDArray[np.generic]]],
        slope_below: float | Fraction,
        box: NDArray[np.float64] | None,
    ) -> None:
        self.d, self._layers, self._slope, self._box = layers[0][0].shape[1], layers, slope_below, box
        widths = [len(biases) for _, biases in layers]
        self._first = np.concatenate([[0], np.cumsum(widths)])
        self.n_units = int(self._first[-1])
        self.n_extra = 1 if box is None else 2 * self.d
        if box is None:
            self.middle, self.size = np.zeros(self.d), np.ones(self.d)
        else:
            self.middle, self.size = (box[0] + box[1]) / 2, (box[1] - box[0]) / 2
        self._rational: RationalNetwork | None = None

    @property
    def rational(self) -> RationalNetwork:
        """The same network in rational arithmetic."""
        if self._rational is None:
            size, middle = as_fractions(self.size), as_fractions(self.middle)
            inputs = np.column_stack([np.diag(size) + Fraction(0), middle])
            self._rational = rational_network(self._layers, self._slope, self._box, inputs)
        return self._rational

    def run(self, limit: int) -> tuple[Found, bool]:
        """Find the regions, at most so many, and say whether these are all."""
        network, extra, space, stack = self._network(), self._start(), self._space(), self._stack()
        found: Any = (*self._room(min(_FIRST, limit)), np.zeros(1, np.int64))
        scratch = self._scratch()
        while (code := _cells.explore(network, extra, space, stack, found, scratch)) != _cells.DONE:
            if code == _cells.QUESTION:
                self._answer(stack, scratch)
            elif len(found[0]) == limit:
                break
            else:
                room = self._room(min(len(found[0]), limit - len(found[0])))
                larger = [np.concatenate([array, more]) for array, more in zip(found[:4], room, strict=True)]
                found = (*larger, found[4])
        n = found[4][0]
        signs, facets, inside, bounded = (array[:n] for array in found[:4])
        regions = Found(signs, facets, inside, bounded)
        self._decide_facets(regions)
        return regions, code == _cells.DONE

    def _network(self):  # type: ignore[no-untyped-def]
        n_layers, width = len(self._layers), max(self.d, *np.diff(self._first))
        weights, biases = np.zeros((n_layers, width, width)), np.zeros((n_layers, width))
        for layer, (w, b) in enumerate(self._layers):
            weights[layer, : w.shape[0], : w.shape[1]] = w.astype(np.float64)
            biases[layer, : len(b)] = b.astype(np.float64)
        return weights, biases, self._first, float(self._slope)

    def _start(self):  # type: ignore[no-untyped-def]
        inputs = np.column_stack([np.diag(self.size), self.middle])
        return inputs, np.zeros(self.d), np.ones(self.d, np.uint8), int(self._box is None)

    def _space(self):  # type: ignore[no-untyped-def]
        n, n_rows = self.n_units, self.n_units + self.n_extra
        rows, noise = np.zeros((n_rows, self.d + 1)), np.zeros(n_rows)
        extra = kept_rows(self._start()[0], self._box)
        rows[n:] = extra / np.linalg.norm(extra, axis=1, keepdims=True)
        noise[n:] = 8 * np.finfo(np.float64).eps
        return np.zeros((n, self.d + 1)), np.zeros(n), rows, noise

    def _stack(self):  # type: ignore[no-untyped-def]
        # Each unit leaves at most one node behind; two more are the present one and its other side.
        n, room = self.n_units, self.n_units + 2
        bounding, inside = np.zeros((room, n + self.n_extra), np.uint8), np.zeros((room, self.d + 1))
        bounding[0, n:] = 1
        inside[0, -1] = 1
        height = np.ones(1, np.int64)
        return np.zeros((room, n), np.uint8), bounding, inside, np.zeros(room, np.int64), height

    def _room(self, count: int) -> Found:
        n = self.n_units
        return Found(
            np.zeros((count, n), np.uint8),
            np.zeros((count, n + self.n_extra), np.uint8),
            np.zeros((count, self.d + 1)),
            np.zeros(count, np.uint8),
        )

    def _scratch(self):  # type: ignore[no-untyped-def]
        dim, width, rows = self.d + 1, max(self.d, *np.diff(self._first)), self.n_units + self.n_extra
        most = dim + 1
        return (
            np.zeros((2, dim)),  # vectors
            np.zeros((2, most), np.int64),  # rows held
            np.zeros(2, np.int64),  # their numbers
            np.zeros((rows, dim)),  # rows
            np.zeros(rows),  # their errors
            np.zeros(rows, np.int64),  # what they are of
            np.zeros(rows, np.uint8),  # whether they are turned around
            np.zeros(most),  # shares
            np.zeros((most, most + 1)),  # gram
            np.zeros((most, 2 * most)),  # work
            np.zeros((most, max(dim, width + 1))),  # some rows
            np.zeros(most),  # their errors
            np.zeros((2, width, width + 1)),  # functions of what a layer passes on
            np.zeros((2, width)),  # their errors
            np.ones(width, np.uint8),  # ones
            np.zeros((rows, self.d)),  # rows without s
            np.zeros(2, np.int64),  # answers
        )

    def _answer(self, stack, scratch) -> None:  # type: ignore[no-untyped-def]
        """Cut the node with a question by the unit in question, exactly, and put its parts on the stack."""
        signs, bounding, inside, unit, height = stack
        vectors, held, n_held = scratch[:3]
        node = height[0]
        u = int(unit[node])
        n_layers = self.rational.layer_of(u)
        function = self.rational.functions(signs[node], n_layers)[u]
        ids = [i for i in np.flatnonzero(bounding[node]).tolist() if i != u]
        others = self.rational.rows(signs[node], ids, n_layers)
        place = {i: k for k, i in enumerate([u, *ids])}
        parts = []
        for side, row in ((0, function), (1, -function)):
            known = [place[i] for i in held[side, : n_held[side]].tolist() if i in place]
            rows = np.concatenate([row[None], others])
            parts.append(allowed_vector(rows, (inside[node], vectors[side]), known) if row.any() else None)
        unit[node] = u + 1
        signs[node, u] = parts[1] is not None
        height[0] += 1
        if parts[0] is not None and parts[1] is not None:
            bounding[node, u] = 1
            for array in (signs, bounding, inside, unit):
                array[node + 1] = array[node]
            signs[node, u], inside[node], inside[node + 1] = 0, parts[0], parts[1]
            height[0] += 1

    def _decide_facets(self, found: Found) -> None:
        """Decide which unclear rows are facets."""
        for region in np.flatnonzero((found.facets == 2).any(axis=1)).tolist():
            facets = found.facets[region]
            ids = np.flatnonzero(facets)
            rows = self.rational.rows(found.signs[region], ids.tolist(), len(self._layers))
            kept = irredundant(rows, np.flatnonzero(facets[ids] == 2).tolist())
            facets[:] = 0
            facets[ids[kept]] = 1
