"""What a group holds that can be read together; what cannot is named, and keeps nothing else from being read.

A store is open to all: beside the arrays of a sweep may lie some that others have written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import zarr
from zarr.core.sync import sync

from relusweep.storage.repository import reason

__all__ = ["MARKS", "Members", "dims_of", "holds_results", "members_of", "walk"]

MARKS = ("done", "fingerprint")  # of the store, in every group of results


@dataclass(frozen=True)
class Members:
    """The members of a group, by name, in alphabetical order.

    Attributes
    ----------
    arrays : dict of zarr.Array
        Those whose dimensions have names, and the same sizes in all.
    groups : dict of zarr.Group
    left_out : dict of str
        The other members, with the reason.
    """

    arrays: Mapping[str, zarr.Array[Any]]
    groups: Mapping[str, zarr.Group]
    left_out: Mapping[str, str]


def dims_of(array: zarr.Array[Any]) -> tuple[str | None, ...]:
    """Name the dimensions of an array; empty where they have no names."""
    return tuple(getattr(array.metadata, "dimension_names", None) or ())


def holds_results(arrays: Collection[str]) -> bool:
    """Tell whether the marks of what is done are among the arrays of a group."""
    return all(name in arrays for name in MARKS)


def members_of(group: zarr.Group) -> Members:
    """Find what a group holds."""
    found, left_out = _opened(group)
    arrays = {name: member for name, member in found.items() if isinstance(member, zarr.Array)}
    misfits = _misfits(arrays)
    return Members(
        {name: array for name, array in arrays.items() if name not in misfits},
        {name: member for name, member in found.items() if isinstance(member, zarr.Group)},
        {**left_out, **misfits},
    )


def walk(group: zarr.Group, path: str = "") -> Iterator[tuple[str, zarr.Group, Members]]:
    """Go through a group and all groups under it, each with its path and what it holds."""
    members = members_of(group)
    yield path, group, members
    for name, inner in members.groups.items():
        yield from walk(inner, f"{path}/{name}".lstrip("/"))


def _opened(group: zarr.Group) -> tuple[dict[str, zarr.Array[Any] | zarr.Group], dict[str, str]]:
    try:
        return dict(sorted(group.members())), {}
    except Exception:  # one of them is of a codec or a type that is not known here: Zarr then opens none
        found, left_out = {}, {}
        for name in sorted(_names(group)):
            try:
                found[name] = group[name]
            except Exception as error:
                left_out[name] = f"cannot be opened by Zarr: {reason(error)}"
        return found, left_out


def _names(group: zarr.Group) -> list[str]:
    async def listed() -> list[str]:
        return [name async for name in group.store.list_dir(group.path)]

    return [name for name in sync(listed()) if name != "zarr.json"]


def _misfits(arrays: Mapping[str, zarr.Array[Any]]) -> dict[str, str]:
    """Say of arrays why they do not fit to the others; labels count most, then the marks of what is done."""
    sizes: dict[str, int] = {}
    why: dict[str, str] = {}
    for name in sorted(arrays, key=lambda name: (dims_of(arrays[name]) != (name,), name not in MARKS, name)):
        dims, shape = dims_of(arrays[name]), arrays[name].shape
        named = [dim for dim in dims if dim]
        clash = [dim for dim, size in zip(dims, shape, strict=False) if dim and sizes.get(dim, size) != size]
        if len(named) != len(shape) or len(named) != len(dims):
            why[name] = "has dimensions without names"
        elif len(set(named)) < len(named):
            why[name] = f"has several dimensions of one name: {', '.join(named)}"
        elif clash:
            size = shape[dims.index(clash[0])]
            why[name] = f"has {size} positions along {clash[0]}, where others have {sizes[clash[0]]}"
        else:
            sizes |= dict(zip(named, shape, strict=True))
    return why
