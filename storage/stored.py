"""What a store holds, read without xarray: its groups, their attributes, and which cells are done."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from relusweep.storage.members import MARKS, Members, dims_of, walk
from relusweep.storage.repository import Url, unreadable
from relusweep.storage.versions import read_session

__all__ = ["Contents", "StoredGroup", "contents", "specification_of", "stored_groups"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredGroup:
    """A group of results.

    Attributes
    ----------
    attrs : dict
        Of the group.
    arrays : dict of zarr.Array
        Its variables and coordinates by name; nothing of them is read yet.
    """

    attrs: Mapping[str, Any]
    arrays: Mapping[str, zarr.Array[Any]]

    @property
    def dims(self) -> tuple[str, ...]:
        """Dimensions of its cells."""
        return tuple(map(str, dims_of(self.arrays["done"])))

    @cached_property
    def axes(self) -> dict[str, list[Any]]:
        """Labels of its cells along each dimension."""
        return {dim: self._read(dim).tolist() for dim in self.dims}

    @cached_property
    def done(self) -> NDArray[np.bool_]:
        """Which cells are computed and stored."""
        return self._read("done")

    def missing(
        self, *together: str, asked: NDArray[np.bool_] | bool = True
    ) -> list[tuple[dict[str, Any], int]]:
        """Count the cells that are not done.

        Parameters
        ----------
        *together
            Dimensions whose labels are not told apart; those that the group lacks do not matter.
        asked : ndarray of bool
            Which cells count, along all dimensions, of length one where it does not matter.

        Returns
        -------
        list of (dict, int)
            Labels along the other dimensions, and how many cells lack; without those where none does.
        """
        axes = self.axes
        summed = tuple(place for place, dim in enumerate(axes) if dim in together)
        kept = {dim: labels for dim, labels in axes.items() if dim not in together}
        counts = np.asarray((~self.done & asked).sum(axis=summed))
        return [
            ({dim: kept[dim][number] for dim, number in zip(kept, place, strict=True)}, int(counts[place]))
            for place in np.ndindex(counts.shape)
            if counts[place]
        ]

    def _read(self, name: str) -> NDArray[Any]:
        array = self.arrays[name]
        try:
            return np.asarray(array[...])
        except Exception as error:  # checksums, codecs and stores each raise their own
            raise unreadable(array.path, error) from error


@dataclass(frozen=True)
class Contents:
    """What a store holds, by paths in alphabetical order.

    Attributes
    ----------
    groups : dict of StoredGroup
        Groups of results.
    damaged : dict of str
        Groups that have been of results, and what is wrong with them.
    foreign : list of str
        Groups with arrays that are of no sweep.
    """

    groups: dict[str, StoredGroup]
    damaged: dict[str, str]
    foreign: list[str]


def contents(url: Url, version: str | None = None) -> Contents:
    """Find what a store holds.

    Parameters
    ----------
    url
        As for `relusweep.storage.open_dataset`.
    version
        As `relusweep.storage.resolve` takes it; by default the newest.

    Raises
    ------
    StoreNotFound, UnknownVersion
        There is no store, or no such version.
    StoreReadError
        The store cannot be read.
    """
    session = read_session(url, version=version)
    found = Contents({}, {}, [])
    try:
        root = zarr.open_group(session.store, mode="r")
    except zarr.errors.GroupNotFoundError:  # made by a run of which nothing has come
        return found
    for path, group, members in walk(root):
        attrs = dict(group.attrs)
        if "specification" not in attrs:
            found.foreign.extend([path] if members.arrays else [])
        elif why := _damage(attrs, members):
            found.damaged[path] = why
        else:
            found.groups[path] = StoredGroup(attrs, members.arrays)
    return found


def stored_groups(url: Url, version: str | None = None) -> dict[str, StoredGroup]:
    """Find the groups of a store that hold results, and log which are damaged; see `contents`."""
    found = contents(url, version)
    for path, why in found.damaged.items():
        _log.warning("%s of %s is left out: %s", path, url, why)
    return found.groups


def specification_of(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Read the specification among the attributes of a group; empty where none can be read."""
    known = attrs.get("specification")
    try:
        known = json.loads(known) if isinstance(known, str) else known
    except ValueError:
        return {}
    return dict(known) if isinstance(known, Mapping) else {}


def _damage(attrs: Mapping[str, Any], members: Members) -> str:
    if not specification_of(attrs):
        return "its specification is no JSON object"
    for name in MARKS:
        if name not in members.arrays:
            return f"its array {name!r} {members.left_out.get(name, 'is missing')}"
    if lost := [dim for dim in dims_of(members.arrays["done"]) if dim not in members.arrays]:
        return f"the labels of {', '.join(map(str, lost))} are missing"
    return ""
