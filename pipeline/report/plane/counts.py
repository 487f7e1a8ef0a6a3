"""Regions, clusters of maps and pieces of the boundary through training, over all trials."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from relusweep.pipeline.report.plane.sizes import by_size, rows_of
from relusweep.pipeline.report.plane.tables import kept
from relusweep.pipeline.report.text import count
from relusweep.pipeline.report.theme import Picture, Theme, figure
from relusweep.tasks.medians import Median, median

__all__ = ["compression", "counts"]

_PANELS = {
    "n_regions": "linear regions",
    "effective_regions": "regions by the entropy of areas",
    "map_clusters": "clusters of maps",
    "boundary_pieces": "pieces of the boundary",
}
_LINKAGE = 0.1
_INTERVALS = "Lines: medians over all networks of a size; bands: their 95 % intervals"
Lines = Mapping[str, Median]


def counts(dataset: xr.Dataset) -> Picture:
    """Make the picture of what the probe `regions` counted, against the epoch."""
    panels = {words: _lines(_measure(dataset, name), "regions_epoch") for name, words in _PANELS.items()}
    linkage = float(_near(dataset)["linkage"])
    ends = "; ".join(f"{words} {_ends(lines)}" for words, lines in panels.items())
    return Picture(
        name="regions-through-training",
        alt=f"Numbers of regions, clusters and pieces against the epoch. Medians at the end: {ends}.",
        caption=(
            f"{_INTERVALS}. Regions by the entropy of areas: so many equal regions have the entropy of the "
            "shares of the area. Clusters of maps: gradient and intercept of all regions, by single linkage "
            f"at {linkage:g} of the norm of the largest. Pieces of the boundary: its straight parts. "
            "Networks that had stopped before an epoch, or did not stay finite, are left out of it."
        ),
        draw=partial(_draw_counts, dataset["regions_epoch"].to_numpy(), panels),
    )


def _ends(lines: Lines) -> str:
    return ", ".join(f"{size} {count(line.median[-1])}" for size, line in lines.items())


def _measure(dataset: xr.Dataset, name: str) -> xr.DataArray:
    if name == "effective_regions":
        return dataset["area_entropy"].copy(data=np.exp(dataset["area_entropy"].values))
    return _near(dataset)["map_clusters"] if name == "map_clusters" else dataset[name]


def _near(dataset: xr.Dataset) -> xr.Dataset:
    """Select the clusters that are shown."""
    return dataset.sel(linkage=_LINKAGE, method="nearest")


def _lines(values: xr.DataArray, dim: str) -> Lines:
    with_epochs = values.to_dataset(name="value").assign(success_epoch=values.isel({dim: 0}))
    return {size: median(rows_of(part["value"], dim)) for size, part in by_size(with_epochs).items()}


def _draw_counts(epochs: NDArray[np.int64], panels: Mapping[str, Lines], theme: Theme) -> Figure:
    drawing = figure(2.6 * len(panels), 3.1)
    axes = drawing.subplots(1, len(panels))
    for axis, (words, lines) in zip(axes, panels.items(), strict=True):
        _draw_lines(axis, epochs, lines, theme)
        axis.set(title=words, xlabel="epoch", ylim=(0, None))
        axis.set_xscale("symlog", linthresh=1)
        axis.set_xlim(-0.1, 1.1 * epochs[-1] + 0.1)
        axis.set_xticks(
            ticks := [0, *(10**power for power in range(len(str(epochs[-1]))))], map("{:g}".format, ticks)
        )
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=4)
    return drawing


def _draw_lines(axis: Axes, at: NDArray[np.generic], lines: Lines, theme: Theme) -> None:
    for place, (size, (middle, low, high)) in enumerate(lines.items()):
        colour = theme.series[place % len(theme.series)]
        known = np.isfinite(low) & np.isfinite(high)
        axis.fill_between(at, low, high, where=known, color=colour, alpha=0.2, linewidth=0)
        axis.plot(at, middle, "o-", color=colour, linewidth=1.4, markersize=2.5, label=size)
    axis.grid(visible=True)
    axis.tick_params(length=0)


def compression(dataset: xr.Dataset) -> Picture:
    """Make the picture of the rows that stay right with few maps."""
    lines = _lines(kept(dataset), "maps")
    ends = "; ".join(f"{size} {_percents(line)}" for size, line in lines.items())
    return Picture(
        name="few-maps",
        alt=f"Rows that stay right against the number of maps. Medians in percent: {ends}.",
        caption=(
            "Training rows on the right side where every row uses the mean map of its cluster, of those that "
            f"the whole network gets right. Clusters: k-means of the maps at the training rows. {_INTERVALS}."
        ),
        draw=partial(_draw_compression, dataset["maps"].to_numpy(), lines),
    )


def _percents(line: Median) -> str:
    return ", ".join(f"{value:.0f}" for value in line.median)


def _draw_compression(maps: NDArray[np.int64], lines: Lines, theme: Theme) -> Figure:
    drawing = figure(5.6, 3.3)
    axis = drawing.subplots()
    _draw_lines(axis, maps, lines, theme)
    axis.set_xscale("log")
    axis.set_xticks(maps, labels=[str(k) for k in maps])
    axis.minorticks_off()
    axis.set(xlabel="maps that are left", ylabel="rows that stay right (%)")
    axis.legend(loc="lower right")
    return drawing
