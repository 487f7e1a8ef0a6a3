"""Arrays beside those of a sweep, which others have put into its group: they grow with its axes."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
import zarr

from relusweep.storage.layout import Layout, holds
from relusweep.storage.members import dims_of, members_of

__all__ = ["extend_others", "others_of"]

_log = logging.getLogger(__name__)

Axes = Mapping[Any, "pd.Index[Any]"]


def others_of(group: zarr.Group, layout: Layout) -> dict[str, zarr.Array[Any]]:
    """Find the arrays of a group that fit to a layout and are not of it."""
    own = layout.arrays().keys() | layout.coords.variables.keys()
    return {name: array for name, array in members_of(group).arrays.items() if name not in own}


def extend_others(
    group: zarr.Group, others: Mapping[str, zarr.Array[Any]], axes: Collection[str], old: Axes, new: Axes
) -> None:
    """Keep what arrays hold at its labels, and make the rest missing.

    An array that has no value for missing keeps its size: with axes that are longer it does not fit any more,
    and whoever opens the group is told that it is left out. An array along all axes of several labels was
    written of what is opened, where axes of one label are none: it gets those of them that grow.

    Parameters
    ----------
    group : zarr.Group
    others : mapping of zarr.Array
    axes : collection of str
        Those dimensions along which cells are computed.
    old, new : mapping of pandas.Index
        Labels of all dimensions as they were and as they will be.
    """
    several = {dim for dim in axes if len(old[dim]) > 1}
    alone = [dim for dim in axes if len(old[dim]) == 1 < len(new[dim])]
    for name, array in others.items():
        dims = dims_of(array)
        gained = [dim for dim in alone if dim not in dims] if several and several <= {*dims} else []
        own = {dim: old[dim] for dim in (*gained, *dims) if dim in old}
        if all(labels.equals(new[dim]) for dim, labels in own.items()):
            continue
        missing = _missing(array)
        if missing is None and any(len(new[dim]) > len(labels) for dim, labels in own.items()):
            _log.warning(
                "%s keeps its size and will be left out, or is of the labels before: it has no value for "
                "missing; as float it would grow with the sweep, or with the attribute _FillValue",
                array.path,
            )
            continue
        grown = _along(group, name, array, gained) if gained else array
        _extend(grown, own, {dim: new[dim] for dim in own}, missing)


def _along(group: zarr.Group, name: str, array: zarr.Array[Any], gained: list[str]) -> zarr.Array[Any]:
    """Make an array anew, with dimensions of one label before its own."""
    values, attributes = np.asarray(array[...]), dict(array.attrs)
    anew = group.create_array(
        name,
        shape=(1,) * len(gained) + array.shape,
        dtype=array.dtype,
        fill_value=array.fill_value,
        attributes=attributes,
        dimension_names=(*gained, *dims_of(array)),
        overwrite=True,
    )
    anew[...] = values.reshape(anew.shape)
    return anew


def _extend(array: zarr.Array[Any], old: Axes, new: Axes, missing: Any) -> None:
    dims = dims_of(array)
    shape = tuple(len(new[dim]) if dim in new else size for dim, size in zip(dims, array.shape, strict=True))
    appends = all(new[dim][: len(axis)].equals(axis) for dim, axis in old.items())
    if appends and np.array_equal(array.fill_value, missing, equal_nan=True):
        array.resize(shape)
        return
    stored = xr.DataArray(np.asarray(array[...]), dict(old), dims)
    values = stored.reindex(dict(new), fill_value=missing).values
    array.resize(shape)
    array[...] = values


def _missing(array: zarr.Array[Any]) -> Any:
    """Find the value that says missing; None where there is none."""
    dtype = np.dtype(array.dtype)
    if dtype.kind in "fcmM":
        return dtype.type("NaT" if dtype.kind in "mM" else "nan")
    fill: Any = array.attrs.get("_FillValue", array.fill_value or None)  # 0 is Zarr's, where none was given
    says_missing = dtype.kind in "iu" and isinstance(fill, int | np.integer) and holds(dtype, int(fill))
    return dtype.type(fill) if says_missing else None
