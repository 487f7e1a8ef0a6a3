"""Arrays beside those of a sweep, which others have put into its group: they grow with its axes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
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


def extend_others(others: Mapping[str, zarr.Array[Any]], old: Axes, new: Axes) -> None:
    """Keep what arrays hold at its labels, and make the rest missing.

    An array that has no value for missing keeps its size: with axes that are longer it does not fit any more,
    and whoever opens the group is told that it is left out.

    Parameters
    ----------
    others : mapping of zarr.Array
    old, new : mapping of pandas.Index
        Labels of the axes as they were and as they will be.
    """
    for array in others.values():
        axes = {dim: old[dim] for dim in dims_of(array) if dim in old}
        if all(axis.equals(new[dim]) for dim, axis in axes.items()):
            continue
        missing = _missing(array)
        if missing is None and any(len(new[dim]) > len(axis) for dim, axis in axes.items()):
            _log.warning(
                "%s keeps its size and will be left out: it has no value for missing; as float it would "
                "grow with the sweep, or with the attribute _FillValue",
                array.path,
            )
            continue
        _extend(array, axes, {dim: new[dim] for dim in axes}, missing)


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
