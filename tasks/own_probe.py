"""Probes and comparisons of the user's own, by their import paths: classes, or functions with `declares`.

The code is imported when it is asked what it gives, never when a specification is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

from relusweep._yaml import resolved
from relusweep.tasks import own
from relusweep.tasks.axes import Setting
from relusweep.tasks.declared import Declared
from relusweep.tasks.own import OwnCodeError
from relusweep.tasks.pairs import Comparison
from relusweep.tasks.probes import Cost, Extent, Probe, Trained
from relusweep.tasks.problems import Problem
from relusweep.tasks.training.protocol import Protocol

__all__ = ["OwnComparison", "OwnProbe", "compares_pairs", "declares"]

M = TypeVar("M", bound=BaseModel)

Function = Callable[..., Mapping[str, ArrayLike]]
Dimensions = Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]
Arrays = dict[str, NDArray[np.generic]]


class _Declaration(NamedTuple):
    """What a function gives."""

    variables: Mapping[str, Declared]
    inner: Mapping[str, ArrayLike]
    pairs: bool


def declares(
    variables: Mapping[str, Declared], inner: Mapping[str, ArrayLike] | None = None, *, pairs: bool = False
) -> Callable[[Function], Function]:
    """Say what a function of trained networks gives, so that it is a probe, or a comparison of pairs.

    Parameters
    ----------
    variables : mapping of str to Declared
        As `relusweep.tasks.declared.numbers` makes them.
    inner : mapping of str to array_like, optional
        Labels of the dimensions that variables have behind those of the sweep.
    pairs : bool
        Whether it compares networks with others.

    Returns
    -------
    callable
        A decorator. The function takes a `relusweep.tasks.probes.Trained`, of pairs two of them, and as
        keywords what a specification sets; it gives arrays by name, of (n_networks, …), or of pairs
        (n_networks, n_others, …).

    Examples
    --------
    >>> from relusweep.tasks.declared import numbers
    >>> @declares({"largest": numbers("float32", "largest parameter")})
    ... def largest(trained):
    ...     return {"largest": trained.parameters.max(axis=1)}
    """

    def declared(function: Function) -> Function:
        function.declared = _Declaration(variables, inner or {}, pairs)  # type: ignore[attr-defined]  # read below
        return function

    return declared


def compares_pairs(path: str) -> bool:
    """Import what a path names, and tell whether it compares pairs of networks.

    Raises
    ------
    relusweep.tasks.own.OwnCodeError
        It cannot be imported, or is neither of a class that it could be nor says what it gives.
    """
    thing = own.load(path)
    if isinstance(thing, type) and issubclass(thing, Probe | Comparison):
        return issubclass(thing, Comparison)
    if isinstance(declared := getattr(thing, "declared", None), _Declaration):
        return declared.pairs
    raise OwnCodeError(
        f"{path} is no subclass of relusweep.tasks.probes.Probe or relusweep.tasks.pairs.Comparison, and no "
        'function that says what it gives; write above it @declares({"name": numbers("float32", "what it '
        'is")}), as docs/derive.md shows'
    )


def _path(kind: str) -> str:
    if not own.is_path(kind):
        raise ValueError(f"{kind} is no import path; write module:name")
    return kind


class _Own(BaseModel):
    """What is the same of both."""

    kind: Annotated[str, AfterValidator(_path)]

    @model_validator(mode="before")
    @classmethod
    def _plain_values(cls, fields: Any) -> Any:
        return resolved(fields)

    @property
    def own_code(self) -> tuple[str, ...]:
        """Its path."""
        return (self.kind,)


class OwnProbe(_Own, Probe):
    """A probe by its import path; its other fields are those of the class, or keywords of the function."""

    model_config = ConfigDict(extra="allow")

    @property
    def _its(self) -> Probe:
        return _probe(self.kind, json.dumps(self.model_extra))

    @property
    def needs_training(self) -> bool:  # type: ignore[override]  # known when it is imported
        """That of the class."""
        return self._its.needs_training

    @property
    def block_trials(self) -> int | None:  # type: ignore[override]  # known when it is imported
        """That of the class."""
        return self._its.block_trials

    @property
    def large(self) -> bool:  # type: ignore[override]  # known when it is imported
        """That of the class."""
        return self._its.large

    def looks_at_end(self, extent: Extent) -> bool:
        """Ask the class."""
        return self._its.looks_at_end(extent)

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give those that are declared."""
        return self._its.variables(extent)

    def inner(self, extent: Extent) -> Dimensions:
        """Give the dimensions that are declared."""
        return self._its.inner(extent)

    def epochs(self, extent: Extent) -> tuple[int, ...]:
        """Give the epochs of the class."""
        return self._its.epochs(extent)

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Import it, and refuse what the class refuses."""
        self._its.check(problem, settings)

    def cost(self, setting: Setting, protocol: Protocol, n_rows: int) -> Cost:
        """Give what the class estimates."""
        return self._its.cost(setting, protocol, n_rows)

    def measure(self, trained: Trained, extent: Extent) -> Arrays:
        """Call it; refuse what is not as it is declared."""
        wanted = self.missing(extent, len(trained.result.stop_reason))
        return _called(f"{self.kind} of {_of(trained)}", partial(self._its.measure, trained, extent), wanted)


class OwnComparison(_Own, Comparison):
    """A comparison by its import path; its other fields are those of the class, or of the function."""

    model_config = ConfigDict(extra="allow")

    pairs: Literal[True] = True

    @property
    def _its(self) -> Comparison:
        return _comparison(self.kind, json.dumps(self.model_extra))

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give those that are declared."""
        return self._its.variables(extent)

    def inner(self, extent: Extent) -> Dimensions:
        """Give the dimensions that are declared."""
        return self._its.inner(extent)

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Import it, and refuse what the class refuses."""
        self._its.check(problem, settings)

    def measure(self, one: Trained, other: Trained, extent: Extent) -> Arrays:
        """Call it; refuse what is not as it is declared."""
        counts = (len(side.result.stop_reason) for side in (one, other))
        of = f"{self.kind} of {_of(one)} and {_of(other)}"
        return _called(of, partial(self._its.measure, one, other, extent), self.missing(extent, *counts))


def _of(trained: Trained) -> str:
    n_parameters = trained.protocol.network.n_parameters
    return f"{len(trained.result.stop_reason)} networks of {n_parameters} parameters each"


def _called(of: str, measure: Callable[[], Mapping[str, ArrayLike]], wanted: Arrays) -> Arrays:
    """Call code of the user's own; hold what it gives against what was declared."""
    try:
        found = {name: np.asarray(array) for name, array in measure().items()}
    except Exception as error:
        raise OwnCodeError(f"{of} raised {type(error).__name__}: {error}") from error
    if found.keys() != wanted.keys():
        raise OwnCodeError(f"{of} gave {', '.join(sorted(found))}; declared are {', '.join(sorted(wanted))}")
    return {name: _fitting(f"{of} gave {name}", array, wanted[name]) for name, array in found.items()}


def _fitting(what: str, array: NDArray[Any], wanted: NDArray[np.generic]) -> NDArray[np.generic]:
    if array.shape != wanted.shape:
        raise OwnCodeError(f"{what} of shape {array.shape}; declared is {wanted.shape}, networks first")
    if not np.can_cast(array.dtype, wanted.dtype, "same_kind"):
        raise OwnCodeError(f"{what} as {array.dtype}, which is not {wanted.dtype} as declared")
    return array.astype(wanted.dtype)


@cache
def _probe(path: str, fields: str) -> Probe:
    if compares_pairs(path):
        raise OwnCodeError(f"{path} compares pairs of networks, and a probe is of one; see rs.derive")
    thing, given = own.load(path), json.loads(fields)
    if isinstance(thing, type):
        return _made(thing, path, given)
    return _ProbeOfFunction(kind=path, function=partial(thing, **given), declared=thing.declared)


@cache
def _comparison(path: str, fields: str) -> Comparison:
    thing, given = own.load(path), json.loads(fields)
    if isinstance(thing, type):
        return _made(thing, path, given)
    return _ComparisonOfFunction(kind=path, function=partial(thing, **given), declared=thing.declared)


def _made(thing: type[M], path: str, given: Mapping[str, Any]) -> M:
    kind = {"kind": path} if thing.model_fields["kind"].is_required() else {}
    try:
        return thing.model_validate({**kind, **given})
    except ValidationError as error:
        raise OwnCodeError(f"{path}: {error}") from None


class _OfFunction(BaseModel):
    function: Callable[..., Any]
    declared: Any

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        found: Mapping[str, Declared] = self.declared.variables
        return found

    def inner(self, extent: Extent) -> Dimensions:
        return {dim: (np.asarray(labels), {}) for dim, labels in self.declared.inner.items()}


class _ProbeOfFunction(_OfFunction, Probe):
    def measure(self, trained: Trained, extent: Extent) -> Any:
        return self.function(trained)


class _ComparisonOfFunction(_OfFunction, Comparison):
    def measure(self, one: Trained, other: Trained, extent: Extent) -> Any:
        return self.function(one, other)
