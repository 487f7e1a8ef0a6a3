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
    both = {**old, **new}
    parents = {key.rpartition(".")[0] for key in both}
    keys = [key for key in both if old.get(key) != new.get(key) and key not in parents]
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
    fixed, reach = asked.parted(json.loads(stored))
    changes = difference(fixed, asked.identity())
    extent = asked.extent()
    for name, entries in extent.items():
        if isinstance(entries, dict):  # what stands under a label stays, as what lies at one does
            both = entries.keys() & reach[name].keys()
            one, other = ({name: {label: some[label] for label in both}} for some in (reach[name], entries))
            changes += difference(one, other)
    if changes:
        raise SpecificationChanged(
            f"{asked.group} holds results of another specification ({'; '.join(map(str, changes))}). "
            "Ask for the stored one, or give yours another name (--set name=…, or name=… in Python), or "
            "start the group anew (--replace, or replace=True; earlier versions stay readable)"
        )
    return asked.with_extent(asked.union(reach))


def _flat(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        nested = isinstance(value, dict) and value
        flat.update(_flat(value, f"{prefix}{key}.") if nested else {prefix + key: value})
    return flat
