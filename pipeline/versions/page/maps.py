"""Where rates differ, and whether beyond chance, as maps; what became of cells, as bars."""

from __future__ import annotations

from functools import partial
from itertools import product
from math import ceil
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.drawing import CELL, draw_numbers, hatched, label_categories, label_cell
from relusweep.pipeline.report.theme import Picture, Theme, figure

__all__ = ["Panels", "count_map", "difference_map", "panels_of", "status_bars"]

_MOST_PANELS = 12
_STATUS = ("same", "changed", "added", "removed")


class Panels(NamedTuple):
    """How rates lie in maps.

    Attributes
    ----------
    prefix : str
        Of the variables: ``size_`` where all problems are taken together.
    up, across : str
        Dimensions of a map.
    others : tuple of str
        Those of which every combination is a panel.
    """

    prefix: str
    up: str
    across: str
    others: tuple[str, ...]

    def labels(self, compared: xr.Dataset) -> list[dict[str, Any]]:
        """Give the labels of every panel, the first of them where they are many."""
        values = [compared[dim].to_numpy().tolist() for dim in self.others]
        return [dict(zip(self.others, chosen, strict=True)) for chosen in product(*values)][:_MOST_PANELS]


def panels_of(compared: xr.Dataset) -> Panels | None:
    """Choose the dimensions of the maps; None where no rates are in both versions, or too few dimensions."""
    prefix = "size_" if "size_difference" in compared else ""
    if f"{prefix}difference" not in compared or compared[f"{prefix}difference"].isnull().all():
        return None
    sizes = {str(dim): size for dim, size in compared[f"{prefix}difference"].sizes.items()}
    if len(sizes) < 2:
        return None
    up, across = ("depth", "width")
    if not {up, across} <= sizes.keys():
        # The longest two, in their order.
        longest = sorted(sizes, key=lambda dim: -sizes[dim])[:2]
        up, across = (dim for dim in sizes if dim in longest)
    return Panels(prefix, up, across, tuple(dim for dim in sizes if dim not in (up, across)))


def difference_map(compared: xr.Dataset, panels: Panels) -> Picture:
    """Make the picture of the differences of rates."""
    differences, significant = (compared[panels.prefix + name] for name in ("difference", "significant"))
    together = " of all problems together" if panels.prefix else ""
    low, high = (100 * float(end) for end in (differences.min(), differences.max()))
    return Picture(
        name="differences",
        alt=f"Heat maps of the difference of success rates by {panels.across} and {panels.up}, from "
        f"{low:+.1f} to {high:+.1f} points; {int(significant.sum())} cells differ by more than chance.",
        caption=f"Success{together} in {compared.attrs['b']} less that in {compared.attrs['a']}, in "
        f"percentage points, by {panels.across} and {panels.up}. Outlined, with an asterisk: more than "
        f"chance at {compared.attrs['level']:g}, corrected for their number. Hatched: not run in both.",
        draw=partial(_draw_differences, compared, panels),
    )


def count_map(compared: xr.Dataset, panels: Panels) -> Picture:
    """Make the picture of how many problems differ by more than chance at every size."""
    counts = compared["significant"].sum("problem")
    return Picture(
        name="significant",
        alt=f"Heat maps of how many problems differ by more than chance, at most {int(counts.max())}.",
        caption="Problems whose success differs by more than chance at "
        f"{compared.attrs['level']:g}, after correction for all {compared.attrs['n_tested']:,} that were "
        f"tested, by {panels.across} and {panels.up}.",
        draw=partial(_draw_counts, counts, compared, panels),
    )


def status_bars(compared: xr.Dataset) -> Picture:
    """Make the picture of what became of the cells, by stage, or of the elements by variable."""
    by = "stage" if "stage" in compared.dims else "variable"
    what = "cells of every stage" if by == "stage" else "values of every variable"
    return Picture(
        name="status",
        alt=f"Bars of how many {what} are the same bits, changed, added or removed.",
        caption=f"Of the {what}, how many have the same bits in both versions, have changed, are in "
        f"{compared.attrs['b']} alone (added) or in {compared.attrs['a']} alone (removed).",
        draw=partial(_draw_status, compared, by),
    )


def _grid(panels: list[dict[str, Any]], rates: xr.DataArray, axes: Panels) -> tuple[Figure, np.ndarray]:
    columns = min(len(panels), 2)
    rows = ceil(len(panels) / columns)
    width = max(rates.sizes[axes.across] * CELL[0] * 1.15, 3.6) + 0.5
    height = max(rates.sizes[axes.up] * CELL[1], 1.6) + 0.8
    drawing = figure(columns * width + 1.2, rows * height + 0.4)
    grid = drawing.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axis in grid.ravel()[len(panels) :]:
        axis.set_visible(False)
    for axis in grid[-1]:
        axis.set_xlabel(axes.across)
    for axis in grid[:, 0]:
        axis.set_ylabel(axes.up)
    return drawing, grid


def _title(panel: dict[str, Any]) -> str:
    return ", ".join(f"{dim} {label(value)}" for dim, value in panel.items())


def _draw_differences(compared: xr.Dataset, panels: Panels, theme: Theme) -> Figure:
    differences, significant = (compared[panels.prefix + name] for name in ("difference", "significant"))
    chosen = panels.labels(compared)
    drawing, grid = _grid(chosen, differences, panels)
    reach = max(float(np.abs(differences).max()), 0.01)
    norm, scale = Normalize(-reach, reach), _diverging(theme)
    for axis, panel in zip(grid.ravel(), chosen, strict=False):
        order = (panels.up, panels.across)
        _draw_panel(
            axis,
            differences.sel(panel).transpose(*order),
            significant.sel(panel).transpose(*order),
            norm,
            scale,
            theme,
        )
        axis.set_title(_title(panel))
    bar = drawing.colorbar(ScalarMappable(norm, scale), ax=grid, aspect=30, fraction=0.05, pad=0.02)
    bar.set_label("difference (percentage points)")
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:+.3g}" if value else "0")
    bar.outline.set_visible(False)
    return drawing


def _diverging(theme: Theme) -> Colormap:
    """Blue above, orange below, the paper between: told apart by every kind of colour vision."""
    return LinearSegmentedColormap.from_list("difference", [theme.series[1], theme.tint, theme.series[0]])


def _draw_panel(
    axis: Axes,
    differences: xr.DataArray,
    significant: xr.DataArray,
    norm: Normalize,
    scale: Colormap,
    theme: Theme,
) -> None:
    grid, marked = differences.to_numpy(), significant.to_numpy()
    axis.pcolormesh(np.ma.masked_invalid(grid), cmap=scale, norm=norm, edgecolors=theme.paper, linewidth=1.2)
    up, across = differences.dims
    label_categories(axis, differences[across].to_numpy(), differences[up].to_numpy())
    for (row, column), value in np.ndenumerate(grid):
        if np.isnan(value):
            axis.add_patch(hatched(column, row))
            continue
        text = f"{100 * value:+.1f}" if value else "0"
        label_cell(axis, column, row, text + "*" * bool(marked[row, column]), scale(norm(value)))
        if marked[row, column]:
            box = Rectangle(
                (column + 0.03, row + 0.03), 0.94, 0.94, fill=False, edgecolor=theme.ink, linewidth=1.4
            )
            axis.add_patch(box)


def _draw_counts(counts: xr.DataArray, compared: xr.Dataset, panels: Panels, theme: Theme) -> Figure:
    chosen = panels.labels(compared)
    drawing, grid = _grid(chosen, counts, panels)
    norm = Normalize(0, max(1, compared.sizes["problem"]))
    for axis, panel in zip(grid.ravel(), chosen, strict=False):
        numbers = counts.sel(panel).transpose(panels.up, panels.across).astype(float)
        draw_numbers(axis, numbers, xr.ones_like(numbers), theme, norm=norm, write="{:.0f}".format)
        axis.set_title(_title(panel))
    return drawing


def _draw_status(compared: xr.Dataset, by: str, theme: Theme) -> Figure:
    names = [str(name) for name in compared[by].to_numpy()]
    prefix = "stage_" if by == "stage" else ""
    counts = np.stack([compared[prefix + status].to_numpy() for status in _STATUS])
    shares = counts / np.maximum(counts.sum(0), 1)
    drawing = figure(8, 0.28 * len(names) + 1.1)
    axis, start = drawing.subplots(), np.zeros(len(names))
    colours = (theme.rule, theme.series[1], theme.series[0], theme.series[3])
    for status, share, colour in zip(_STATUS, shares, colours, strict=True):
        axis.barh(names, 100 * share, left=100 * start, color=colour, label=status, height=0.7)
        start += share
    axis.invert_yaxis()
    axis.set(xlim=(0, 100), xlabel="share (%)")
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    drawing.legend(loc="outside upper right", ncols=len(_STATUS))
    return drawing
