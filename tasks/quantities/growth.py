"""How parameters of constructed networks grow, and errors fall, with their width and depth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from enum import IntEnum
from functools import cache, lru_cache
from itertools import product
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import AfterValidator, Field

from relusweep._yaml import Whole
from relusweep.tasks import constructions
from relusweep.tasks.axes import Axis, Setting
from relusweep.tasks.constructions._recipes import Bounds
from relusweep.tasks.declared import Declared, codes, numbers
from relusweep.tasks.quantities import Labels, Quantity

__all__ = ["Built", "Growth"]

NONE = "none"
_UNUSED = ((NONE, 0),)
_AXES = {"q": "q", "d": "d", "n": "N", "l": "L", "target": "target"}
"""Axes by what constructions call them."""

_NUMBERS = {
    "width": "units of the widest hidden layer",
    "depth": "hidden layers",
    "n_parameters": "weights and biases of dense layers",
    "n_nonzero": "parameters that are not zero",
    "n_points": "points at which errors are measured",
}
_REALS = {
    "largest": "largest absolute parameter",
    "log10_largest": "decimal logarithm of the largest absolute parameter",
    "error": "largest error, computed exactly",
    "mean_error": "mean absolute error, computed exactly",
    "error_float64": "largest error, computed in float64",
    "error_float32": "largest error, computed in float32",
    "bound_error": "bound on the error",
    "bound_parameters": "bound on the largest absolute parameter",
    "bound_width": "bound on the width",
    "bound_depth": "bound on the depth",
    "claimed_error": "order of the error that the source claims",
    "claimed_parameters": "order of the largest absolute parameter that the source claims",
}


class Built(IntEnum):
    """What came of a construction."""

    BUILT = 0
    BEYOND_FLOAT64 = 1


def _construction(name: str) -> str:
    if name not in constructions.names():
        raise ValueError(f"no construction {name!r}; there are {', '.join(constructions.names())}")
    return name


def _target(name: str) -> str:
    if name not in (NONE, *constructions.TARGETS):
        raise ValueError(f"no target {name!r}; there are {NONE}, {', '.join(constructions.TARGETS)}")
    return name


class Growth(Quantity):
    """Networks that are built, not trained: sizes, parameters and errors, beside the bounds.

    A construction that does not depend on an axis has cells at its label ``none`` alone; one that does has
    no cells there. Where parameters are beyond float64, ``built`` says so.

    Attributes
    ----------
    construction : tuple of str
    q, d, N, L : tuple of int
    target : tuple of str
    points : int
        About how many points errors are measured at.
    most_units : int
        Networks of more units are left out, by the bounds of width and depth.
    """

    folder: ClassVar[str] = "growth"
    unit: ClassVar[str] = "constructions"
    verb: ClassVar[str] = "build"
    extent: ClassVar[tuple[str, ...]] = ("most_units",)

    construction: Annotated[
        tuple[Annotated[str, AfterValidator(_construction)], ...],
        Axis("how the network is built", None),
        Field(description=", ".join(constructions.names())),
    ]
    target: Annotated[
        tuple[Annotated[str, AfterValidator(_target)], ...],
        Axis("function that is approximated", None),
        Field(description=f"{NONE}, {', '.join(constructions.TARGETS)}"),
    ]
    q: Annotated[
        tuple[Annotated[int, Field(ge=0, le=constructions.LARGEST_Q)], ...],
        Axis("derivatives of the target that are used", comment="0: none", words=_UNUSED),
        Field(description=f"none, or 1 to {constructions.LARGEST_Q}"),
    ]
    d: Annotated[
        tuple[Annotated[int, Field(ge=0, le=2)], ...],
        Axis("inputs", comment="0: not a choice", words=_UNUSED),
        Field(description="none, 1 or 2"),
    ]
    N: Annotated[
        tuple[Annotated[int, Field(ge=0, le=10_000)], ...],
        Axis("what the width grows with", comment="0: not a choice", words=_UNUSED),
        Field(description="none, or 1 to 10 000"),
    ]
    L: Annotated[
        tuple[Annotated[int, Field(ge=0, le=10_000)], ...],
        Axis("what the depth grows with", comment="0: not a choice", words=_UNUSED),
        Field(description="none, or 1 to 10 000"),
    ]
    points: Annotated[Whole, Field(ge=2, le=100_000, description="2 to 100 000")] = 64
    most_units: Annotated[Whole, Field(ge=1, description="at least 1")] = 16_000

    def variables(self) -> Mapping[str, Declared]:
        """Give sizes, parameters, errors and bounds."""
        return {
            "built": codes("what came of the construction", Built),
            **{name: numbers("int64", words) for name, words in _NUMBERS.items()},
            **{name: numbers("float64", words) for name, words in _REALS.items()},
        }

    @property
    def wanted(self) -> NDArray[np.bool_]:
        """Which cells are of axes that their construction uses, and of networks that are not too large."""
        return _wanted(self)

    def check(self) -> None:
        """Refuse labels at which nothing is built."""
        if not self.wanted.any():
            raise ValueError(f"nothing is built: {self._left_out(self.construction[0])}")

    def _left_out(self, name: str) -> str:
        """Say why a construction has no cell."""
        used = constructions.uses(name)
        lacking = [
            dim for own, dim in _AXES.items() if own not in used and not {0, NONE} & set(getattr(self, dim))
        ]
        if lacking:
            return f"{name} does not use {' and '.join(lacking)}; add none there, as {lacking[0]}=none,…"
        names = ", ".join(_AXES[own] for own in used)
        return f"{name} uses {names}, and no label of these is given, or most_units is too small"

    def notes(self) -> list[str]:
        """Say which constructions have no cell, and of how many parameters may be beyond float64."""
        asked = [bool(some.any()) for some in self.wanted]
        lost = [name for name, some in zip(self.construction, asked, strict=True) if not some]
        labels = {dim: labels for dim, (labels, _) in self.axes.items()}
        settings = (
            {dim: labels[dim][at] for dim, at in zip(labels, place, strict=True)}
            for place in np.argwhere(self.wanted)
        )
        found = [_bounds(*_arguments(setting)) for setting in settings]
        beyond = sum(math.isinf(_float(bounds.parameters)) for bounds in found)
        said = (
            f"{beyond:,} of {len(found):,} constructions may have parameters beyond float64: these are "
            "computed exactly alone"
        )
        return [*([said] if beyond else []), *(f"left out: {self._left_out(name)}" for name in lost)]

    def block_shape(self) -> Mapping[str, int]:
        """Give all depths of a width: a run of seconds, and one chunk of the store."""
        return {"L": 16}

    def cost(self, labels: Labels) -> float:
        """Estimate it by the bounds of width and depth."""
        return sum(1.0 + _units(_bounds(*_arguments(setting))) for setting in _each(labels))

    def cell(self, setting: Setting) -> Mapping[str, ArrayLike]:
        """Build a network, and measure it."""
        name, q, d, n, l, target = _arguments(setting)  # noqa: E741  (the source's name)
        built = constructions.build(name, q=q, d=d, n=n, l=l, target=target, exact=True)
        points = built.points(self.points)
        off = np.array(abs(built.evaluate(points, "exact") - built.approximates(points)), float)
        beyond = math.isinf(built.largest)
        return {
            "built": Built.BEYOND_FLOAT64 if beyond else Built.BUILT,
            "width": built.width,
            "depth": built.depth,
            "n_parameters": built.n_parameters,
            "n_nonzero": built.n_nonzero,
            "n_points": len(points),
            "largest": math.nan if beyond else built.largest,
            "log10_largest": built.log10_largest,
            "error": off.max(),
            "mean_error": off.mean(),
            "error_float64": math.nan if beyond else built.error(points, "float64"),
            "error_float32": math.nan if beyond else built.error(points, "float32"),
            **{f"bound_{name}": _float(getattr(built.bounds, name)) for name in _BOUNDED},
            "claimed_error": built.bounds.claimed_error,
            "claimed_parameters": built.bounds.claimed_parameters,
        }


_BOUNDED = ("error", "parameters", "width", "depth")


@lru_cache(4)
def _wanted(growth: Growth) -> NDArray[np.bool_]:
    wanted = np.zeros(growth.shape, bool)
    labels = {dim: labels.tolist() for dim, (labels, _) in growth.axes.items()}
    for number, name in enumerate(labels.pop("construction")):
        uses = [dim for own, dim in _AXES.items() if own in constructions.uses(name)]
        places = [
            [at for at, label in enumerate(some) if (label in (0, NONE)) != (dim in uses)]
            for dim, some in labels.items()
        ]
        for place in product(*places):
            setting = {dim: labels[dim][at] for dim, at in zip(labels, place, strict=True)}
            bounds = _bounds(*_arguments({"construction": name, **setting}))
            wanted[(number, *place)] = _units(bounds) <= growth.most_units
    wanted.flags.writeable = False
    return wanted


def _each(labels: Labels) -> Iterator[Setting]:
    for cell in product(*labels.values()):
        yield dict(zip(labels, cell, strict=True))


def _arguments(setting: Setting) -> tuple[Any, ...]:
    """Name a construction; what it does not use means nothing to it."""
    numbers = (setting[dim] or 1 for dim in ("q", "d", "N", "L"))
    target = constructions.TARGETS[0] if setting["target"] == NONE else setting["target"]
    return setting["construction"], *numbers, target


@cache
def _bounds(name: str, q: int, d: int, n: int, l: int, target: str) -> Bounds:  # noqa: E741
    return constructions.check(name, q=q, d=d, n=n, l=l, target=target, exact=True)


def _units(bounds: Bounds) -> float:
    return _float(bounds.width) * max(1.0, _float(bounds.depth))


def _float(value: Any) -> float:
    """Round a number; beyond float64 it is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf
