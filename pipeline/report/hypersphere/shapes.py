"""Shapes of the regions that successful networks closed, from their weights alone: shares by dimension."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.hypersphere.summary import LOSSES, Summary
from relusweep.pipeline.report.hypersphere.tables import SHAPES
from relusweep.pipeline.report.text import leak_name
from relusweep.pipeline.report.theme import Picture, Theme, figure, text_colour
from relusweep.tasks.hypersphere.shapes import TOLERANCE, Shape

__all__ = ["shapes"]

_BAR = 0.62  # inches
_LEAST_WRITTEN = 0.06


def shapes(summary: Summary) -> Picture:
    """Make the picture of the shares of the shapes, by dimension or, of a single dimension, by leak."""
    return Picture(
        name="shapes",
        alt="Stacked bars of the shapes of the regions of successful networks, in percent. The table below "
        "has the numbers.",
        caption=(
            "Regions that successful networks (at least "
            f"{100 * summary.bar:g} % of the training samples right at the end) call "
            "inside, as a share of these networks in percent; above each bar how many they are. "
            "Determined from the weights alone. A bounded region is a polytope. It is near the "
            "hyperoctahedron, or near the expanded simplex, if it has as many vertices and these lie "
            "close to those of that polytope, moved, turned, reflected and scaled to fit best: their root "
            f"mean square distance is at most {100 * TOLERANCE:.0f} % of their own spread. In two dimensions "
            "the hyperoctahedron is the square and the expanded simplex the regular hexagon. Shares below "
            "6 % are drawn without their number; all numbers, with 95 % Wilson intervals, are in the table."
        ),
        draw=partial(_draw, summary),
    )


def _draw(summary: Summary, theme: Theme) -> Figure:
    """Draw a row for each loss; bars are dimensions, or, of a single dimension, leaks."""
    across, along = ("n_inputs", "leak") if summary.data.sizes["n_inputs"] > 1 else ("leak", "n_inputs")
    losses, columns = summary.data["loss"].values, summary.data[along].values
    width = max(_BAR * summary.data.sizes[across] + 0.6, 2.6)
    drawing = figure(max(len(columns) * width + 0.8, 5.6), len(losses) * 2.7 + 0.7)
    axes = drawing.subplots(len(losses), len(columns), squeeze=False, sharex=True, sharey=True)
    for row, loss in zip(axes, losses, strict=True):
        for axis, column in zip(row, columns, strict=True):
            _draw_bars(axis, summary.shapes.sel({"loss": loss, along: column}), across, theme)
            of_column = leak_name(float(column)) if along == "leak" else f"{column} dimensions"
            axis.set_title(f"{LOSSES[loss]}, {of_column}")
        row[0].set_ylabel("successful networks (%)")
    for axis in axes[-1]:
        axis.set_xlabel("dimension" if across == "n_inputs" else "leak")
    colours = _colours(theme)
    handles = [Patch(color=colours[shape], label=name) for shape, name in SHAPES.items()]
    drawing.legend(handles=handles, loc="outside lower left", ncols=2 if len(columns) * width < 7 else 4)
    return drawing


def _colours(theme: Theme) -> dict[Shape, str]:
    return dict(zip(SHAPES, (theme.series[0], theme.series[1], theme.series[2], theme.rule), strict=True))


def _draw_bars(axis: Axes, success: xr.Dataset, across: str, theme: Theme) -> None:
    at = np.arange(success.sizes[across])
    foot = np.zeros(len(at))
    for shape, colour in _colours(theme).items():
        share = success["rate"].sel(shape=shape).fillna(0).to_numpy()
        axis.bar(at, 100 * share, 0.78, bottom=100 * foot, color=colour, edgecolor=theme.paper, linewidth=0.8)
        for x in np.flatnonzero(share >= _LEAST_WRITTEN).tolist():
            number = axis.text(x, 100 * (foot[x] + share[x] / 2), f"{100 * share[x]:.0f}", fontsize=8)
            number.set(ha="center", va="center", color=text_colour(colour))
        foot += share
    for place, networks in enumerate(success["networks"].isel(shape=0).values):
        axis.text(place, 102, f"{networks}", ha="center", fontsize=8, color=theme.muted)
    axis.set_xticks(at, labels=[label(value) for value in success[across].values])
    axis.set(xlim=(-0.6, len(at) - 0.4), ylim=(0, 109), yticks=range(0, 101, 25))
    axis.tick_params(length=0)
