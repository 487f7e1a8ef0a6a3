"""Signs and orders of zeros that rounding hides, in whole numbers.

Weights are binary fractions, so a layer is a matrix of whole numbers over a power of two. A vertex is three
whole numbers, (x, y) times the third: it is where a unit is zero between two earlier vertices, so it follows
from the unit's exact values there. Everything is worked out when it is first asked for, and kept.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import gcd, lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ExactNetwork", "functions_of"]

Point = tuple[int, int, int]


class ExactNetwork:
    """The units of one network at the vertices of its mesh.

    Parameters
    ----------
    matrices : list of ndarray of shape (n_rows, fan_in + 1), float64
    slopes : list of ndarray of shape (n_rows or more, 2), float64
        Above and below zero, behind each matrix.
    groups : list of int
        Rows of a unit; of more than one, units are their maxima, and functions the differences of two rows.
    """

    def __init__(
        self, matrices: list[NDArray[np.float64]], slopes: list[NDArray[np.float64]], groups: list[int]
    ) -> None:
        self._layers = [_whole(matrix) for matrix in matrices]
        self._slopes = [_whole(of[: len(m)]) for of, m in zip(slopes, matrices, strict=True)]
        self._groups = groups
        self._functions = [functions_of(len(m), group) for m, group in zip(matrices, groups, strict=True)]
        self._homes = [(layer, k) for layer, some in enumerate(self._functions) for k in range(len(some))]
        self._points: dict[int, Point] = {}
        self._values: dict[int, list[tuple[NDArray[Any], int]]] = {}

    def sign(self, vertices: NDArray[Any], vertex: int, layer: int, unit: int) -> int:
        """Give the sign of a unit at a vertex."""
        value = self._value(vertices, vertex, layer, unit)
        return (value > 0) - (value < 0)

    def order(self, vertices: NDArray[Any], edge: tuple[int, int], layer: int, units: tuple[int, int]) -> int:
        """Say which of two units is zero first on the way along an edge: -1, 1, or 0 for both."""
        start, end = edge
        (a, c), (b, d) = ([abs(self._value(vertices, at, layer, k)) for k in units] for at in (start, end))
        return (a * d > c * b) - (a * d < c * b)

    def _value(self, vertices: NDArray[Any], vertex: int, layer: int, unit: int) -> int:
        """Give a unit's value times a positive number, which is the same for all units of its layer."""
        known = self._values.setdefault(vertex, [])
        while len(known) <= layer:
            known.append(self._forward(vertices, vertex, len(known)))
        values, (row, other) = known[layer][0], self._functions[layer][unit]
        return int(values[row] if other is None else values[row] - values[other])

    def _forward(self, vertices: NDArray[Any], vertex: int, layer: int) -> tuple[NDArray[Any], int]:
        if layer == 0:
            x, y, below = self._point(vertices, vertex)
            before = np.array([x, y], object)
        else:
            values, below = self._values[vertex][layer - 1]
            if self._groups[layer - 1] > 1:
                before = values.reshape(-1, self._groups[layer - 1]).max(axis=1)
            else:
                slopes, scale = self._slopes[layer - 1]
                before = values * np.where(values > 0, slopes[:, 0], slopes[:, 1])
                below *= scale
        matrix, scale = self._layers[layer]
        return matrix[:, :-1] @ before + matrix[:, -1] * below, below * scale

    def _point(self, vertices: NDArray[Any], vertex: int) -> Point:
        waiting = [vertex]
        while waiting:
            at = waiting[-1]
            ends = [int(vertices[at][name]) for name in ("a", "b")]
            missing = [end for end in ends if end >= 0 and end not in self._points]
            if missing and at not in self._points:
                waiting += missing
                continue
            waiting.pop()
            if at not in self._points:
                self._points[at] = (
                    self._crossing(vertices, at, ends) if ends[0] >= 0 else _corner(vertices[at])
                )
        return self._points[vertex]

    def _crossing(self, vertices: NDArray[Any], vertex: int, ends: list[int]) -> Point:
        """Give the zero of a unit between two vertices."""
        layer, unit = self._homes[int(vertices[vertex]["function"])]
        (p, q), (a, b) = (
            [self._points[end] for end in ends],
            [self._value(vertices, end, layer, unit) for end in ends],
        )
        x, y, below = (b * one - a * other for one, other in zip(p, q, strict=True))
        common = gcd(x, y, below) * (1 if below > 0 else -1)
        return x // common, y // common, below // common


def _whole(matrix: NDArray[np.float64]) -> tuple[NDArray[Any], int]:
    ratios = [value.as_integer_ratio() for value in matrix.ravel().tolist()]
    scale = lcm(*(below for _, below in ratios))
    whole = np.array([above * (scale // below) for above, below in ratios], object)
    return whole.reshape(matrix.shape), scale


def functions_of(n_rows: int, group: int) -> list[tuple[int, int | None]]:
    """List the functions that cut: rows, or every two rows of a unit."""
    if group == 1:
        return [(row, None) for row in range(n_rows)]
    units = [range(first, first + group) for first in range(0, n_rows, group)]
    return [pair for rows in units for pair in combinations(rows, 2)]


def _corner(vertex: Any) -> Point:
    x, y = Fraction(float(vertex["x"])), Fraction(float(vertex["y"]))
    below = lcm(x.denominator, y.denominator)
    return int(x * below), int(y * below), below
