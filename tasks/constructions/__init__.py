"""Networks that are built, not trained, to approximate a function: one file each, found by its name.

A module defines ``RECIPE``, a `Recipe`. Parameters are computed in rational arithmetic, and rounded once.
"""

from __future__ import annotations

import math
from operator import index
from typing import Any

from relusweep.tasks import discovery
from relusweep.tasks.constructions._construction import Construction, Layer, too_large
from relusweep.tasks.constructions._recipes import Bounds, Recipe, Setting, as_float
from relusweep.tasks.constructions._targets import LARGEST_Q, TARGETS

__all__ = [
    "LARGEST_Q",
    "TARGETS",
    "Construction",
    "Layer",
    "build",
    "check",
    "largest_within_bound",
    "names",
    "uses",
]


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
    setting = _setting(q, d, n, l, target)
    bounds = _recipe(name).bounds(setting)
    if not exact and math.isinf(as_float(bounds.parameters)):
        raise OverflowError(too_large(name))
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
    recipe, setting = _recipe(name), _setting(q, d, n, l, target)
    network = recipe.network(setting)
    if not exact:
        network = network.rounded()
    return Construction(
        name, setting, exact, recipe.activation, bounds, recipe.domain(setting), network, recipe.value
    )


def largest_within_bound(
    name: str,
    dtype: str,
    along: str,
    up_to: int,
    *,
    q: int,
    d: int,
    n: int,
    l: int,
    target: str,
    count: int = 99,
) -> int:
    """Find how far evaluation in a dtype keeps the bound of the error.

    Parameters
    ----------
    name, q, d, n, l, target
        As of `build`; the axis `along` starts at 1 instead of its value here.
    dtype : str
        As of `Construction.evaluate`.
    along : str
        ``n`` or ``l``.
    up_to : int
        Where the search ends.
    count : int
        About so many points are evaluated.

    Returns
    -------
    int
        The value before the first one at which an error is above the bound, or parameters pass float64's
        range; 0 if that is 1, and `up_to` if there is none.

    Raises
    ------
    ValueError
        If the bound of the error is 0: rounding alone exceeds it; or `along` is another axis.
    """
    if along not in ("n", "l"):
        raise ValueError(f"along has to be n or l; got {along!r}")
    for value in range(1, up_to + 1):
        there: dict[str, Any] = {"q": q, "d": d, "n": n, "l": l, "target": target, along: value}
        if check(name, **there, exact=True).error == 0:
            raise ValueError(
                f"the construction {name} is exact at {along} {value}: rounding alone exceeds its bound"
            )
        try:
            built = build(name, **there)
        except OverflowError:
            return value - 1
        if built.error(built.points(count), dtype) > built.bound_error:
            return value - 1
    return up_to


def _recipe(name: str) -> Recipe:
    if name not in names():
        raise ValueError(f"unknown construction {name!r}; allowed are {', '.join(names())}")
    return discovery.load(__name__, name, Recipe)


def _setting(q: int, d: int, n: int, l: int, target: str) -> Setting:
    """Check ranges, and take whole numbers of NumPy for those of Python, which never overflow."""
    given = {"q": q, "d": d, "n": n, "l": l}
    for name, highest in (("q", LARGEST_Q), ("d", 2), ("n", math.inf), ("l", math.inf)):
        try:
            value = given[name] = index(given[name])
        except TypeError:
            raise ValueError(
                f"{name} of a construction has to be a whole number; got {given[name]!r}"
            ) from None
        if not 1 <= value <= highest:
            limit = "at least 1" if highest == math.inf else f"from 1 to {highest}"
            raise ValueError(f"{name} of a construction has to be {limit}; got {value}")
    if target not in TARGETS:
        raise ValueError(f"unknown target {target!r}; allowed are {', '.join(TARGETS)}")
    return Setting(**given, target=target)
