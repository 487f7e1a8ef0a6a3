"""What is known of each class and shape: found by training, known by a construction, excluded, or open."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from relusweep.pipeline.common.asked import ASKED
from relusweep.tasks.boolean.frontier import (
    at_least,
    excluded,
    least_shapes,
    parity_suffices,
    swaps_suffice,
)
from relusweep.tasks.boolean.npn import canonical
from relusweep.tasks.boolean.truth_tables import parity

__all__ = ["SHAPE", "Frontier", "summarise"]

SHAPE = ("width", "depth")
_DIMS = ("problem", "leak", *SHAPE)


@dataclass(frozen=True)
class Frontier:
    """What is known of each class (``problem``) and shape (``width``, ``depth``), at each leak.

    Attributes
    ----------
    swaps, truth_table : xarray.DataArray
        Of the classes.
    first : xarray.DataArray
        The first trial that succeeded; −1 where none did.
    starts : xarray.DataArray
        Networks that ran.
    """

    swaps: xr.DataArray
    truth_table: xr.DataArray
    first: xr.DataArray
    starts: xr.DataArray

    @property
    def n_inputs(self) -> int:
        """Inputs of the functions."""
        return int(np.log2(len(str(self.truth_table.values[0]))))

    @property
    def leaks(self) -> list[float]:
        """Leaks of the sweep, in its order."""
        return [float(leak) for leak in self.first["leak"].values]

    @cached_property
    def found(self) -> xr.DataArray:
        """Where a network succeeded."""
        return self.first >= 0

    @cached_property
    def excluded(self) -> xr.DataArray:
        """Shapes that an argument excludes: over classes and shapes."""
        width, swaps = xr.broadcast(self.first["width"], self.swaps)
        return width.copy(data=excluded(swaps, width)) & (self.first["depth"] > 0)

    @cached_property
    def constructed(self) -> xr.DataArray:
        """Shapes that a construction suffices for: over classes and shapes."""
        width, depth, swaps = xr.broadcast(self.first["width"], self.first["depth"], self.swaps)
        n = self.n_inputs
        of_parity = self.first["problem"] == int(canonical(np.uint64(parity(n)), n))
        by_swaps, by_parity = swaps_suffice(swaps, width), parity_suffices(n, width, depth)
        return (width.copy(data=by_swaps) | (width.copy(data=by_parity) & of_parity)).transpose(
            "problem", *SHAPE
        )

    @cached_property
    def known(self) -> xr.DataArray:
        """Shapes that solve a class: found or constructed, and all larger ones."""
        return self.of_shapes(self.found | self.constructed, at_least)

    @cached_property
    def open(self) -> xr.DataArray:
        """Shapes neither known nor excluded."""
        return (~self.known & ~self.excluded).transpose(*_DIMS)

    @cached_property
    def at_the_frontier(self) -> xr.DataArray:
        """Open shapes of which the next wider or the next deeper one is known."""
        known = self.known
        wider = known.shift(width=-1, fill_value=False)
        deeper = known.shift(depth=-1, fill_value=False)
        return self.open & (wider | deeper)

    @cached_property
    def least_found(self) -> xr.DataArray:
        """Shapes found that no smaller one that was found makes needless."""
        return self.of_shapes(self.found, least_shapes)

    @cached_property
    def least_constructed(self) -> xr.DataArray:
        """The same of those that constructions suffice for."""
        return self.of_shapes(self.constructed, least_shapes)

    @staticmethod
    def of_shapes(where: xr.DataArray, function: object) -> xr.DataArray:
        """Apply what takes arrays whose last dims are widths and depths."""
        ordered = where.transpose(..., *SHAPE)
        return ordered.copy(data=function(ordered.values))  # type: ignore[operator]  # one of the two above


def summarise(dataset: xr.Dataset) -> Frontier:
    """Look at the networks of a sweep, of dims ``problem``, ``leak``, ``width``, ``depth`` and ``trial``."""
    epochs = dataset["success_epoch"]
    asked = dataset.coords.get(ASKED, xr.full_like(epochs.isel(trial=0), epochs.sizes["trial"]))
    known = {dim: epochs[dim] for dim in _DIMS}
    first = xr.DataArray(np.full([epochs.sizes[dim] for dim in _DIMS], -1), known, list(_DIMS))
    starts = first + 1
    for place in np.ndindex(*first.shape[1:]):  # not all at once: most trials may not have been asked for
        at = dict(zip(_DIMS[1:], place, strict=True))
        some = (
            epochs.isel(at).isel(trial=slice(int(asked.isel(at).max()))).transpose("problem", "trial").values
        )
        success = some >= 0  # NaN and below -1 have not run
        if some.size:
            first[at] = np.where(success.any(1), success.argmax(1), -1)
        starts[at] = (some >= -1).sum(1)
    first, starts = first.sortby([*SHAPE]), starts.sortby([*SHAPE])
    return Frontier(dataset["swaps"], dataset["truth_table"], first, starts)
