"""What compiled cutting needs in between: larger buffers, and exact answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.regions._buffers import (
    ANSWERS,
    DONE,
    FULL,
    LAYER,
    MORE,
    N_STATE,
    NETWORK,
    POLYGONS,
    QUERIES,
    SIDE,
    Buffers,
    grown,
    new_buffers,
)
from relusweep.tasks.regions._exact import ExactNetwork
from relusweep.tasks.regions._facets import facets_of
from relusweep.tasks.regions._layers import cut_by_networks

__all__ = ["LARGEST", "Layers", "Work", "cut_each", "largest_units"]

LARGEST = 1e150  # products of two values are compared
_ROOM = 1024  # vertices in the first buffers


@dataclass(frozen=True)
class Layers:
    """The layers of networks that cut the plane, one shape for all of them.

    A layer has rows of weights. Of groups of one, a unit is a row, and cuts where it changes sign. Of larger
    groups, a unit is the largest of the rows of its group, and cuts where another of them becomes it: the
    functions that cut are the differences of every two rows i < j of a unit, (0, 1), (0, 2), ….

    Attributes
    ----------
    shapes : ndarray of shape (n_layers, 3), int64
        Rows, fan in, and rows of a group.
    slopes : ndarray of shape (n_layers, n_networks or 1, n_rows_of_the_widest, 2), float64
        Slopes of the rows above and below zero, each network's own or the same for all. Those of maxima are 1
        for the row that is the largest, and 0 for the others.
    """

    shapes: NDArray[np.int64]
    slopes: NDArray[np.float64]

    @property
    def hidden(self) -> Layers:
        """Those that cut: all but the output."""
        return self.first(-1)

    @property
    def n_functions(self) -> NDArray[np.int64]:
        """Functions that cut, of each layer: shape (n_layers,)."""
        rows, _, group = self.shapes.T
        return np.asarray(np.where(group == 1, rows, rows * (group - 1) // 2))

    @property
    def n_words(self) -> NDArray[np.int64]:
        """Words of 64 bits that hold the rows, or the functions, of each layer: shape (n_layers,)."""
        return -(-np.maximum(self.shapes[:, 0], self.n_functions) // 64)

    def first(self, depth: int) -> Layers:
        """Give the first layers."""
        return Layers(self.shapes[:depth], self.slopes[:depth])

    def of(self, network: int) -> Layers:
        """Give the layers with the slopes of one network."""
        return self if self.slopes.shape[1] == 1 else Layers(self.shapes, self.slopes[:, [network]])

    @property
    def error(self) -> float:
        """Rounding error of any unit, against the sum of the sizes of its terms along all paths.

        Every layer adds the errors of one inner product and one activation or difference; the factor 2 leaves
        room for vertices that are themselves rounded. Higham, *Accuracy and Stability of Numerical
        Algorithms* (2002), section 3.1.
        """
        return float(2 * (self.shapes[:, 1] + 2).sum() * np.finfo(np.float64).eps)

    def facets(self, numbers: NDArray[Any]) -> NDArray[np.int64]:
        """Layer and index of the units of functions, given by number, or (-1, i) for side -1 - i."""
        facets = facets_of(self.n_functions, numbers)
        group = np.where(facets[:, 0] < 0, 1, self.shapes[facets[:, 0], 2])
        facets[:, 1] //= np.where(group == 1, 1, group * (group - 1) // 2)
        return facets

    def matrices(self, row: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """View the layers in a row of parameters: shape (fan_out, fan_in + 1) each."""
        ends = np.cumsum(self.shapes[:, 0] * (self.shapes[:, 1] + 1))
        parts = np.split(row[: ends[-1]], ends[:-1])
        return [part.reshape(fan_out, -1) for part, fan_out in zip(parts, self.shapes[:, 0], strict=True)]


@dataclass
class Work:
    """Buffers and what is in them: of one network after another."""

    buffers: Buffers
    state: NDArray[np.int64] = field(default_factory=lambda: np.zeros(N_STATE, np.int64))

    @property
    def bits(self) -> NDArray[np.uint64]:
        """Signs of all units in each polygon: shape (n_polygons, n_words)."""
        return self.buffers.above[self.state[SIDE], : self.state[POLYGONS]].copy()

    @property
    def complete(self) -> bool:
        """Whether the limit was not reached."""
        return not self.state[FULL]


def cut_each(
    layers: Layers,
    rows: NDArray[np.float64],
    box: NDArray[np.float64],
    counts: NDArray[np.int64],
    *,
    exact: bool,
    limit: int,
    stop: bool = True,
) -> Iterator[Work]:
    """Cut a box by networks, one after another.

    Parameters
    ----------
    layers : Layers
    rows : ndarray of shape (n_networks, n), float64
        Their parameters; what lies behind those of the layers is not read.
    box : ndarray of shape (2, 2), float64
    counts : ndarray of shape (n_networks,), int64
        Is given the number of regions of each.
    exact, limit
    stop : bool
        Whether to stop after each network, or only after the last one.

    Yields
    ------
    Work
        What is overwritten when the next one is asked for.
    """
    _check_range(layers, rows, box)
    columns = int((layers.n_functions + layers.shapes[:, 0] * (layers.shapes[:, 2] > 1)).max())
    work = Work(new_buffers(_ROOM, columns, int(layers.n_words.sum())))
    sizes, answers, error = np.empty(columns), Answers(layers, rows), layers.error
    slopes = np.ascontiguousarray(layers.slopes)
    while work.state[NETWORK] < len(rows):
        code = cut_by_networks(
            work.buffers, work.state, layers.shapes, slopes, rows, box, error, exact, limit, sizes,
            counts, stop,
        )  # fmt: skip
        if code == DONE:
            yield work
        elif code == MORE:
            work.buffers = grown(work.buffers)
        else:
            answers.give(work)


def largest_units(layers: Layers, rows: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bound the size of the units of each network: shape (n_networks,)."""
    largest, end = np.full(len(rows), float(np.abs(box).max())), 0
    with np.errstate(over="ignore", invalid="ignore"):
        for (fan_out, fan_in, group), slopes in zip(layers.shapes.tolist(), layers.slopes, strict=True):
            start, end = end, end + fan_out * (fan_in + 1)
            weight = np.abs(rows[:, start:end]).max(axis=1, initial=0.0)
            steepest = np.abs(slopes).max(axis=(1, 2), initial=1.0)
            largest = weight * (fan_in * largest + 1) * steepest * min(group, 2)
    return largest


def _check_range(layers: Layers, rows: NDArray[np.float64], box: NDArray[np.float64]) -> None:
    """Refuse values that float64 cannot hold."""
    largest = float(largest_units(layers, rows, box).max(initial=0.0))
    if not largest < LARGEST:
        raise ValueError(
            f"weights are so large that units may reach {largest:.0e}; allowed is {LARGEST:.0e}: scale them"
        )


class Answers:
    """Exact answers to what is asked for, network after network."""

    def __init__(self, layers: Layers, rows: NDArray[np.float64]) -> None:
        self._layers, self._rows, self._of, self._exact = layers, rows, -1, ExactNetwork([], [], [])

    def give(self, work: Work) -> None:
        """Answer all that is asked."""
        b, state = work.buffers, work.state
        if self._of != state[NETWORK]:
            self._of = int(state[NETWORK])
            own = self._layers.of(self._of)
            matrices = own.matrices(self._rows[self._of])
            self._exact = ExactNetwork(matrices, list(own.slopes[:, 0]), own.shapes[:, 2].tolist())
        if len(b.answers) < state[ANSWERS] + state[QUERIES]:
            b = work.buffers = grown(b)
        layer = int(state[LAYER])
        for start, end, one, other in b.queries[: state[QUERIES]].tolist():
            if end < 0:
                _set_sign(b, start, one, self._exact.sign(b.vertices, start, layer, one))
            else:
                order = self._exact.order(b.vertices, (start, end), layer, (one, other))
                b.answers[state[ANSWERS]] = start, end, one, other, order
                state[ANSWERS] += 1
        state[QUERIES] = 0


def _set_sign(b: Buffers, vertex: int, unit: int, sign: int) -> None:
    word, bit = unit // 64 * 2, np.uint64(1 << unit % 64)
    if sign == 0:
        b.values[vertex, unit] = 0.0
    else:
        b.signs[vertex, word + (sign < 0)] |= bit
