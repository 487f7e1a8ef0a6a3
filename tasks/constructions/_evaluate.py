"""Networks evaluated in float32, in float64 and exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.constructions._circuits import Affine
from relusweep.tasks.constructions._targets import rational

__all__ = ["evaluate", "evaluate_exactly"]

Floats = NDArray[np.floating[Any]]

_BITS = 80  # of exponentials that are then rounded to float64


def evaluate(layers: Sequence[Affine], activation: str, points: Floats) -> NDArray[Any]:
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
    signals = np.ascontiguousarray(points.T)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for layer in layers[:-1]:
            signals = _FLOATS[activation](_affine(layer, signals))
        return np.squeeze(_affine(layers[-1], signals), axis=0)


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
    from flint import fmpq

    signals = [[fmpq(x.numerator, x.denominator) for x in column] for column in points.T]
    for layer, following in pairwise(layers):
        signals = _EXACT[activation](_exact_affine(layer, signals, len(points)), following)
    (values,) = _exact_affine(layers[-1], signals, len(points))
    exact = np.empty(len(values), dtype=object)
    exact[:] = [Fraction(int(value.p), int(value.q)) for value in values]
    return exact


def _affine(layer: Affine, signals: Floats) -> Floats:
    """Add the products with the first weight of every row, then with the second, and so on."""
    lengths = np.array([len(row) for row in layer.rows], dtype=np.intp)
    order = np.argsort(-lengths, kind="stable")
    sums = np.empty((len(order), signals.shape[1]), signals.dtype)
    sums[:] = np.array([layer.biases[row] for row in order], np.float64).astype(signals.dtype)[:, None]
    longest = [tuple(layer.rows[row].items()) for row in order]
    for i in range(lengths.max(initial=0)):
        columns, weights = zip(*(row[i] for row in longest[: (lengths > i).sum()]), strict=True)
        factors = np.array(weights, np.float64).astype(signals.dtype)
        sums[: len(columns)] += factors[:, None] * signals[list(columns)]
    found = np.empty_like(sums)
    found[order] = sums
    return found


def _exact_affine(layer: Affine, signals: list[list[Any]], n_points: int) -> list[list[Any]]:
    return list(_exact_rows(layer, signals, n_points))


def _exact_rows(layer: Affine, signals: list[list[Any]], n_points: int) -> Iterator[list[Any]]:
    from flint import fmpq

    for row, bias in zip(layer.rows, map(Fraction, layer.biases), strict=True):
        sums = [fmpq(bias.numerator, bias.denominator)] * n_points
        for signal, weight in row.items():
            fraction = Fraction(weight)
            factor = fmpq(fraction.numerator, fraction.denominator)
            sums = [total + factor * value for total, value in zip(sums, signals[signal], strict=True)]
        yield sums


def _exponential(values: Floats) -> Floats:
    """Give e^z, rounded correctly but in rare cases: NumPy's differs from one machine to another."""
    from flint import arb, ctx

    with ctx.workprec(_BITS):
        found = [float(arb(z).exp().mid()) for z in values.ravel().tolist()]
    return np.array(found, np.float64).reshape(values.shape)


def _gaussian(z: Floats) -> Floats:
    return _exponential(-np.square(z.astype(np.float64))).astype(z.dtype)


def _logistic(z: Floats) -> Floats:
    return (1 / (1 + _exponential(-z.astype(np.float64)))).astype(z.dtype)


def _requ(z: Floats) -> Floats:
    return np.square(np.maximum(z, 0))


_FLOATS: dict[str, Callable[[Floats], Floats]] = {
    "relu": lambda z: np.maximum(z, 0),
    "requ": _requ,
    "gaussian": _gaussian,
    "logistic": _logistic,
}


def _exact_relu(sums: list[list[Any]], following: Affine) -> list[list[Any]]:
    return [[max(value, 0 * value) for value in unit] for unit in sums]


def _exact_requ(sums: list[list[Any]], following: Affine) -> list[list[Any]]:
    return [[value * value for value in unit] for unit in _exact_relu(sums, following)]


def _exact_exponential(of: Callable[[Any], Any]) -> Callable[[list[list[Any]], Affine], list[list[Any]]]:
    def apply(sums: list[list[Any]], following: Affine) -> list[list[Any]]:
        from flint import arb, ctx, fmpq

        largest = max((abs(Fraction(w)) for row in following.rows for w in row.values()), default=Fraction(1))
        bits = 160 + math.ceil(largest * len(sums)).bit_length()
        with ctx.workprec(bits):
            found = [[rational(of(arb(value))) for value in unit] for unit in sums]
        return [[fmpq(value.numerator, value.denominator) for value in unit] for unit in found]

    return apply


_EXACT: dict[str, Callable[[list[list[Any]], Affine], list[list[Any]]]] = {
    "relu": _exact_relu,
    "requ": _exact_requ,
    "gaussian": _exact_exponential(lambda z: (-z * z).exp()),
    "logistic": _exact_exponential(lambda z: 1 / (1 + (-z).exp())),
}
