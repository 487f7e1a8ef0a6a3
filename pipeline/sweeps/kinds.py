"""Problems, probes and quantities, found by the names of their files."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from relusweep.pipeline.common.validation import explained, nearest
from relusweep.tasks import discovery, own, pairs, probes, problems, quantities
from relusweep.tasks.own_probe import OwnComparison, OwnProbe
from relusweep.tasks.pairs import Comparison
from relusweep.tasks.probes import Probe
from relusweep.tasks.problems import Problem
from relusweep.tasks.quantities import Quantity

M = TypeVar("M", bound=BaseModel)

__all__ = [
    "comparison_kinds",
    "probe_class",
    "probe_kinds",
    "problem_class",
    "problem_kinds",
    "quantity_class",
    "quantity_kinds",
    "read_comparison",
    "read_probes",
    "read_problem",
]


def problem_kinds() -> tuple[str, ...]:
    """Name the problems there are."""
    return discovery.names(problems.__name__)


def probe_kinds() -> tuple[str, ...]:
    """Name the probes there are."""
    return discovery.names(probes.__name__)


def read_problem(value: Any) -> Problem:
    """Make a problem of a mapping with its ``kind``."""
    if isinstance(value, Problem):
        return value
    if not isinstance(value, dict) or "kind" not in value:
        raise ValueError(f"give a mapping with kind: one of {', '.join(problem_kinds())}")
    return _validated(_problem(str(value["kind"])), value)


def problem_class(value: Any) -> type[Problem] | None:
    """Find the class that a problem is to be of; None where it cannot be told."""
    if isinstance(value, Problem):
        return type(value)
    known = isinstance(value, dict) and str(value.get("kind")) in problem_kinds()
    return _problem(str(value["kind"])) if known else None


def read_probes(values: Any) -> tuple[Probe, ...]:
    """Make probes of their names, or of mappings ``{name: {field: value}}``."""
    if values in (None, "none"):
        values = []
    if isinstance(values, str):
        values = [values]
    if isinstance(values, dict):
        values = [{name: fields} for name, fields in values.items()]
    each = [part for value in values for part in (value.split(",") if isinstance(value, str) else [value])]
    found = [_made(value.strip() if isinstance(value, str) else value) for value in each]
    names = [probe.kind for probe in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{', '.join(sorted(twice))} is named twice; name each probe once")
    return tuple(sorted(found, key=lambda probe: (probe.kind != "outcome", probe.kind)))


def _made(value: Any) -> Probe:
    if isinstance(value, Probe):
        return value
    if isinstance(value, str):
        value = {value: {}}
    if not isinstance(value, dict):
        raise ValueError(f"a probe is a name, or a mapping, as curve: {{every: 10}}; got {value!r}")
    if "kind" in value:
        return _validated(probe_class(str(value["kind"])), value)
    (name, fields), *others = value.items()
    if others:
        raise ValueError(f"a probe is a mapping of one name, got {', '.join(value)}; put them into a list")
    kind = {"kind": name} if own.is_path(str(name)) else {}
    return _validated(probe_class(str(name)), {**kind, **(fields or {})})


def _validated(model: type[M], value: Any) -> M:
    """Make a problem or a probe; the fields that it has decide what is said of a wrong one."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise ValueError(explained(error, model)) from None
    except TypeError as error:  # of a file that is not finished
        raise ValueError(f"{model.__module__}: {error}") from None


def _problem(name: str) -> type[Problem]:
    return cast(type[Problem], _class(problems, Problem, name))


def probe_class(name: str) -> type[Probe]:
    """Find the class of a probe; one of the user's own, ``module:name``, is not imported."""
    if own.is_path(name):
        return OwnProbe
    return cast(type[Probe], _class(probes, Probe, name))


def comparison_kinds() -> tuple[str, ...]:
    """Name the comparisons of pairs of networks there are."""
    return discovery.names(pairs.__name__)


def read_comparison(value: Any) -> Comparison | None:
    """Make a comparison of a mapping of its name, or with its ``kind``; None where it is of no comparison."""
    if "kind" in value:
        name, fields = str(value["kind"]), value
    else:
        ((name, fields),) = value.items()
    if name in comparison_kinds():
        return _validated(cast(type[Comparison], _class(pairs, Comparison, name)), fields)
    return _validated(OwnComparison, {"kind": name, **fields}) if fields.get("pairs") else None


def quantity_kinds() -> tuple[str, ...]:
    """Name the quantities there are."""
    return discovery.names(quantities.__name__)


def quantity_class(name: str) -> type[Quantity]:
    """Find the class of a quantity."""
    return cast(type[Quantity], _class(quantities, Quantity, name))


def _class(package: ModuleType, base: type, name: str) -> type:
    known = discovery.names(package.__name__)
    if name not in known:
        raise ValueError(
            f"no {base.__name__.lower()} {name!r}{nearest(name, known)}; there are {', '.join(known)}"
        )
    module = import_module(f"{package.__name__}.{name}")
    own = [thing for thing in vars(module).values() if isinstance(thing, type) and issubclass(thing, base)]
    found = [kind for kind in own if kind.__module__ == module.__name__]
    if len(found) != 1:
        raise ValueError(f"{module.__name__} defines {len(found)} subclasses of {base.__name__}, not one")
    return found[0]
