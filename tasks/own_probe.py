"""A probe of the user's own, by its import path: a subclass of `Probe`, or a function with `declares`.

The code is imported when it is asked what it gives, never when a specification is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import AfterValidator, ConfigDict, ValidationError, model_validator

from relusweep._yaml import resolved
from relusweep.tasks import own
from relusweep.tasks.axes import Setting
from relusweep.tasks.declared import Declared
from relusweep.tasks.own import OwnCodeError
from relusweep.tasks.probes import Cost, Extent, Probe, Trained
from relusweep.tasks.problems import Problem
from relusweep.tasks.training.protocol import Protocol

__all__ = ["OwnProbe", "declares"]

Measure = Callable[..., Mapping[str, ArrayLike]]


def declares(
    variables: Mapping[str, Declared], inner: Mapping[str, ArrayLike] | None = None
) -> Callable[[Measure], Measure]:
    """Say what a function of trained networks gives, so that it is a probe.

    Parameters
    ----------
    variables : mapping of str to Declared
        As `relusweep.tasks.declared.numbers` makes them.
    inner : mapping of str to array_like, optional
        Labels of the dimensions that variables have behind those of the sweep.

    Returns
    -------
    callable
        A decorator. The function takes a `relusweep.tasks.probes.Trained`, and as keywords what a
        specification sets; it gives arrays of (n_networks, …) by name.

    Examples
    --------
    >>> from relusweep.tasks.declared import numbers
    >>> @declares({"largest": numbers("float32", "largest parameter")})
    ... def largest(trained):
    ...     return {"largest": trained.parameters.max(axis=1)}
    """

    def declared(function: Measure) -> Measure:
        function.declared = dict(variables), dict(inner or {})  # type: ignore[attr-defined]  # read by `_loaded`
        return function

    return declared


def _path(kind: str) -> str:
    if not own.is_path(kind):
        raise ValueError(f"{kind} is no import path; write module:name")
    return kind


class OwnProbe(Probe):
    """A probe by its import path; its other fields are those of the class, or keywords of the function."""

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: Annotated[str, AfterValidator(_path)]

    @model_validator(mode="before")
    @classmethod
    def _plain_values(cls, fields: Any) -> Any:
        return resolved(fields)

    @property
    def own_code(self) -> tuple[str, ...]:
        """Its path."""
        return (self.kind,)

    @property
    def _its(self) -> Probe:
        return _loaded(self.kind, json.dumps(self.model_extra))

    @property
    def needs_training(self) -> bool:  # type: ignore[override]  # known when it is imported
        """That of the class."""
        return self._its.needs_training

    @property
    def block_trials(self) -> int | None:  # type: ignore[override]  # known when it is imported
        """That of the class."""
        return self._its.block_trials

    def looks_at_end(self, extent: Extent) -> bool:
        """Ask the class."""
        return self._its.looks_at_end(extent)

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give those that are declared."""
        return self._its.variables(extent)

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
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

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Call it; refuse what is not as it is declared."""
        network, n_networks = trained.protocol.network, len(trained.result.stop_reason)
        of = f"{self.kind} of {n_networks} networks of {network.n_parameters} parameters each"
        try:
            found = {name: np.asarray(array) for name, array in self._its.measure(trained, extent).items()}
        except Exception as error:
            raise OwnCodeError(f"{of} raised {type(error).__name__}: {error}") from error
        wanted = self.missing(extent, n_networks)
        if found.keys() != wanted.keys():
            raise OwnCodeError(f"{of} gave {sorted(found)}; declared are {sorted(wanted)}")
        return {name: _fitting(f"{of} gave {name}", array, wanted[name]) for name, array in found.items()}


def _fitting(what: str, array: NDArray[Any], wanted: NDArray[np.generic]) -> NDArray[np.generic]:
    if array.shape != wanted.shape:
        raise OwnCodeError(f"{what} of shape {array.shape}; declared is {wanted.shape}, networks first")
    if not np.can_cast(array.dtype, wanted.dtype, "same_kind"):
        raise OwnCodeError(f"{what} as {array.dtype}, which is not {wanted.dtype} as declared")
    return array.astype(wanted.dtype)


@cache
def _loaded(path: str, fields: str) -> Probe:
    thing, given = own.load(path), json.loads(fields)
    if isinstance(thing, type) and issubclass(thing, Probe):
        kind = {"kind": path} if thing.model_fields["kind"].is_required() else {}
        try:
            return thing.model_validate({**kind, **given})
        except ValidationError as error:
            raise OwnCodeError(f"{path}: {error}") from None
    if not hasattr(thing, "declared"):
        raise OwnCodeError(
            f"{path} is neither a subclass of relusweep.tasks.probes.Probe nor a function that says what it "
            'gives; write above it @declares({"name": numbers("float32", "what it is")}), as docs/derive.md '
            "shows"
        )
    return _OfFunction(kind=path, function=partial(thing, **given), declared=thing.declared)


class _OfFunction(Probe):
    function: Callable[..., Any]
    declared: tuple[dict[str, Any], dict[str, Any]]

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        return {name: Declared(*of) for name, of in self.declared[0].items()}

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        return {dim: (np.asarray(labels), {}) for dim, labels in self.declared[1].items()}

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        return {name: np.asarray(array) for name, array in self.function(trained).items()}
