"""What a store holds, read without xarray: its groups, their attributes, and which cells are done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from relusweep.storage.repository import Url, unreadable
from relusweep.storage.versions import read_session

__all__ = ["StoredGroup", "stored_groups"]


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
        return tuple(self.arrays["done"].metadata.to_dict()["dimension_names"])  # type: ignore[arg-type]

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


def stored_groups(url: Url, version: str | None = None) -> dict[str, StoredGroup]:
    """Find the groups of a store that hold results, by their paths in it, in alphabetical order.

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
    try:
        root = zarr.open_group(session.store, mode="r")
    except zarr.errors.GroupNotFoundError:  # made by a run of which nothing has come
        return {}
    groups: dict[str, StoredGroup] = {}
    arrays: dict[str, dict[str, zarr.Array[Any]]] = {}
    for path, member in sorted(root.members(max_depth=None)):
        if isinstance(member, zarr.Array):
            folder, _, name = path.rpartition("/")
            arrays.setdefault(folder, {})[name] = member
        elif "specification" in member.attrs:
            groups[path] = StoredGroup(dict(member.attrs), arrays.setdefault(path, {}))
    return groups
