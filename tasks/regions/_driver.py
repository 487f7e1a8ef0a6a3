"""What compiled cutting needs in between: larger buffers, and exact answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

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
from relusweep.tasks.regions._layers import cut_by_networks

__all__ = ["LARGEST", "Layers", "Work", "cut_each", "largest_units"]

LARGEST = 1e150  # products of two values are compared
_ROOM = 1024  # vertices in the first buffers


@dataclass(frozen=True)
class Layers:
    """The layers of networks that cut the plane, one shape for all of them.

    Attributes
    ----------
    shapes : ndarray of shape (n_layers, 2), int64
        Fan out and fan in.
    slopes : ndarray of shape (n_layers,), float64
        Slope below zero of the units of each.
    """

    shapes: NDArray[np.int64]
    slopes: NDArray[np.float64]

    @property
    def hidden(self) -> Layers:
        """Those that cut: all but the output."""
        return Layers(self.shapes[:-1], self.slopes[:-1])

    @property
    def n_words(self) -> NDArray[np.int64]:
        """Words of 64 bits that hold the units of each layer: shape (n_layers,)."""
        return -(-self.shapes[:, 0] // 64)

    @property
    def error(self) -> float:
        """Rounding error of any unit, against the sum of the sizes of its terms along all paths.

        Every layer adds the errors of one inner product and one activation; the factor 2 leaves room for
        vertices that are themselves rounded. Higham, *Accuracy and Stability of Numerical Algorithms* (2002),
        section 3.1.
        """
        return float(2 * (self.shapes[:, 1] + 2).sum() * np.finfo(np.float64).eps)

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
    widest = int(layers.shapes[:, 0].max())
    work = Work(new_buffers(_ROOM, widest, int(layers.n_words.sum())))
    sizes, answers, error = np.empty(widest), Answers(layers, rows), layers.error
    while work.state[NETWORK] < len(rows):
        code = cut_by_networks(
            work.buffers, work.state, layers.shapes, layers.slopes, rows, box, error, exact, limit, sizes,
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
        for (fan_out, fan_in), slope in zip(layers.shapes.tolist(), layers.slopes.tolist(), strict=True):
            start, end = end, end + fan_out * (fan_in + 1)
            weight = np.abs(rows[:, start:end]).max(axis=1, initial=0.0)
            largest = weight * (fan_in * largest + 1) * max(1.0, abs(slope))
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
        self._layers, self._rows, self._of, self._exact = layers, rows, -1, ExactNetwork([], [])

    def give(self, work: Work) -> None:
        """Answer all that is asked."""
        b, state = work.buffers, work.state
        if self._of != state[NETWORK]:
            self._of = int(state[NETWORK])
            matrices = self._layers.matrices(self._rows[self._of])
            self._exact = ExactNetwork(matrices, self._layers.slopes.tolist())
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
