"""A group in the store: its template is written first, then regions; axes grow in place.

Nothing is appended: an array has its full shape from the start, and cells not yet computed read as missing.
"""

import json
from typing import Any

import numpy as np
import xarray as xr
import zarr
from icechunk import IcechunkStore
from zarr.codecs import Crc32cCodec, ZstdCodec

from relusweep.storage.engine import CheckedStore, read_group
from relusweep.storage.errors import LayoutMismatch
from relusweep.storage.layout import Layout, Variable
from relusweep.storage.members import dims_of
from relusweep.storage.others import extend_others, others_of

__all__ = ["create_group", "extend_group", "open_array"]

# The checksum comes last and so covers the bytes on disk: a truncated or changed chunk is refused on reading.
_CHECKSUM = Crc32cCodec()
_CODECS = (ZstdCodec(level=3), _CHECKSUM)


def create_group(store: IcechunkStore, layout: Layout) -> None:
    """Write the template: coordinates, attributes and empty arrays. A group of that name is overwritten."""
    group = zarr.create_group(store, path=layout.group, overwrite=True)
    for name, variable in layout.arrays().items():
        _create_array(group, layout, name, variable)
    _write_coords(store, layout)


def extend_group(store: IcechunkStore, layout: Layout) -> None:
    """Bring a stored group to a layout, keeping every cell at its labels; writes nothing when they agree.

    Labels added behind the stored ones only resize the arrays, which keep their chunks; labels in other
    places make every array anew, one at a time in memory. The group's attributes and coordinates become
    the layout's. Arrays that are not of the layout stay, see `relusweep.storage.others.extend_others`.

    Raises
    ------
    LayoutMismatch
        A stored label or array is missing from the layout, or an array differs.
    """
    group = zarr.open_group(store, path=layout.group, mode="r+")
    _check_arrays(group, layout)
    stored = _read_coords(store, layout)
    _check_labels(stored, layout)
    if _says_the_same(stored, layout):
        return
    old, new = stored.indexes, layout.coords.indexes
    appends = all(new[dim][: len(old[dim])].equals(old[dim]) for dim in old)
    others = others_of(group, layout)
    for name, variable in layout.arrays().items():
        shape = layout.shape(variable.dims)
        if not appends:
            _relayout(group, layout, name, variable, stored)
        elif (array := open_array(group, name)).shape != shape:
            array.resize(shape)
    extend_others(group, others, layout.progress_dims, old, new)
    for coordinate in stored.variables:
        del group[str(coordinate)]
    _write_coords(store, layout)


def open_array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """Open an array of a group.

    Raises
    ------
    LayoutMismatch
        The group has no such array.
    """
    array = group.get(name)
    if not isinstance(array, zarr.Array):
        raise LayoutMismatch(
            f"{group.path}: the store has no array {name!r}; start the group anew (replace=True)"
        )
    return array


def _create_array(group: zarr.Group, layout: Layout, name: str, variable: Variable) -> zarr.Array[Any]:
    attrs = dict(variable.attrs)
    dtype = np.dtype(variable.dtype)
    if dtype.kind in "iu" and name != "fingerprint":  # masked, uint64 becomes float64 and loses its last bits
        attrs["_FillValue"] = int(variable.fill)
    return group.create_array(
        name,
        shape=layout.shape(variable.dims),
        dtype=dtype,
        chunks=tuple(layout.chunks.get(dim) or max(layout.coords.sizes[dim], 1) for dim in variable.dims),
        compressors=_CODECS if variable.compressed else _CHECKSUM,
        fill_value=dtype.type(variable.fill),
        attributes=attrs,
        dimension_names=variable.dims,
    )


def _relayout(group: zarr.Group, layout: Layout, name: str, variable: Variable, stored: xr.Dataset) -> None:
    values = np.asarray(open_array(group, name)[...])
    old = xr.DataArray(values, {dim: stored[dim] for dim in variable.dims}, variable.dims)
    labels = {dim: layout.coords[dim] for dim in variable.dims}
    new = old.reindex(labels, fill_value=values.dtype.type(variable.fill))
    del group[name]
    _create_array(group, layout, name, variable)[...] = new.values


def _coords_to_write(layout: Layout) -> xr.Dataset:
    """Give the coordinates with text as objects: Zarr has no stable fixed-width text."""
    texts = {name: c.astype(object) for name, c in layout.coords.variables.items() if c.dtype.kind == "U"}
    coords = layout.coords.drop_encoding().assign(texts).assign_attrs(layout.attrs)
    return coords.set_coords(list(coords.data_vars))


def _write_coords(store: IcechunkStore, layout: Layout) -> None:
    coords = _coords_to_write(layout)
    encoding = {
        name: {"compressors": _CODECS, "chunks": c.shape} for name, c in coords.variables.items() if c.size
    }
    # Not by to_zarr, which opens all that the group holds.
    coords.dump_to_store(CheckedStore.of(store, layout.group, mode="a"), encoding=encoding)


def _read_coords(store: IcechunkStore, layout: Layout) -> xr.Dataset:
    """Read the coordinates, but for those that others have added."""
    stored = read_group(store, layout.group)
    own = stored.drop_vars([name for name in stored.variables if name not in layout.coords.variables])
    return own.set_coords(list(own.data_vars)).load()


def _says_the_same(stored: xr.Dataset, layout: Layout) -> bool:
    attrs = json.loads(json.dumps(dict(layout.attrs)))
    return stored.equals(_coords_to_write(layout)) and stored.attrs == attrs


def _check_labels(stored: xr.Dataset, layout: Layout) -> None:
    for dim, index in stored.indexes.items():
        gone = index if dim not in layout.coords.indexes else index.difference(layout.coords.indexes[dim])
        if len(gone):
            raise LayoutMismatch(
                f"{layout.group}: {len(gone)} stored labels of {dim} are not in the new layout, as "
                f"{gone.tolist()[:5]}; an axis only grows: keep them, or start the group anew (replace=True)"
            )


def _check_arrays(group: zarr.Group, layout: Layout) -> None:
    """Refuse a layout whose arrays are not the stored ones."""
    for name, variable in layout.arrays().items():
        array = open_array(group, name)
        dtype = np.dtype(variable.dtype)
        got = (dims_of(array), str(array.dtype), str(array.fill_value))
        new = (variable.dims, str(dtype), str(dtype.type(variable.fill)))
        if got != new:
            raise LayoutMismatch(
                f"{layout.group}: {name} is stored with (dims, dtype, fill) {got}, the new layout has {new}; "
                f"start the group anew (replace=True)"
            )
