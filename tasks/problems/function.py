"""Functions of one to eight inputs, named or the user's own, fitted at points of an interval or a box."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import blake2b
from itertools import product
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from relusweep._yaml import Real, Whole
from relusweep.tasks import own
from relusweep.tasks.axes import LATER, Axis, Setting, fixed, label_array
from relusweep.tasks.declared import Coordinate
from relusweep.tasks.elementary import cos_sin_turn
from relusweep.tasks.expressions import MOST_INPUTS, expression
from relusweep.tasks.functions import TARGETS, Target, target
from relusweep.tasks.points import (
    chebyshev_points,
    grid_points,
    side_of_grid,
    sobol_points,
    uniform_points,
)
from relusweep.tasks.problems import Name, Problem, Trials
from relusweep.tasks.problems._own import checked_target, is_own, noisy, own_values

__all__ = ["Function", "Points", "sine_points"]

_DOMAIN = ((-1.0, 1.0),)
_PLACED: Mapping[str, Callable[..., NDArray[np.float32]]] = {
    "grid": grid_points,
    "chebyshev": chebyshev_points,
    "uniform": uniform_points,
    "sobol": sobol_points,
}
_GRIDS = ("grid", "chebyshev")


def _pairs(value: object) -> object:
    """Read one pair, also as text, as a list of it."""
    if isinstance(value, str):
        value = None if value == "none" else value.split(",")
    if isinstance(value, list | tuple) and not any(isinstance(part, list | tuple) for part in value):
        return [value]
    return value


class Function(Problem):
    """Named functions, or the user's own, at points that are the same for all trials.

    Targets are the values at the points as float32 holds them; those of the sine on the grid are the values
    before the points are rounded.

    Attributes
    ----------
    target : tuple of str
        Functions of `relusweep.tasks.functions` by their names, or your own: expressions, as
        ``sin(3*x1) + x2**2``, or import paths, as ``mymodule:f``. They may have different numbers of inputs.
    points : tuple of int
        Training points.
    layout : tuple of {'grid', 'chebyshev', 'uniform', 'sobol'}, optional
        Where they lie in the domain of the function: on an evenly spaced grid, both ends among them, which is
        the default; on a grid of Chebyshev points; drawn uniformly; or those of the Sobol sequence, shifted
        at random. The last two draw from the seed of the sweep. Fewer points are the first of more, but for
        grids.
    test_points : int, optional
        Further points of the Sobol sequence, shifted otherwise, that no network is trained on.
    n_inputs : tuple of int, optional
        Inputs of your own functions: import paths need it, expressions have those that they name.
    n_outputs : int, optional
        Outputs of functions by import path; by default one.
    domain : tuple of pairs of float, optional
        Where the inputs of your own functions lie, all or one by one; by default from -1 to 1.
    noise : tuple of float, optional
        Standard deviation of normal noise on the training targets, drawn from the seed of the sweep.
    noise_drawn : {'once', 'each_trial'}, optional
        Whether all trials have the same noise, as by default, or each its own.
    """

    folder: ClassVar[str] = "function"
    title: ClassVar[str] = "Function sweep"
    pinned: ClassVar[tuple[str, ...]] = ("values_digest",)

    kind: Literal["function"] = "function"
    target: Annotated[
        tuple[Annotated[str, AfterValidator(checked_target)], ...],
        Axis("function", None),
        Field(description=f"{', '.join(TARGETS)}; or your own, as sin(3*x1) + x2**2 or mymodule:f"),
    ] = fixed("sine")
    points: Annotated[
        tuple[Annotated[int, Field(ge=2, le=100_000)], ...],
        Axis("points"),
        Field(description="2 to 100 000; on a grid of two inputs squares, of three cubes"),
    ] = fixed(100)
    layout: Annotated[
        tuple[Literal["grid", "chebyshev", "uniform", "sobol"], ...] | None,
        Axis("where the points lie", None),
        LATER,
        Field(description="none, which is grid, or grid, chebyshev, uniform, sobol"),
    ] = None
    test_points: Annotated[
        Annotated[Whole, Field(ge=1, le=1_000_000)] | None,
        LATER,
        Field(description="none, or 1 to 1 000 000"),
    ] = None
    n_inputs: Annotated[
        tuple[Annotated[int, Field(ge=1, le=MOST_INPUTS)], ...] | None,
        Axis("inputs of the function"),
        LATER,
        Field(description=f"none, or 1 to {MOST_INPUTS}"),
    ] = None
    n_outputs: Annotated[
        Annotated[Whole, Field(ge=1, le=1000)] | None,
        LATER,
        Field(description="none, which is 1, or 1 to 1000"),
    ] = None
    domain: Annotated[
        tuple[tuple[Real, Real], ...] | None,
        BeforeValidator(_pairs),
        LATER,
        Field(description="none, which is -1 to 1; or [low, high], or such a pair for each input"),
    ] = None
    noise: Annotated[
        tuple[Annotated[float, Field(ge=0, le=1e6)], ...] | None,
        Axis("standard deviation of the noise on training targets"),
        LATER,
        Field(description="none, or numbers from 0 to 1e6"),
    ] = None
    noise_drawn: Annotated[
        Literal["once", "each_trial"] | None, LATER, Field(description="none, which is once, or each_trial")
    ] = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.noise_drawn is not None and self.noise is None:
            raise ValueError(
                "noise_drawn says how noise is drawn, and there is none; give noise, or leave it out"
            )
        for low, high in self.domain or ():
            if not -1e6 <= low < high <= 1e6:
                raise ValueError(f"domain = {low:g} to {high:g}: give two numbers that rise, within ±1e6")
        for name in self.target:
            self._check_own(name)
        for setting in self.settings():
            self._check_setting(setting)
        return self

    def _check_own(self, name: str) -> None:
        """Refuse what is said of functions of the user's own beside others, and what lacks."""
        if not is_own(name):
            for field in ("n_inputs", "domain"):
                if getattr(self, field) is not None:
                    raise ValueError(
                        f"{field} is of your own functions, and {name} has its own: leave it out, or write "
                        f"{TARGETS[name].formula} as an expression"
                    )
        elif own.is_path(name) and self.n_inputs is None:
            raise ValueError(f"target = {name}: say how many inputs it has, as n_inputs=2")
        if self.n_outputs is not None and not any(map(own.is_path, self.target)):
            raise ValueError(
                "n_outputs is of functions by import path, and there is none; an expression has several as "
                "sin(x); cos(x)"
            )

    def _check_setting(self, setting: Setting) -> None:
        name, n = setting["target"], self.n_inputs_of(setting)
        if is_own(name) and not own.is_path(name) and (most := expression(name).n_inputs) > n:
            raise ValueError(f"target = {name}: names x{most}, and n_inputs holds {n}")
        if self.domain is not None and len(self.domain) not in (1, n):
            raise ValueError(
                f"domain has {len(self.domain)} pairs, and {name} {n} inputs; give one pair, or one for each"
            )
        if setting.get("layout", "grid") in _GRIDS:
            try:
                side_of_grid(setting["points"], n)
            except ValueError as error:
                raise ValueError(f"target = {name}: {error}, or set layout=sobol") from None

    @property
    def losses(self) -> tuple[str, ...]:
        """Losses that its targets allow."""
        return "mse", "huber"

    @property
    def has_classes(self) -> bool:
        """Values are neither right nor wrong."""
        return False

    @property
    def own_code(self) -> tuple[str, ...]:
        """Import paths among the functions."""
        return tuple(filter(own.is_path, self.target))

    def check(self, seed: int) -> None:
        """Evaluate the user's own functions at all points, to refuse those that cannot be learned."""
        for setting in self.settings():
            if is_own(setting["target"]):
                found = self._values_digest(setting, seed)
                if own.is_path(setting["target"]) and found != _hashed(*self._placed(setting), seed):
                    raise ValueError(
                        f"{setting['target']} gives other values when it is called again; let it give the "
                        "same values at every call, and write noise as noise=0.1"
                    )

    def function(self, setting: Setting) -> Target:
        """Give the function of a setting; one of the user's own has no range."""
        name = setting["target"]
        if not is_own(name):
            return target(name)
        n_outputs = self.n_outputs_of(setting)

        def of(*inputs: NDArray[np.float64]) -> NDArray[np.float64]:
            return own_values(name, np.stack(inputs, axis=-1).astype(np.float32), n_outputs).astype(
                np.float64
            )

        return Target(name, self.n_inputs_of(setting), *self.interval(setting), -math.inf, math.inf, of)

    def interval(self, setting: Setting) -> tuple[float, float]:
        """Give the ends of the smallest interval that the inputs of all points lie in."""
        low, high = self._box(setting)
        return min(low), max(high)

    def _box(self, setting: Setting) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Give the lower ends along every input, and the upper ones."""
        name, n = setting["target"], self.n_inputs_of(setting)
        ends = (self.domain or _DOMAIN) if is_own(name) else ((TARGETS[name].low, TARGETS[name].high),)
        low, high = zip(*(ends * n if len(ends) == 1 else ends), strict=True)
        return low, high

    def n_inputs_of(self, setting: Setting) -> int:
        """Count the inputs of the function."""
        name = setting["target"]
        if not is_own(name):
            return target(name).n_inputs
        return int(setting["n_inputs"]) if "n_inputs" in setting else expression(name).n_inputs

    def n_outputs_of(self, setting: Setting) -> int:
        """Count the outputs of the function."""
        name = setting["target"]
        if own.is_path(name):
            return self.n_outputs or 1
        return expression(name).n_outputs if is_own(name) else 1

    def n_rows_of(self, setting: Setting) -> int:
        """Count the points."""
        return int(setting["points"])

    @property
    def has_test(self) -> bool:
        """Whether there are test points."""
        return self.test_points is not None

    def draw(self, setting: Setting, labels: tuple[Any, ...], trials: range, seed: int) -> Trials:
        """Give the points and the values there, the same for all trials, but for noise that each may have."""
        inputs, values = self._training_points(setting, seed)
        targets = _repeated(values, len(trials))
        if deviation := setting.get("noise", 0.0):
            each = self.noise_drawn == "each_trial"
            names = [("noise", seed, trial) for trial in trials] if each else [("noise", seed)]
            targets = noisy(targets, deviation, names)
        found = self._test_points(setting, seed)
        test = None if found is None else (found.inputs, _repeated(found.targets, len(trials)))
        return Trials(inputs, targets, test)

    def _training_points(self, setting: Setting, seed: int) -> Points:
        count, layout = self.n_rows_of(setting), setting.get("layout", "grid")
        if (setting["target"], layout) == ("sine", "grid"):
            return sine_points(count)
        return self._points(setting, layout, count, (f"{layout} points", seed))

    def _test_points(self, setting: Setting, seed: int) -> Points | None:
        if self.test_points is None:
            return None
        return self._points(setting, "sobol", self.test_points, ("test points", seed))

    def _points(self, setting: Setting, layout: str, count: int, name: Name) -> Points:
        drawn = () if layout in _GRIDS else (name,)
        inputs = _PLACED[layout](count, self.n_inputs_of(setting), *self._box(setting), *drawn)
        if is_own(setting["target"]):
            return Points(inputs, own_values(setting["target"], inputs, self.n_outputs_of(setting)))
        return Points(inputs, self.function(setting).values(inputs).astype(np.float32))

    def digest(self, setting: Setting, labels: tuple[Any, ...], seed: int) -> str | None:
        """Hash the values of code of the user's own at the points of a setting."""
        return self._values_digest(setting, seed) if own.is_path(setting["target"]) else None

    def _values_digest(self, setting: Setting, seed: int) -> str:
        return _digest(*self._placed(setting), seed)

    def _placed(self, setting: Setting) -> tuple[Self, tuple[tuple[str, Any], ...]]:
        return self, tuple((name, setting[name]) for name in self._placing())

    def _placing(self) -> list[str]:
        """Name the axes that decide values."""
        return [name for name in self._own() if name != "noise"]

    def stream(self, setting: Setting, label: Any, seed: int) -> Name:
        """Name one for all: points do not matter."""
        return (seed,)

    def start_name(self, setting: Setting, label: Any, seed: int) -> Name:
        """Name the stream of the starts after the function, and its inputs where they are an axis."""
        _, *name = super().start_name(setting, label, seed)
        inputs = ("inputs", setting["n_inputs"]) if "n_inputs" in setting else ()
        return (f"{setting['target']} starts", *name, *inputs)

    def coordinates(self, seed: int) -> Mapping[str, Coordinate]:
        """Count the rows; of code of the user's own, keep hashes of the values."""
        known: dict[str, Coordinate] = {
            "rows": (("points",), np.array(self.points), {"long_name": "points", "units": "1"})
        }
        if self.test_points is not None:
            known["test_rows"] = ((), np.array(self.test_points), {"long_name": "test points", "units": "1"})
        if self.own_code:
            known["values_digest"] = self._digests(seed)
        return known

    def _digests(self, seed: int) -> Coordinate:
        labels = {name: self._own()[name] for name in self._placing()}
        settings = [dict(zip(labels, some, strict=True)) for some in product(*labels.values())]
        found = tuple(self.digest(one, (), seed) or "" for one in settings)
        values = label_array(found).reshape([len(some) for some in labels.values()])
        return tuple(labels), values, {"long_name": "hash of the values at the points"}

    def block_shape(self) -> Mapping[str, int]:
        """One network for each lane; of other functions than the sine more, whose trainings are shorter."""
        return {"trial": 16 if self.target == ("sine",) else 128}


def _repeated(values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    return np.tile(values, (count, *[1] * values.ndim))


def _hashed(problem: Function, labels: tuple[tuple[str, Any], ...], seed: int) -> str:
    setting = dict(labels)
    parts = [problem._training_points(setting, seed), problem._test_points(setting, seed)]
    arrays = [part.targets.astype("<f4") for part in parts if part is not None]
    return blake2b(b"".join(array.tobytes() for array in arrays), digest_size=8).hexdigest()


_digest = lru_cache(maxsize=4096)(_hashed)


class Points(NamedTuple):
    """Points, and the values of a function there.

    Attributes
    ----------
    inputs : ndarray of shape (n_points, n_inputs), dtype float32
    targets : ndarray of shape (n_points,) or (n_points, n_outputs), dtype float32
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]


def sine_points(count: int) -> Points:
    """Give uniformly spaced points of [−π, π], both ends among them, and their sines.

    Sines are those of the points before these are rounded to float32. All bits are the same on every
    processor.

    Parameters
    ----------
    count : int
        At least 2.

    Returns
    -------
    Points

    Raises
    ------
    ValueError
        If there are fewer than 2 points.

    Examples
    --------
    >>> sine_points(5).targets.tolist()
    [0.0, -1.0, 0.0, 1.0, 0.0]
    """
    if count < 2:
        raise ValueError(f"{count} points cannot hold both ends of the interval; allowed is 2 or more")
    half_circle = count - 1
    places = range(-half_circle, count, 2)
    inputs = [[math.pi * place / half_circle] for place in places]
    turns = [place % (2 * half_circle) / (2 * half_circle) for place in places]
    targets = [cos_sin_turn(turn)[1] + 0.0 for turn in turns]  # -0.0 is 0.0
    return Points(np.array(inputs, np.float32), np.array(targets, np.float32))
