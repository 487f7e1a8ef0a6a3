"""Which cells of a group differ between two versions, bit for bit, a chunk of the store at a time."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import ceil, prod
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.common.errors import IncomparableVersions

__all__ = ["ADDED", "CHANGED", "REMOVED", "SAME", "Cells", "as_bits", "compare_variable"]

SAME, CHANGED, ADDED, REMOVED = 1, 2, 3, 4
_STATUS = {
    "long_name": "what became of the cell",
    "flag_values": [0, SAME, CHANGED, ADDED, REMOVED],
    "flag_meanings": "in_neither same changed added removed",
}


@dataclass
class Cells:
    """The cells of both versions side by side, at their labels.

    Attributes
    ----------
    a, b : xarray.Dataset
        The group in either version, lazy, as stored (nothing masked).
    axes : dict of pandas.Index
        Labels of the progress dimensions: those of `b`, then what only `a` has.
    in_a, in_b : xarray.DataArray
        Which cells are done, bool over `axes`.
    changed : xarray.DataArray
        Which have been found to differ, bool over `axes`.
    """

    a: xr.Dataset
    b: xr.Dataset
    axes: dict[str, pd.Index[Any]] = field(init=False)
    in_a: xr.DataArray = field(init=False)
    in_b: xr.DataArray = field(init=False)
    changed: xr.DataArray = field(init=False)

    def __post_init__(self) -> None:
        dims = [str(dim) for dim in self.b["done"].dims]
        if (before := list(self.a["done"].dims)) != dims:
            raise IncomparableVersions(
                f"the cells lie along {dims} in one version and along {before} in the other: they are two "
                f"sweeps of one name; open each by itself (version=)"
            )
        old, new = self.a.indexes, self.b.indexes
        self.axes = {dim: new[dim].append(old[dim].difference(new[dim], sort=False)) for dim in dims}
        self.in_a, self.in_b = (
            version["done"].reset_coords(drop=True).load().reindex(self.axes, fill_value=False)
            for version in (self.a, self.b)
        )
        self.changed = xr.zeros_like(self.in_b)

    @property
    def status(self) -> xr.DataArray:
        """What became of every cell, int8."""
        status = np.zeros(self.changed.shape, np.int8)
        in_a, in_b = self.in_a.to_numpy(), self.in_b.to_numpy()
        status[in_a & in_b] = SAME
        status[self.changed.to_numpy()] = CHANGED
        status[in_b & ~in_a] = ADDED
        status[in_a & ~in_b] = REMOVED
        return self.changed.copy(data=status).assign_attrs(_STATUS)


@dataclass
class _Found:
    """What is known of the differing elements of a variable."""

    by_label: NDArray[np.float64]
    changed: int = 0
    undefined: int = 0
    absolute: float = 0.0
    relative: float = 0.0
    read: int = 0
    skipped: int = 0


def compare_variable(
    cells: Cells, name: str, may_differ: Container[tuple[int, ...]] | None
) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """Compare a variable; mark the cells in which it differs, unless it is the store's own fingerprint.

    Parameters
    ----------
    cells : Cells
    name : str
    may_differ : container of tuple of int, optional
        Places in the grid of chunks that were written between the versions; None where any may differ.

    Returns
    -------
    row : dict
        Of the elements ``same``, ``changed``, ``added`` and ``removed`` how many; of those changed the
        largest difference, ``largest_absolute`` and ``largest_relative`` (to the larger of the two), and how
        many turned to or from NaN, ``undefined``; and ``chunks_read`` and ``chunks_skipped``.
    by_label : ndarray
        The largest absolute difference at every label of the first dimension of the cells; NaN where the
        variable does not lie along it.
    """
    old, new = cells.a.get(name), cells.b.get(name)
    first = next(iter(cells.axes))
    found = _Found(np.zeros(len(cells.axes[first])))
    in_both = 0
    if old is not None and new is not None:
        in_both = _elements(cells, new, _has(_owners(cells, new), new), old)
        if (old.dims, old.dtype) != (new.dims, new.dtype):
            found.changed = in_both
            cells.changed |= cells.in_a & cells.in_b
        else:
            _compare_chunks(cells, old, new, may_differ, found)
    row = {
        "dtype": str((cells.b if name in cells.b else cells.a)[name].dtype),
        "same": in_both - found.changed,
        "changed": found.changed,
        "added": 0 if new is None else _elements(cells, new, _has(cells.in_b, new)) - in_both,
        "removed": 0 if old is None else _elements(cells, old, _has(cells.in_a, old)) - in_both,
        "largest_absolute": found.absolute,
        "largest_relative": found.relative,
        "undefined": found.undefined,
        "chunks_read": found.read,
        "chunks_skipped": found.skipped,
    }
    along = new is not None and first in new.dims and name != "fingerprint"
    return row, found.by_label if along else np.full_like(found.by_label, np.nan)


def _has(done: xr.DataArray, array: xr.DataArray) -> xr.DataArray:
    """Tell where an array has values, along those dimensions of the cells that it lies along."""
    return done.any([dim for dim in done.dims if dim not in array.dims])


def _owners(cells: Cells, array: xr.DataArray) -> xr.DataArray:
    """Mark the cells whose values an array holds in both versions.

    One that lacks axes of the cells holds what came last along them, as parameters after the last epoch.
    """
    lacking = [dim for dim in cells.axes if dim not in array.dims]
    if not lacking:
        return cells.in_a & cells.in_b
    last = [_last(done, lacking) for done in (cells.in_a, cells.in_b)]
    return last[0] & last[1]


def _last(done: xr.DataArray, along: list[str]) -> xr.DataArray:
    flat = done.stack(all=along)  # noqa: PD013  (of xarray)
    at = flat.sizes["all"] - 1 - flat.isel(all=slice(None, None, -1)).argmax("all")
    here = xr.DataArray(np.arange(flat.sizes["all"]), dims="all", coords={"all": flat["all"]})
    return (flat & (here == at)).unstack("all").reindex_like(done).transpose(*done.dims)  # noqa: PD010


def _elements(cells: Cells, array: xr.DataArray, has: xr.DataArray, other: xr.DataArray | None = None) -> int:
    """Count the values of an array, of the labels that another array has too."""
    behind = [str(dim) for dim in array.dims if dim not in cells.axes]
    shared = [
        len(array.indexes[dim] if other is None else array.indexes[dim].intersection(other.indexes[dim]))
        for dim in behind
        if other is None or dim in other.dims
    ]
    return int(has.sum()) * prod(shared)


def _compare_chunks(
    cells: Cells,
    old: xr.DataArray,
    new: xr.DataArray,
    may_differ: Container[tuple[int, ...]] | None,
    found: _Found,
) -> None:
    owners = _owners(cells, new)
    in_both = _has(owners, new)
    places = {str(dim): old.indexes[dim].get_indexer(new.indexes[dim]) for dim in new.dims}
    for at, box in _grid(new):
        if may_differ is not None and at not in may_differ:
            found.skipped += 1
            continue
        kept = {dim: np.flatnonzero(places[dim][part] >= 0) + part.start for dim, part in box.items()}
        wanted = in_both.isel({dim: rows for dim, rows in kept.items() if dim in in_both.dims})
        if not all(len(rows) for rows in kept.values()) or not wanted.any():
            continue
        found.read += 1
        here = _read(new, kept)
        there = _read(old, {dim: places[dim][rows] for dim, rows in kept.items()})
        differ = as_bits(here) != as_bits(there)
        mask = wanted.expand_dims({dim: len(rows) for dim, rows in kept.items() if dim not in wanted.dims})
        differ &= mask.transpose(*new.dims).to_numpy()
        if differ.any():
            _note(cells, owners, new, kept, differ, there, here, found)


def _grid(array: xr.DataArray) -> Iterator[tuple[tuple[int, ...], dict[str, slice]]]:
    """List the chunks of an array as stored: their places in the grid, and the positions they span."""
    lengths = array.encoding.get("chunks") or array.shape
    for at in product(*(range(ceil(n / step)) for n, step in zip(array.shape, lengths, strict=True))):
        yield (
            at,
            {
                str(dim): slice(i * step, min((i + 1) * step, n))
                for dim, i, step, n in zip(array.dims, at, lengths, array.shape, strict=True)
            },
        )


def _read(array: xr.DataArray, rows: Mapping[str, NDArray[np.intp]]) -> NDArray[Any]:
    """Read a box, by slices where the positions follow one another: other reading is slower."""
    inside = {
        dim: slice(int(at[0]), int(at[-1]) + 1) if (np.diff(at) == 1).all() else at
        for dim, at in rows.items()
    }
    return array.variable.isel(inside).to_numpy()


def as_bits(values: NDArray[Any]) -> NDArray[Any]:
    """See numbers as whole ones of the same bits, which are equal where the bits are: NaN too, 0 not -0."""
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")


def _note(
    cells: Cells,
    owners: xr.DataArray,
    array: xr.DataArray,
    kept: Mapping[str, NDArray[np.intp]],
    differ: NDArray[np.bool_],
    there: NDArray[Any],
    here: NDArray[Any],
    found: _Found,
) -> None:
    """Note what differs in a chunk."""
    place = np.ix_(*(kept.get(dim, np.arange(len(axis))) for dim, axis in cells.axes.items()))
    own = xr.DataArray(owners.to_numpy()[place], dims=tuple(cells.axes))
    found.changed += int(differ.sum())
    if array.name == "fingerprint":  # of the specification: that is told in words
        return
    inside = xr.DataArray(differ, dims=array.dims).any([dim for dim in array.dims if dim not in cells.axes])
    cells.changed.to_numpy()[place] |= (inside & own).transpose(*cells.axes).to_numpy()
    x, y = there[differ].astype(np.float64), here[differ].astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        apart = np.abs(y - x)
        share = apart / np.maximum(np.abs(x), np.abs(y))
    found.undefined += int((np.isnan(x) != np.isnan(y)).sum())
    found.absolute = max(found.absolute, float(np.nanmax(apart, initial=0.0)))
    found.relative = max(found.relative, float(np.nanmax(share, initial=0.0)))
    first = next(iter(cells.axes))
    if first in array.dims:
        rows = kept[first][np.nonzero(differ)[array.dims.index(first)]]
        np.fmax.at(found.by_label, rows, apart)
