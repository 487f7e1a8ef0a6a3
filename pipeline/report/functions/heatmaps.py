"""Success and rows right per size, beside the sizes that a construction solves parity with."""

from __future__ import annotations

from functools import partial

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.report.drawing import CELL, colour_bar, draw_map
from relusweep.pipeline.report.functions.summary import Summary, family_name, suffices
from relusweep.pipeline.report.text import leak_name, percent
from relusweep.pipeline.report.theme import Picture, Theme, figure

__all__ = ["heatmaps"]

_ROWS = {"rate": "success", "share": "rows right"}


def heatmaps(summary: Summary) -> list[Picture]:
    """Make a picture for each number of inputs, and of each leak; none of a sweep of a single size."""
    if not summary.has_sizes:
        return []
    return [
        _picture(summary, summary.by_size.sel(n_inputs=n, leak=leak))
        for n in summary.data["n_inputs"].values
        for leak in summary.data["leak"].values
    ]


def _picture(summary: Summary, sizes: xr.Dataset) -> Picture:
    n, leak = int(sizes["n_inputs"]), float(sizes["leak"])
    return Picture(
        name=f"sizes-{n}-{leak:g}",
        alt=f"Heat maps of success and rows right against width and depth, {n} inputs. " + _extremes(sizes),
        caption=_caption(summary, sizes),
        draw=partial(_draw, summary, sizes),
    )


def _extremes(sizes: xr.Dataset) -> str:
    """Say in words, family by family, between which values the maps run."""
    words = []
    for family in sizes["family"].values:
        of = sizes.sel(family=family)
        spans = (
            f"{what} {percent(float(of[name].min()))} to {percent(float(of[name].max()))} percent"
            for name, what in _ROWS.items()
        )
        words.append(f"{family_name(family)}: {', '.join(spans)}.")
    return " ".join(words)


def _caption(summary: Summary, sizes: xr.Dataset) -> str:
    n = int(sizes["n_inputs"])
    text = (
        f"Functions of {n} inputs, {leak_name(float(sizes['leak']))}, by width and depth (number of hidden "
        f"layers). Success: percentage of networks that classified all {2**n:,} inputs correctly at some "
        "epoch. Rows right: percentage of inputs on the right side of zero at the end, mean over networks. "
        "Each map takes all functions of its kind and all trials together. Stepped line, over parity only: "
        f"at the sizes above it width^depth \N{GREATER-THAN OR EQUAL TO} {n}, for which a construction gives "
        "weights that solve parity."
    )
    if bool((sizes["ran"] == 0).any()):
        text += " Hatched: sizes of which no network has run."
    if bool(((sizes["ran"] > 0) & (sizes["ran"] < 1)).any()):
        text += " Asterisk: sizes of which only a part of the networks has run; the value is its own."
    return text


def _draw(summary: Summary, sizes: xr.Dataset, theme: Theme) -> Figure:
    n_widths, n_depths = sizes.sizes["width"], sizes.sizes["depth"]
    drawing = figure(
        len(summary.families) * (max(n_widths * CELL[0], 3) + 0.3) + 1.4,
        2 * (max(n_depths * CELL[1], 2) + 0.6) + 0.3,
    )
    axes = drawing.subplots(2, len(summary.families), squeeze=False, sharex=True, sharey=True)
    for column, family in zip(axes.T, summary.families, strict=True):
        of = sizes.sel(family=family)
        for axis, (name, what) in zip(column, _ROWS.items(), strict=True):
            draw_map(axis, of[name].transpose("depth", "width"), of["ran"], theme)
            axis.set_title(f"{_title(summary, family)}: {what}")
            if family == "parity":
                _draw_bound(axis, suffices(sizes), theme)
    for axis in axes[-1]:
        axis.set_xlabel("width")
    for axis in axes[:, 0]:
        axis.set_ylabel("depth")
    colour_bar(drawing, axes, "of networks, or of rows (%)")
    return drawing


def _title(summary: Summary, family: str) -> str:
    count = summary.functions(family)
    if family == "own":
        return f"{counted(count, 'function')} of your own"
    return family_name(family) if family == "parity" else f"{count:,} {family_name(family)}"


def _draw_bound(axis: Axes, enough: xr.DataArray, theme: Theme) -> None:
    """Draw, for each width, the lower edge of the least depth that is enough."""
    heights = (~enough).sum("depth").to_numpy()
    line = axis.stairs(heights, baseline=None, color=theme.ink, linewidth=2)
    line.set(zorder=3, path_effects=[withStroke(linewidth=4.5, foreground=theme.paper)], clip_on=False)
