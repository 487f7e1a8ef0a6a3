"""A network that was built, what it approximates, and what is proved of both."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.constructions._circuits import Affine, Network, Number
from relusweep.tasks.constructions._evaluate import evaluate, evaluate_exactly
from relusweep.tasks.constructions._recipes import Bounds, Domain, Setting, as_float
from relusweep.tasks.exact import as_fractions

__all__ = ["Construction", "Layer", "too_large"]


class Layer(NamedTuple):
    """Weights and biases of one layer.

    Attributes
    ----------
    weights : ndarray of shape (n_units, n_inputs)
        float64, or object (of Fraction and int) if exact.
    biases : ndarray of shape (n_units,)
    """

    weights: NDArray[Any]
    biases: NDArray[Any]


@dataclass(frozen=True)
class Construction:
    """A network, what it approximates, and what is proved of both.

    Attributes
    ----------
    name : str
    setting : Setting
        q, d, n, l and target.
    exact : bool
        Whether parameters are fractions; if not, they are rounded to float64.
    activation : str
        ``relu``, ``requ`` (max(x, 0)²), ``logistic`` or ``gaussian`` (exp(-x²)).
    bounds : Bounds
        Also of width and depth, and what the source claims up to a factor.
    domain : Domain
        Where the bounds hold; ``domain.words`` says it.
    """

    name: str
    setting: Setting
    exact: bool
    activation: str
    bounds: Bounds
    domain: Domain
    _network: Network = field(repr=False)
    _value: Callable[[Setting, Sequence[Fraction]], Number] = field(repr=False)

    @property
    def bound_error(self) -> float:
        """The largest error that is proved possible on the domain; NaN if none is known."""
        return float(self.bounds.error)

    @property
    def bound_parameters(self) -> float:
        """The largest absolute parameter that is proved possible; NaN if none is known, or infinite."""
        return as_float(self.bounds.parameters)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Dense weights and biases of all layers; the last one has no activation."""
        return tuple(_dense(layer, self.exact) for layer in self._network.layers)

    @property
    def width(self) -> int:
        """Units of the widest hidden layer."""
        return self._network.width

    @property
    def depth(self) -> int:
        """Hidden layers."""
        return self._network.depth

    @cached_property
    def n_nonzero(self) -> int:
        """Parameters that are not zero."""
        return sum(1 for _ in self._network.parameters())

    @property
    def n_parameters(self) -> int:
        """All parameters of dense layers: weights and biases."""
        return sum(len(layer.biases) * (layer.n_inputs + 1) for layer in self._network.layers)

    @cached_property
    def largest(self) -> float:
        """The largest absolute parameter; infinite beyond float64."""
        values = list(self._network.parameters())
        return as_float(max(max(values, default=0), -min(values, default=0)))

    @cached_property
    def log10_largest(self) -> float:
        """Its decimal logarithm, also beyond float64; minus infinite where all parameters are 0."""
        largest = max(map(abs, map(Fraction, self._network.parameters())), default=Fraction(0))
        if not largest:
            return -math.inf
        return math.log10(largest.numerator) - math.log10(largest.denominator)

    def points(self, count: int) -> NDArray[np.float64]:
        """Give about `count` points of the domain, always the same.

        Returns
        -------
        ndarray of shape (n_points, d), float64
        """
        return self.domain.points(count)

    def evaluate(self, points: ArrayLike, dtype: str = "float64") -> NDArray[Any]:
        """Compute the network's outputs.

        Parameters
        ----------
        points : array_like of shape (n_points, d)
            Floats are taken for the fractions that they are; of ``exact``, fractions may come too.
        dtype : str
            ``float32``, ``float64`` (parameters, products and sums are rounded to it), or ``exact``.

        Returns
        -------
        ndarray of shape (n_points,)
            Of the dtype; object, of Fraction, if exact.

        Raises
        ------
        ValueError
            If points have another shape or the dtype is another one.
        """
        if np.ndim(points) != 2 or np.shape(points)[1] != self.domain.d:
            raise ValueError(
                f"points have to be of shape (n_points, {self.domain.d}); got {np.shape(points)}"
            )
        if dtype == "exact":
            return evaluate_exactly(self._network.layers, self.activation, as_fractions(points))
        if dtype not in ("float32", "float64"):
            raise ValueError(f"dtype has to be float32, float64 or exact; got {dtype!r}")
        if dtype == "float64" and math.isinf(self.largest):
            raise OverflowError(too_large(self.name))
        at: NDArray[np.floating[Any]] = np.asarray(points, np.float32 if dtype == "float32" else np.float64)
        return evaluate(self._network.layers, self.activation, at)

    def approximates(self, points: ArrayLike) -> NDArray[np.object_]:
        """Give what the network should: fractions, to 256 bits where the function is not rational.

        Parameters
        ----------
        points : array_like of shape (n_points, d)

        Returns
        -------
        ndarray of shape (n_points,), object
        """
        values = np.empty(len(np.asarray(points)), dtype=object)
        values[:] = [self._value(self.setting, tuple(point)) for point in as_fractions(points)]
        return values

    def error(self, points: ArrayLike, dtype: str = "float64") -> float:
        """Give the largest error at points, without rounding beside that of the evaluation.

        Returns
        -------
        float
            Infinite where an output is not finite.
        """
        outputs = self.evaluate(points, dtype)
        if dtype != "exact" and not np.isfinite(outputs).all():
            return math.inf
        return float(max(abs(as_fractions(outputs) - self.approximates(points))))


def too_large(name: str) -> str:
    """Say that a construction's parameters are too large for float64, and what to do."""
    return (
        f"parameters of the construction {name} pass the range of float64, 1.8e308; build it with exact=True "
        "and evaluate it with dtype 'exact', or make n, l or q smaller"
    )


def _dense(layer: Affine, exact: bool) -> Layer:
    dtype = object if exact else np.float64
    weights = np.zeros((len(layer.rows), layer.n_inputs), dtype)
    for row, entries in zip(weights, layer.rows, strict=True):
        row[list(entries)] = list(entries.values())
    return Layer(weights, np.array(layer.biases, dtype))
