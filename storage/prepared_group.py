"""A group that a committer is writing to: its arrays, and the checks of every block."""

from collections.abc import Mapping

import icechunk
import numpy as np
import xarray as xr
import zarr

from relusweep.storage.errors import BlockWrittenTwice, LayoutMismatch
from relusweep.storage.fork import WriteReceipt, span
from relusweep.storage.layout import Layout
from relusweep.storage.template import open_array


class PreparedGroup:
    """A prepared group: its open arrays, and which of its cells this process has written."""

    def __init__(self, layout: Layout, store: icechunk.IcechunkStore, before: "PreparedGroup | None") -> None:
        self._layout = layout
        dims = layout.progress_dims
        axes = {dim: layout.coords[dim] for dim in dims}
        if before is None:
            self._written = xr.DataArray(np.zeros(layout.shape(dims), bool), axes, dims)
        else:
            self._written = before._written.reindex(axes, fill_value=False)
        self.open(store)

    def open(self, store: icechunk.IcechunkStore) -> None:
        """Take the arrays of a new session; a session ends with its commit."""
        group = zarr.open_group(store, path=self._layout.group, mode="r+")
        self._arrays = {
            name: open_array(group, name).with_config({"write_empty_chunks": True})
            for name in self._layout.arrays()
        }

    def check(
        self, region: Mapping[str, slice], arrays: Mapping[str, np.ndarray], written: WriteReceipt | None
    ) -> None:
        """Refuse a block that does not fit or comes twice."""
        layout = self._layout
        elsewhere = frozenset[str]() if written is None else written.names
        if elsewhere & set(arrays) or elsewhere | set(arrays) != set(layout.variables):
            came = [*sorted(arrays), *sorted(f"{name} (written by a fork)" for name in elsewhere)]
            names = sorted(layout.variables)
            raise LayoutMismatch(f"{layout.group}: got arrays {came}, wants all of {names}, each once")
        if written is not None and (written.group, written.region) != (layout.group, dict(region)):
            raise LayoutMismatch(
                f"{layout.group}: the fork wrote {written.region} of {written.group}, not {dict(region)}"
            )
        lengths = dict(layout.coords.sizes)
        for dim, part in region.items():
            place = span(f"{layout.group}: {dim}", part, lengths.get(dim, 0))
            lengths[dim] = place.stop - place.start
        for name in arrays:
            variable = layout.variables[name]
            shape = tuple(lengths[dim] for dim in variable.dims)
            got, wanted = (arrays[name].shape, arrays[name].dtype), (shape, np.dtype(variable.dtype))
            if got != wanted:
                raise LayoutMismatch(f"{layout.group}: {name} is {got}, wants {wanted}")
        if self._written.values[self._selection(layout.progress_dims, region)].any():
            raise BlockWrittenTwice(
                f"{layout.group}: cells of {dict(region)} were written before in this run"
            )

    def write(self, region: Mapping[str, slice], arrays: Mapping[str, np.ndarray], fingerprint: int) -> None:
        """Write a checked block, its marks last."""
        for name, array in arrays.items():
            self._arrays[name][self._selection(self._layout.variables[name].dims, region)] = array
        cells = self._selection(self._layout.progress_dims, region)
        self._arrays["fingerprint"][cells] = np.uint64(fingerprint)
        self._arrays["done"][cells] = True
        self._written.values[cells] = True  # by xarray, each block would add to the list of views of an index

    @staticmethod
    def _selection(dims: tuple[str, ...], region: Mapping[str, slice]) -> tuple[slice, ...]:
        return tuple(region.get(dim, slice(None)) for dim in dims)
