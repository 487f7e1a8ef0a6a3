"""What a group looks like: its template is written first, then regions; axes grow in place.

Nothing is appended: an array has its full shape from the start, and cells not yet computed read as missing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
import zarr
from icechunk import IcechunkStore
from zarr.codecs import Crc32cCodec, ZstdCodec

from relusweep.storage.errors import LayoutMismatch

__all__ = ["Layout", "Variable", "create_group", "extend_group", "open_array"]

# The checksum comes last and so covers the bytes on disk: a truncated or changed chunk is refused on reading.
_CHECKSUM = Crc32cCodec()
_CODECS = (ZstdCodec(level=3), _CHECKSUM)


@dataclass(frozen=True)
class Variable:
    """One array of a group.

    Parameters
    ----------
    dims
        Names of its dimensions, slowest first.
    dtype
        NumPy type.
    fill
        What a cell not yet computed holds. For integers it becomes CF's ``_FillValue``: xarray masks it.
    attrs
        CF attributes: ``long_name``, ``units``, ``flag_values``, …
    compressed
        False where that would cost time and gain little, as for float data whose last bits are noise.
    """

    dims: tuple[str, ...]
    dtype: np.dtype[Any] | str
    fill: float
    attrs: Mapping[str, Any] = field(default_factory=dict)
    compressed: bool = True


@dataclass(frozen=True)
class Layout:
    """One group: coordinates, pre-sized arrays, and over which dimensions progress is kept.

    Parameters
    ----------
    group
        Path in the store, as ``"boolean/npn4"``.
    coords
        Dimension coordinates (unique labels) and auxiliary ones, in memory. They say the order of the axes.
    variables
        The arrays; ``done`` (bool) and ``fingerprint`` (uint64) over `progress_dims` are added to them.
    chunks
        Chunk length per dimension; a dimension not named is one chunk.
    attrs
        Attributes of the group, JSON-able.
    progress_dims
        Dimensions of ``done`` and ``fingerprint``.

    Raises
    ------
    LayoutMismatch
        A dimension without a coordinate, repeated labels, a fill that its dtype cannot hold, a reserved name.
    """

    group: str
    coords: xr.Dataset
    variables: Mapping[str, Variable]
    chunks: Mapping[str, int]
    attrs: Mapping[str, Any]
    progress_dims: tuple[str, ...]

    def __post_init__(self) -> None:
        for name, variable in self.arrays().items():
            for dim in variable.dims:
                if dim not in self.coords.indexes:
                    raise LayoutMismatch(f"{self.group}: dimension {dim!r} of {name} has no coordinate")
            if not _holds(np.dtype(variable.dtype), variable.fill):
                raise LayoutMismatch(f"{self.group}: {name} is {variable.dtype}, cannot hold {variable.fill}")
        for dim, index in self.coords.indexes.items():
            if not index.is_unique:
                repeated = index[index.duplicated()].unique().tolist()
                raise LayoutMismatch(f"{self.group}: labels of {dim} must be unique, not {repeated[:5]}")
        if dims := set(self.coords.variables) & set(self.variables):
            named = ", ".join(map(str, dims))
            raise LayoutMismatch(f"{self.group}: {named} name both coordinates and variables")
        if reserved := {"done", "fingerprint"} & set(self.variables):
            raise LayoutMismatch(f"{self.group}: names {sorted(reserved)} are the store's own; choose others")

    def arrays(self) -> dict[str, Variable]:
        """All arrays: `variables`, then ``done`` and ``fingerprint``."""
        return {
            **self.variables,
            "done": Variable(self.progress_dims, "bool", False, {"long_name": "computed and stored"}),
            "fingerprint": Variable(
                self.progress_dims,
                "uint64",
                0,
                {"long_name": "fingerprint of the specification", "comment": "0 where not done"},
            ),
        }

    def shape(self, dims: tuple[str, ...]) -> tuple[int, ...]:
        """Sizes of dimensions."""
        return tuple(self.coords.sizes[dim] for dim in dims)


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
    the layout's.

    Raises
    ------
    LayoutMismatch
        A stored label or array is missing from the layout, or an array differs.
    """
    group = zarr.open_group(store, path=layout.group, mode="r+")
    _check_arrays(group, layout)
    stored = _read_coords(store, layout.group)
    _check_labels(stored, layout)
    if _says_the_same(stored, layout):
        return
    old, new = stored.indexes, layout.coords.indexes
    appends = all(new[dim][: len(old[dim])].equals(old[dim]) for dim in old)
    for name, variable in layout.arrays().items():
        shape = layout.shape(variable.dims)
        if not appends:
            _relayout(group, layout, name, variable, stored)
        elif (array := open_array(group, name)).shape != shape:
            array.resize(shape)
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


def _holds(dtype: np.dtype[Any], fill: float) -> bool:
    try:
        held = dtype.type(fill)
    except (OverflowError, ValueError):
        return False
    return bool(held == fill or (held != held and fill != fill))


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
    coords.to_zarr(store, group=layout.group, mode="a", consolidated=False, zarr_format=3, encoding=encoding)


def _read_coords(store: IcechunkStore, group: str) -> xr.Dataset:
    stored: xr.Dataset = xr.open_zarr(store, group=group, consolidated=False, chunks=None)
    return stored.drop_vars(list(stored.data_vars)).load()


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
        got = (array.metadata.to_dict()["dimension_names"], str(array.dtype), str(array.fill_value))
        new = (variable.dims, str(dtype), str(dtype.type(variable.fill)))
        if got != new:
            raise LayoutMismatch(
                f"{layout.group}: {name} is stored with (dims, dtype, fill) {got}, the new layout has {new}; "
                f"start the group anew (replace=True)"
            )
