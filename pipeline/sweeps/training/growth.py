"""How far the axes of a training sweep reach, which may grow without touching a finished network."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, reduce
from operator import getitem
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError

from relusweep.pipeline.common.errors import SpecificationChanged
from relusweep.pipeline.common.where import any_of, within
from relusweep.pipeline.sweeps.base import SpecifiedSweep
from relusweep.pipeline.sweeps.training.places import Place
from relusweep.pipeline.sweeps.until import Until
from relusweep.tasks.axes import listed
from relusweep.tasks.problems import Problem

__all__ = ["Growing"]


class Growing(SpecifiedSweep):
    """A sweep each of whose axes is a field of a part of its specification."""

    if TYPE_CHECKING:  # what the class of a sweep says

        @property
        def problem(self) -> Problem: ...  # noqa: D102
        @property
        def places(self) -> dict[str, Place]: ...  # noqa: D102
        @property
        def trials(self) -> int | Until: ...  # noqa: D102

    @property
    def until(self) -> Until | None:
        """When each combination has enough trials."""
        return self.trials if isinstance(self.trials, Until) else None

    def reaching(self, trials: int) -> Self:
        """Make the sweep whose axis of trials reaches so far, where there is no number of its own."""
        if self.until is None:
            return self
        return self.model_copy(update={"trials": self.until.reaching(trials)})

    @cached_property
    def _reaching(self) -> dict[str, tuple[str, ...]]:
        """Paths of all fields that may grow, by the names of axes or fields."""
        rigid = self.problem.rigid
        axes = {dim: place.path for dim, place in self.places.items() if dim not in rigid}
        others = {name: ("problem", name) for name in self.problem.extent}
        return {**others, **axes, "where": ("where",), "trials": ("trials",)}

    def extent(self) -> dict[str, Any]:
        """How far the axes reach: one value where it is fixed, else a list; beside trials their rule."""
        whole = self.model_dump(mode="json")
        found = {name: reduce(getitem, path, whole) for name, path in self._reaching.items()}
        if self.until is None:
            return found
        return {**found, "trials": self.until.most, "until": self.until.half_width or "first_success"}

    def parted(self, stored: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Split a stored specification; that of an earlier version has other axes."""
        try:
            old = type(self).model_validate(stored)
        except ValidationError:
            old = None
        if old is None or not all(_says(stored, place.path) for place in old.places.values()):
            raise SpecificationChanged(
                f"{self.group} was written by another version of relusweep, with other axes, and cannot "
                "grow; its results stay readable. Give yours another name (--set name=…, or name=… in "
                "Python), run into another store, or start the group anew (--replace, or replace=True)"
            )
        return old.identity(), old.extent()

    def with_extent(self, extent: Mapping[str, Any]) -> Self:
        """Make the sweep whose axes reach so far."""
        fields = self.model_dump()
        given = dict(extent)
        if rule := given.pop("until", None):
            given["trials"] = Until(given["trials"], None if rule == "first_success" else rule)
        for name, value in given.items():
            *parents, last = self._reaching[name]
            reduce(getitem, parents, fields)[last] = value
        return type(self).model_validate(fields)

    def union(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Join its extent with a stored one, and the conditions: what either asked for, within its labels."""
        asked = self.extent()
        rules = [one["until"] for one in (stored, asked) if "until" in one]
        both = super().union({"until": None, **stored}) | ({"until": _stricter(*rules)} if rules else {})
        if stored["where"] == asked["where"]:
            return both
        differing = [dim for dim in self.places if dim in asked and stored[dim] != asked[dim]]
        most = max(stored["trials"], asked["trials"])
        parts = [
            within(
                one["where"],
                {dim: listed(one[dim]) for dim in differing},
                one["trials"] if one["trials"] < most and not rules else None,
            )
            for one in (stored, asked)
        ]
        return both | {"where": any_of(*parts) if all(parts) else None}

    def joined(self, name: str, stored: Any, asked: Any) -> Any:
        """Join labels: an axis that has one value in both stays fixed."""
        if name in ("where", "until"):
            return stored
        if name in self.places:
            return stored if stored == asked else [*listed(stored), *listed(asked)]
        return super().joined(name, stored, asked)

    @property
    def specification(self) -> str:
        """All of it, as JSON: what the store keeps."""
        return self.model_dump_json()


def _stricter(one: Any, other: Any = None) -> Any:
    """Give the rule that asks for more trials; of two kinds the one that was asked for last."""
    both = isinstance(one, float) and isinstance(other, float)
    return min(one, other) if both else other or one


def _says(fields: Any, path: tuple[str, ...]) -> bool:
    """Tell whether a stored specification says something of a field."""
    for name in path:
        if not isinstance(fields, Mapping) or name not in fields:
            return False
        fields = fields[name]
    return True
