"""Networks that are built, not trained, to approximate a function: one file each, found by its name.

A module defines ``RECIPE``, a `Recipe`. Parameters are computed in rational arithmetic, and rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks import discovery
from relusweep.tasks.constructions._circuits import Affine, Network
from relusweep.tasks.constructions._evaluate import evaluate, evaluate_exactly
from relusweep.tasks.constructions._recipes import Bounds, Domain, Recipe, Setting
from relusweep.tasks.constructions._targets import LARGEST_Q, TARGETS
from relusweep.tasks.exact import as_fractions

__all__ = ["LARGEST_Q", "TARGETS", "Construction", "Layer", "build", "check", "names", "uses"]


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
    _network: Network
    _values: Callable[[Setting, Any], Any]

    @property
    def bound_error(self) -> float:
        """The largest error that is proved possible on the domain; NaN if none is known."""
        return float(self.bounds.error)

    @property
    def bound_parameters(self) -> float:
        """The largest absolute parameter that is proved possible; NaN if none is known, or infinite."""
        return _as_float(self.bounds.parameters)

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
        return _as_float(max(map(abs, self._network.parameters()), default=0))

    @cached_property
    def log10_largest(self) -> float:
        """Its decimal logarithm, also beyond float64; minus infinite where all parameters are 0."""
        largest = Fraction(max(map(abs, self._network.parameters()), default=0))
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
            raise OverflowError(_too_large(self.name, self.setting))
        return evaluate(self._network.layers, self.activation, np.asarray(points, dtype))

    def approximates(self, points: ArrayLike) -> NDArray[np.object_]:
        """Give what the network should: fractions, to 256 bits where the function is not rational.

        Parameters
        ----------
        points : array_like of shape (n_points, d)

        Returns
        -------
        ndarray of shape (n_points,), object
        """
        return self._values(self.setting, as_fractions(points))

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


def names() -> tuple[str, ...]:
    """Name the constructions there are."""
    return discovery.names(__name__)


def uses(name: str) -> tuple[str, ...]:
    """Name the axes that a construction depends on, of q, d, n, l and target."""
    return _recipe(name).uses


def check(name: str, *, q: int, d: int, n: int, l: int, target: str, exact: bool = False) -> Bounds:
    """Give the bounds of a construction before it is built, or say why it cannot be.

    Parameters
    ----------
    name, q, d, n, l, target, exact
        As of `build`.

    Raises
    ------
    ValueError
        If there is no such construction, or a number is out of its range.
    OverflowError
        If parameters pass the range of float64; with `exact` they are fractions.
    """
    setting = Setting(q, d, n, l, target)
    _check_ranges(setting)
    bounds = _recipe(name).bounds(setting)
    if not exact and math.isinf(_as_float(bounds.parameters)):
        raise OverflowError(_too_large(name, setting))
    return bounds


def build(name: str, *, q: int, d: int, n: int, l: int, target: str, exact: bool = False) -> Construction:
    """Build a network. What a construction does not depend on (`uses`) is taken and means nothing.

    Parameters
    ----------
    name : str
        One of `names`.
    q : int
        Derivatives of the target that are used, 1 to `LARGEST_Q`; the degree of polynomials.
    d : int
        Inputs: 1 or 2.
    n, l : int
        Width and depth, up to factors that the construction says; at least 1.
    target : str
        One of `TARGETS`.
    exact : bool
        Keep parameters as fractions instead of float64.

    Raises
    ------
    ValueError
        If there is no such construction, or a number is out of its range.
    OverflowError
        If parameters pass the range of float64; with `exact` they are fractions.

    Examples
    --------
    >>> square = build("square", q=1, d=1, n=2, l=3, target="sine")
    >>> square.width, square.depth, square.error(square.points(99), "exact") <= square.bound_error
    (5, 3, True)
    """
    bounds = check(name, q=q, d=d, n=n, l=l, target=target, exact=exact)
    recipe, setting = _recipe(name), Setting(q, d, n, l, target)
    network = recipe.network(setting)
    if not exact:
        network = network.rounded()
    return Construction(
        name, setting, exact, recipe.activation, bounds, recipe.domain(setting), network, recipe.values
    )


def _recipe(name: str) -> Recipe:
    return discovery.load(__name__, name, Recipe)


def _check_ranges(setting: Setting) -> None:
    for name, highest in (("q", LARGEST_Q), ("d", 2), ("n", math.inf), ("l", math.inf)):
        value = getattr(setting, name)
        if not 1 <= value <= highest:
            limit = "at least 1" if highest == math.inf else f"from 1 to {highest}"
            raise ValueError(f"{name} of a construction has to be {limit}; got {value}")
    if setting.target not in TARGETS:
        raise ValueError(f"unknown target {setting.target!r}; allowed are {', '.join(TARGETS)}")


def _too_large(name: str, setting: Setting) -> str:
    where = ", ".join(f"{axis} {getattr(setting, axis)}" for axis in uses(name))
    return (
        f"parameters of the construction {name} ({where}) pass the range of float64, 1.8e308; build it with "
        "exact=True and evaluate it with dtype 'exact', or make n, l or q smaller"
    )


def _as_float(value: Fraction | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _dense(layer: Affine, exact: bool) -> Layer:
    dtype = object if exact else np.float64
    weights = np.zeros((len(layer.rows), layer.n_inputs), dtype)
    for row, entries in zip(weights, layer.rows, strict=True):
        row[list(entries)] = list(entries.values())
    return Layer(weights, np.array(layer.biases, dtype))
