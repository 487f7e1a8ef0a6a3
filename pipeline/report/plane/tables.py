"""Tables of what the probes `regions` and `compression` found."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.plane.sizes import by_size
from relusweep.pipeline.report.text import NOTHING, count, significant
from relusweep.tasks.medians import median

__all__ = ["compression_table", "counts_table", "kept", "maps_table"]

_EPOCHS = (0, 10, 100)


def counts_table(dataset: xr.Dataset) -> Table:
    """Make the table of regions and boundaries, at the start, on the way and at the end."""
    rows = [
        {
            "Networks": size,
            "Epoch": _epoch(int(at["regions_epoch"])),
            **{
                f"Regions of {counted(layer, 'layer')}": _said(at["layer_regions"].sel(layer=layer))
                for layer in at["layer"].values.tolist()
            },
            "Largest, %": _said(100 * at["largest_share"]),
            "Boundary: curves": _said(at["boundary_curves"]),
            "straight pieces": _said(at["boundary_pieces"]),
        }
        for size, at in _looks(dataset)
    ]
    return Table("Linear regions and decision boundary: medians over networks [95 %]", pd.DataFrame(rows))


def maps_table(dataset: xr.Dataset) -> Table:
    """Make the table of how many affine maps differ, and of their clusters."""
    rows = [
        {
            "Networks": size,
            "Epoch": _epoch(int(at["regions_epoch"])),
            "Regions": _said(at["n_regions"]),
            "Different maps": _said(at["distinct_maps"]),
            **{
                f"Clusters at {share:g}": _said(at["map_clusters"].sel(linkage=share))
                for share in at["linkage"].values
            },
        }
        for size, at in _looks(dataset)
    ]
    return Table(
        "Affine maps of the regions and their clusters by single linkage, at shares of the norm of the "
        "largest: medians over networks [95 %]",
        pd.DataFrame(rows),
    )


def _looks(dataset: xr.Dataset) -> Iterator[tuple[str, xr.Dataset]]:
    """Give every size at some epochs, the last one among them."""
    epochs = dataset["regions_epoch"].to_numpy()
    places = np.unique(np.searchsorted(epochs, np.minimum([*_EPOCHS, epochs[-1]], epochs[-1])))
    for size, part in by_size(dataset).items():
        for place in places:
            yield size, part.isel(regions_epoch=place)


def _epoch(epoch: int) -> str:
    return f"{epoch:,}" if epoch >= 0 else "end"


def _said(values: xr.DataArray) -> str:
    middle, low, high = (float(end) for end in median(values.to_numpy().astype(float).ravel()))
    if np.isnan(middle):
        return NOTHING
    ends = "" if np.isinf(low) else f" [{_number(low)}, {_number(high)}]"
    return f"{_number(middle)}{ends}"


def _number(value: float) -> str:
    return count(value) if value == round(value, 1) else significant(value)


def compression_table(dataset: xr.Dataset) -> Table:
    """Make the table of the rows that stay right with few maps."""
    of_network = kept(dataset)
    parts = by_size(dataset.assign(kept=of_network))
    cells = {"Maps": [str(k) for k in dataset["maps"].values]}
    for size, part in parts.items():
        cells[size] = [_said(part["kept"].sel(maps=k)) for k in dataset["maps"].values]
    return Table(
        "Rows that stay right with few maps, % of those of the network: medians [95 %]", pd.DataFrame(cells)
    )


def kept(dataset: xr.Dataset) -> xr.DataArray:
    """Give the rows that stay right, in percent of those that the whole network gets right."""
    return 100 * dataset["compressed_rows_right"] / dataset["rows_right"].where(dataset["rows_right"] > 0)
