"""What floats cannot tell about regions in space, told by rational arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.exact import as_fractions, as_whole, interior_point, maximise, null_space, rank

__all__ = [
    "RationalNetwork",
    "allowed_vector",
    "irredundant",
    "is_bounded",
    "kept_rows",
    "point_on_facet",
    "rational_network",
]

Exact = NDArray[np.object_]


class RationalNetwork:
    """The units of a network as exact affine functions of vectors (x, s).

    Parameters
    ----------
    layers : list of (ndarray of shape (fan_out, fan_in), ndarray of shape (fan_out,)), object
    slopes : ndarray of shape (n_layers,), object
        Below zero, of each layer.
    inputs : ndarray of shape (d, d + 1), object
        Affine functions of the inputs.
    extra : ndarray of shape (n_extra, d + 1), object
        Rows ``r @ y < 0`` that every region keeps.
    """

    def __init__(self, layers: list[tuple[Exact, Exact]], slopes: Exact, inputs: Exact, extra: Exact) -> None:
        self._layers, self._inputs, self._extra = layers, inputs, extra
        self._factors = [as_fractions([slope, 1]) for slope in slopes]
        self._known: dict[bytes, Exact] = {}

    def functions(self, signs: NDArray[np.uint8], n_layers: int) -> Exact:
        """Give the units of some layers before activation: shape (n_units, d + 1)."""
        found, before, start = [], self._inputs, 0
        factors = as_fractions(np.ones(len(before), dtype=int))
        for (weights, biases), of_signs in zip(self._layers[:n_layers], self._factors, strict=False):
            key = signs[:start].tobytes()
            if key not in self._known:
                if len(self._known) > 1000:
                    self._known.clear()
                self._known[key] = weights @ (factors[:, None] * before)
                self._known[key][:, -1] += biases
            before = self._known[key]
            found.append(before)
            factors = of_signs[signs[start : start + len(biases)].astype(np.intp)]
            start += len(biases)
        return np.concatenate(found)

    def rows(self, signs: NDArray[np.uint8], ids: Iterable[int], n_layers: int) -> Exact:
        """Give rows ``r @ y < 0`` of units, numbered, on the sides that signs say, and of extra ones."""
        functions, n_units = self.functions(signs, n_layers), len(signs)
        rows = [
            self._extra[i - n_units] if i >= n_units else (-functions[i] if signs[i] else functions[i])
            for i in ids
        ]
        return np.array(rows, dtype=object).reshape(-1, functions.shape[1])

    def layer_of(self, unit: int) -> int:
        """Count the layers up to that of a unit."""
        return int(np.searchsorted(np.cumsum([len(biases) for _, biases in self._layers]), unit, "right")) + 1

    def across(self, point: Exact, direction: Exact) -> NDArray[np.bool_]:
        """Give the signs of all units just behind a point on the way in a direction."""
        values, slopes, signs = point, direction, []
        for (weights, biases), of_signs in zip(self._layers, self._factors, strict=True):
            values, slopes = weights @ values + biases, weights @ slopes
            on = np.where(values == 0, slopes > 0, values > 0).astype(bool)
            factors = of_signs[on.astype(np.intp)]
            values, slopes = factors * values, factors * slopes
            signs.append(on)
        return np.concatenate(signs)


def rational_network(
    layers: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    slopes: Sequence[float | Fraction],
    box: NDArray[np.float64] | None,
    inputs: Exact,
) -> RationalNetwork:
    """Make a rational network of floats or fractions, in a box of shape (2, d) or in all of space."""
    exact = [(as_fractions(weights), as_fractions(biases)) for weights, biases in layers]
    bounds = None if box is None else as_fractions(box)
    return RationalNetwork(exact, as_fractions(slopes), inputs, kept_rows(inputs, bounds))


def kept_rows(inputs: NDArray[Any], box: NDArray[Any] | None) -> NDArray[Any]:
    """Rows that every region keeps: the upper and the lower sides of a box, or that s is positive."""
    d = len(inputs)
    last = np.eye(1, d + 1, d, dtype=inputs.dtype)
    if box is None:
        return -last
    low, high = box
    return np.concatenate([inputs - high[:, None] * last, low[:, None] * last - inputs])


def allowed_vector(
    rows: Exact, candidates: Sequence[NDArray[np.float64]] = (), held: Sequence[int] = ()
) -> NDArray[np.float64] | None:
    """Give a vector with ``r @ y < 0`` for all rows, or None; zeros where no vector of floats is one.

    Candidates, and rows whose hull may hold the origin, save the linear program if they are right.
    """
    rows = np.array([as_whole(row) for row in rows])
    for candidate in candidates:
        if candidate.any() and _allow(rows, candidate):
            return candidate.copy()
    if len(held):
        shares = null_space(rows[list(held)].T)
        if len(shares) == 1 and (shares[0] * shares[0][0] > 0).all():
            return None
    # Rows of about the same size, so that the vector is well inside all of them.
    even = np.array([row * Fraction(1, max(map(abs, row))) for row in rows], dtype=object)
    found = interior_point(even, np.zeros(len(rows), dtype=int))
    if found is None:
        return None
    vector = (found / np.abs(found).max()).astype(np.float64)
    return vector if _allow(rows, vector) else np.zeros(len(vector))


def _allow(rows: Exact, vector: NDArray[np.float64]) -> bool:
    return bool((rows @ as_whole(as_fractions(vector)) < 0).all())


def irredundant(rows: Exact, unclear: Iterable[int]) -> list[int]:
    """Give the rows that remain when those of the unclear ones are left out that follow from others."""
    kept = list(range(len(rows)))
    for i in unclear:
        flipped = np.array([-rows[i], *(rows[j] for j in kept if j != i)])
        if allowed_vector(flipped) is None:
            kept.remove(i)
    return kept


def is_bounded(slopes: Exact) -> bool:
    """Whether ``slopes @ x <= 0`` holds for zero alone, with slopes of shape (m, d)."""
    if rank(slopes) < slopes.shape[1]:
        return False
    # In a direction of the cone, none of the sums rises, and one falls.
    falls = -slopes.sum(axis=0)
    best = maximise(falls, np.vstack([slopes, falls]), np.append(np.zeros(len(slopes), dtype=int), 1))
    return best is not None and best.value == 0


def point_on_facet(Q: Exact, p: Exact, facet: int) -> Exact:
    """Give a point of ``Q @ x <= p`` where only the inequality of one facet is an equality."""
    others = np.delete(np.arange(len(p)), facet)
    point = interior_point(Q[others], p[others], Q[[facet]], p[[facet]])
    assert point is not None  # a facet has such points
    return point
