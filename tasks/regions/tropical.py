"""A network as a difference of two maxima of affine functions, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.exact import as_fractions
from relusweep.tasks.regions.space import regions_in_space

__all__ = ["TropicalForm", "tropical_form"]

Exact = NDArray[np.object_]


@dataclass(frozen=True)
class TropicalForm:
    """Differences ``max(plus) - max(minus)`` of affine functions, one for each output.

    Each affine function, a monomial of tropical algebra, is a row: the inputs' coefficients, the constant.
    Each is the only largest one somewhere, so none can be left out.

    Attributes
    ----------
    plus, minus : list of ndarray of shape (n_monomials, d + 1), object
        Fractions, for each output.
    """

    plus: list[Exact]
    minus: list[Exact]

    def __call__(self, points: ArrayLike) -> Exact:
        """Evaluate at points of shape (..., d): shape (..., n_outputs), fractions."""
        x = as_fractions(points)
        both = [
            [(x @ monomials[:, :-1].T + monomials[:, -1]).max(axis=-1) for monomials in side]
            for side in (self.plus, self.minus)
        ]
        return np.asarray(np.stack(both[0], axis=-1) - np.stack(both[1], axis=-1))

    def __str__(self) -> str:
        sides = [(_maximum(a), _maximum(b)) for a, b in zip(self.plus, self.minus, strict=True)]
        lines = [a if b == "0" else f"{a} - {b}" for a, b in sides]
        return lines[0] if len(lines) == 1 else "\n".join(f"f{k} = {line}" for k, line in enumerate(lines, 1))


def tropical_form(
    layers: Sequence[tuple[ArrayLike, ArrayLike]],
    *,
    slope_below: float | Fraction | Sequence[float | Fraction] = 0,
    limit: int = 1_000_000,
) -> TropicalForm:
    """Write a small network as a difference of two maxima of affine functions.

    Parameters
    ----------
    layers : sequence of (array_like of shape (fan_out, fan_in), array_like of shape (fan_out,))
        Weights and biases from the inputs to the outputs: whole numbers, fractions, or floats, which are
        fractions of powers of two. At most six inputs.
    slope_below : float or Fraction, or a sequence of them
        The slope of hidden units below zero, of all or of each layer: 0 is ReLU, −1 the absolute value.
    limit : int
        Networks of more regions are refused.

    Returns
    -------
    TropicalForm

    Raises
    ------
    ValueError
        As `regions_in_space`, or if there are more regions than the limit.

    Notes
    -----
    A unit before activation is a difference P − Q of convex functions, and its maximum with zero is max(P, Q)
    − Q: L. Zhang, G. Naitzat and L.-H. Lim, *Tropical geometry of deep neural networks* (ICML 2018). Which
    of P and Q is larger is the sign of the unit. So on each region both sides of the difference are affine,
    and, as they are convex, each is the maximum of what it is on the regions. Nothing has to be multiplied
    out, and there are no monomials that are never attained to remove.

    Examples
    --------
    The example of the dissertation, section 5.4, which it prints as ``max(-1, -1 + x1 + x2) - max(0, 2 x1 + 2
    x2)``. That is −1 at zero, where the network is 0. Right is:

    >>> hidden, output = ([[1, 1], [1, 1]], [1, 0]), ([[1, -2]], [-1])
    >>> print(tropical_form([hidden, output]))
    max(-1, x1 + x2) - max(0, 2 x1 + 2 x2)
    """
    regions = regions_in_space(layers, slope_below=slope_below, limit=limit)
    if not regions.complete:
        raise ValueError(
            f"the network has more than {limit} regions; give a larger limit, or a smaller network"
        )
    pieces = _Pieces(
        [(as_fractions(weights), as_fractions(biases)) for weights, biases in regions.layers],
        as_fractions(regions.slopes),
    )
    sides = [pieces.outputs(signs) for signs in regions.signs]
    n_outputs = len(regions.layers[-1][1])
    plus, minus = (
        [_distinct(side[part][output] for side in sides) for output in range(n_outputs)] for part in (0, 1)
    )
    return TropicalForm(plus, minus)


class _Pieces:
    """Both sides of the difference on regions, which share what their first layers have in common."""

    def __init__(self, layers: list[tuple[Exact, Exact]], slopes: Exact) -> None:
        self._layers, self._slopes = layers, slopes
        d = layers[0][0].shape[1]
        self._known = {
            b"": (as_fractions(np.eye(d, d + 1, dtype=int)), as_fractions(np.zeros((d, d + 1), dtype=int)))
        }

    def outputs(self, signs: NDArray[np.bool_]) -> tuple[Exact, Exact]:
        """Give the affine functions (n_outputs, d + 1) of both sides where units have some signs."""
        *hidden, last = self._layers
        start = 0
        for layer, slope in zip(hidden, self._slopes, strict=True):
            stop = start + len(layer[1])
            key = signs[:stop].tobytes()
            if key not in self._known:
                before = self._known[signs[:start].tobytes()]
                self._known[key] = _activated(_affine(layer, before), signs[start:stop], slope)
            start = stop
        return _affine(last, self._known[signs.tobytes()])


def _affine(layer: tuple[Exact, Exact], sides: tuple[Exact, Exact]) -> tuple[Exact, Exact]:
    """Both sides of a layer's sums: negative weights exchange the sides of what comes in."""
    weights, biases = layer
    up, down = np.maximum(weights, 0), np.maximum(-weights, 0)
    P, Q = up @ sides[0] + down @ sides[1], up @ sides[1] + down @ sides[0]
    P[:, -1] += biases
    return P, Q


def _activated(sides: tuple[Exact, Exact], on: NDArray[np.bool_], s: Fraction) -> tuple[Exact, Exact]:
    """Both sides of ``s z + (1 - s) max(z, 0)``, with factors that are not negative, of z = P − Q."""
    P, Q = sides
    larger = np.where(on[:, None], P, Q)
    if s > 1:
        return s * P, Q + (s - 1) * larger
    if s < 0:
        return (1 - s) * larger, Q - s * P
    return s * P + (1 - s) * larger, Q


def _distinct(rows: Any) -> Exact:
    """Different rows, those of small coefficients first."""
    different = {tuple(row) for row in rows}
    ordered = sorted(different, key=lambda row: (sum(map(abs, row[:-1])), [-a for a in row]))
    return as_fractions(ordered)


def _maximum(monomials: Exact) -> str:
    terms = [_affine_text(row) for row in monomials.tolist()]
    return f"max({', '.join(terms)})" if len(terms) > 1 else f"({terms[0]})" if " " in terms[0] else terms[0]


def _affine_text(row: list[Fraction]) -> str:
    terms = [(a, f"x{k}") for k, a in enumerate(row[:-1], 1) if a]
    if row[-1] or not terms:
        terms.insert(0, (row[-1], ""))
    text = ""
    for a, name in terms:
        size = abs(a)
        body = f"{size}" if not name else name if size == 1 else f"{size} {name}"
        sign = ("-" if a < 0 else "") if not text else (" - " if a < 0 else " + ")
        text += sign + body
    return text
