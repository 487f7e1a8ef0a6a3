"""What a store holds, read without xarray: its groups, their attributes, and which cells are done."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from relusweep.storage.attributes import attributes_of, parsed
from relusweep.storage.members import MARKS, dims_of, holds_results, walk
from relusweep.storage.repository import Url, unreadable
from relusweep.storage.versions import read_session

__all__ = ["Contents", "StoredGroup", "contents", "damage_of", "stored_groups"]

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
        return {dim: self.read(dim).tolist() for dim in self.dims}

    @cached_property
    def done(self) -> NDArray[np.bool_]:
        """Which cells are computed and stored."""
        return self.read("done")

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

    def read(self, name: str, part: Any = ...) -> NDArray[Any]:
        """Read an array, or a part of it.

        Raises
        ------
        StoreReadError
            Stored bytes are missing or damaged.
        """
        array = self.arrays[name]
        try:
            return np.asarray(array[part])
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
        if "specification" not in group.attrs and not holds_results(members.arrays):
            found.foreign.extend([path] if members.arrays else [])
            continue
        attrs = attributes_of(url, session, path, group.attrs)
        if why := damage_of(attrs, {name: dims_of(array) for name, array in members.arrays.items()}):
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


def damage_of(attrs: Mapping[Any, Any], arrays: Mapping[Any, tuple[Any, ...]]) -> str:
    """Say what a group of results lacks; empty where nothing does.

    Parameters
    ----------
    attrs
        Of the group.
    arrays : mapping of str to tuple of str
        The dimensions of its arrays.
    """
    if parsed(attrs) is None:
        return "its specification is no JSON object"
    if lost := [name for name in MARKS if name not in arrays]:
        return f"{' and '.join(lost)}, by which it is known what is stored, cannot be read with its labels"
    if lost := [dim for dim in arrays["done"] if dim not in arrays]:
        return f"the labels of {', '.join(lost)} are missing"
    return ""
