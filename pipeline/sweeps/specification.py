"""Two specifications beside each other: in what they differ, and the axes of both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from relusweep.pipeline.common.errors import SpecificationChanged
from relusweep.pipeline.sweeps.base import Sweep

__all__ = ["Difference", "difference", "joined"]

S = TypeVar("S", bound=Sweep)


class Difference(NamedTuple):
    """A field in which two specifications differ; None where one lacks it."""

    field: str
    stored: Any
    asked: Any

    def __str__(self) -> str:
        return f"{self.field}: {self.stored!r} in the store, {self.asked!r} asked"


def difference(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> list[Difference]:
    """Compare what two specifications, as JSON objects, say beside how far their axes reach.

    Raw JSON, so that a specification written by an older version, with other fields, can be compared too.
    """
    old, new = _flat(stored), _flat(asked)
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return [Difference(key, old.get(key), new.get(key)) for key in keys]


def joined(stored: str, asked: S) -> S:
    """Extend the axes of a sweep to hold also what the store already has.

    Parameters
    ----------
    stored : str
        The specification kept in the store, JSON.
    asked : Sweep
        What is to be run now.

    Raises
    ------
    SpecificationChanged
        They differ in more than their axes; the message shows in what.
    """
    old = json.loads(stored)
    fixed = {key: value for key, value in old.items() if key not in asked.growable_fields}
    changes = difference(fixed, asked.identity())
    for name, entries in asked.spec.model_dump(mode="json", include=set(asked.growable_fields)).items():
        if isinstance(entries, dict):  # what stands under a label stays, as what lies at one does
            both = entries.keys() & old[name].keys()
            one, other = ({name: {label: some[label] for label in both}} for some in (old[name], entries))
            changes += difference(one, other)
    if changes:
        raise SpecificationChanged(
            f"{asked.group} holds results of another specification ({'; '.join(map(str, changes))}). "
            "Ask for the stored one, or give yours a name of its own in a YAML file, "
            "or start the group anew with --replace (earlier versions stay readable)"
        )
    spec = asked.spec
    grown = {name: _union(old[name], getattr(spec, name)) for name in asked.growable_fields}
    return asked.with_spec(type(spec).model_validate({**spec.model_dump(), **grown}))


def _union(old: Any, new: Any) -> Any:
    """Join two growable_fields: numbers of labels, labels, or what stands under labels."""
    if isinstance(new, int):
        return max(old, new)
    if isinstance(new, dict):
        return {**old, **new}
    return "all" if "all" in (old, new) else (*old, *new)


def _flat(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        flat.update(_flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return flat
