"""Networks evaluated in float32, in float64 and exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.constructions._circuits import Affine, Number
from relusweep.tasks.constructions._targets import rational

__all__ = ["evaluate", "evaluate_exactly"]

_BITS = 80  # of exponentials that are then rounded to float64


def evaluate(layers: Sequence[Affine], activation: str, points: NDArray[Any]) -> NDArray[Any]:
    """Evaluate in the dtype of the points, every product and sum rounded to it, sums from left to right.

    Parameters
    ----------
    layers : sequence of Affine
        One output.
    activation : str
    points : ndarray of shape (n_points, n_inputs), float32 or float64

    Returns
    -------
    ndarray of shape (n_points,), of the same dtype
    """

    def rounded(values: Sequence[Number]) -> NDArray[Any]:
        return np.array(values, np.float64).astype(points.dtype)

    signals = np.ascontiguousarray(points.T)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for layer in layers[:-1]:
            signals = _FLOATS[activation](_affine(layer, rounded(layer.biases), signals, rounded))
        return np.squeeze(_affine(layers[-1], rounded(layers[-1].biases), signals, rounded), axis=0)


def evaluate_exactly(
    layers: Sequence[Affine], activation: str, points: NDArray[np.object_]
) -> NDArray[np.object_]:
    """Evaluate at fractions; exponentials to as many bits as leave the sum right to 128.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_inputs), object

    Returns
    -------
    ndarray of shape (n_points,), object
        Of Fraction.
    """
    signals = _over_one_denominator(points.T)
    for layer, following in pairwise(layers):
        signals = _EXACT[activation](_exact_affine(layer, signals), following)
    values, denominator = _exact_affine(layers[-1], signals)
    exact = np.empty(len(points), dtype=object)
    exact[:] = [Fraction(value, denominator) for value in values[0]]
    return exact


def _affine(
    layer: Affine,
    biases: NDArray[Any],
    signals: NDArray[Any],
    numbers: Callable[[Sequence[Number]], NDArray[Any]],
) -> NDArray[Any]:
    """Add the products with the first weight of every row, then with the second, and so on."""
    lengths = np.array([len(row) for row in layer.rows], dtype=np.intp)
    order = np.argsort(-lengths, kind="stable")
    sums = np.repeat(biases[order, None], signals.shape[1], axis=1)
    longest = [tuple(layer.rows[row].items()) for row in order]
    for i in range(lengths.max(initial=0)):
        columns, weights = zip(*(row[i] for row in longest[: (lengths > i).sum()]), strict=True)
        sums[: len(columns)] += numbers(weights)[:, None] * signals[list(columns)]
    found = np.empty_like(sums)
    found[order] = sums
    return found


class _Whole(NamedTuple):
    """Fractions over one denominator: whole numbers of Python in an array of dtype object."""

    values: NDArray[np.object_]
    denominator: int


def _exact_affine(layer: Affine, signals: _Whole) -> _Whole:
    parts = [*(weight for row in layer.rows for weight in row.values()), *layer.biases]
    common = math.lcm(*(part.denominator for part in parts))

    def whole(values: Sequence[Number]) -> NDArray[np.object_]:
        return np.array([value.numerator * (common // value.denominator) for value in values], dtype=object)

    sums = _affine(layer, whole(layer.biases) * signals.denominator, signals.values, whole)
    return _reduced(sums, signals.denominator * common)


def _reduced(values: NDArray[np.object_], denominator: int) -> _Whole:
    divisor = math.gcd(denominator, *values.ravel().tolist())
    return _Whole(values // divisor, denominator // divisor)


def _over_one_denominator(values: NDArray[np.object_]) -> _Whole:
    denominator = math.lcm(*(value.denominator for value in values.ravel()))
    return _Whole(values * denominator // 1, denominator)


def _exponential(values: NDArray[Any]) -> NDArray[Any]:
    """Give e^z, rounded correctly but in rare cases: NumPy's differs from one machine to another."""
    from flint import arb, ctx

    with ctx.workprec(_BITS):
        found = [float(arb(z).exp().mid()) for z in values.ravel().tolist()]
    return np.array(found, np.float64).reshape(values.shape)


def _gaussian(z: NDArray[Any]) -> NDArray[Any]:
    return _exponential(-np.square(z.astype(np.float64))).astype(z.dtype)


def _logistic(z: NDArray[Any]) -> NDArray[Any]:
    return (1 / (1 + _exponential(-z.astype(np.float64)))).astype(z.dtype)


_FLOATS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "relu": lambda z: np.maximum(z, 0),
    "requ": lambda z: np.square(np.maximum(z, 0)),
    "gaussian": _gaussian,
    "logistic": _logistic,
}


def _exact_relu(sums: _Whole, following: Affine) -> _Whole:
    return _Whole(np.maximum(sums.values, 0), sums.denominator)


def _exact_requ(sums: _Whole, following: Affine) -> _Whole:
    return _Whole(np.maximum(sums.values, 0) ** 2, sums.denominator**2)


def _exact_exponential(of: Callable[[Any], Any]) -> Callable[[_Whole, Affine], _Whole]:
    def apply(sums: _Whole, following: Affine) -> _Whole:
        from flint import arb, ctx, fmpq

        largest = max((abs(Fraction(w)) for row in following.rows for w in row.values()), default=Fraction(1))
        bits = 160 + math.ceil(largest * len(sums.values)).bit_length()
        found = np.empty(sums.values.shape, dtype=object)
        with ctx.workprec(bits):
            found.ravel()[:] = [rational(of(arb(fmpq(v, sums.denominator)))) for v in sums.values.ravel()]
        return _over_one_denominator(found)

    return apply


_EXACT: dict[str, Callable[[_Whole, Affine], _Whole]] = {
    "relu": _exact_relu,
    "requ": _exact_requ,
    "gaussian": _exact_exponential(lambda z: (-z * z).exp()),
    "logistic": _exact_exponential(lambda z: 1 / (1 + (-z).exp())),
}
