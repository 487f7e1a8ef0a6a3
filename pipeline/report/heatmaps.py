"""Success per size: width × depth, a number in every cell (figure 3.5 of the source)."""

from functools import partial

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from pipeline.report.summary import Summary
from pipeline.report.theme import SCALE, Picture, Theme, figure, leak_name, percent, text_colour

__all__ = ["heatmaps"]

_CELL = (0.5, 0.42)  # inches
_FULL = Normalize(0, 1)


def heatmaps(summary: Summary) -> Picture:
    """Make the picture of mean and worst-class success per size, a panel for each leak."""
    return Picture(
        name="success",
        alt="Heat maps of success against width and depth. " + " ".join(_extremes(summary)),
        caption=_caption(summary),
        draw=partial(_draw, summary),
    )


def _extremes(summary: Summary) -> list[str]:
    """Say in words, leak by leak, between which values the maps run."""
    sentences = []
    for leak, mean, worst in zip(summary.leaks, summary.mean, summary.worst["rate"], strict=True):
        means, worsts = (
            f"{percent(float(rate.min()))} to {percent(float(rate.max()))}" for rate in (mean, worst)
        )
        sentences.append(
            f"{leak_name(leak)}: mean over classes {means} percent, worst class {worsts} percent."
        )
    return sentences


def _caption(summary: Summary) -> str:
    classes, trials = summary.data.sizes["problem"], summary.data.sizes["trial"]
    text = (
        f"Percentage of networks that classified all {2**summary.n_inputs} inputs correctly at some epoch, "
        "by width and depth (number of hidden layers). Mean over classes: every class weighs the same "
        f"({classes:,} in all). Worst class: the lowest rate of any one class over up to {trials} trials"
        f"{summary.uncertainty(summary.by_class)}; being the least of many noisy rates, it leans low."
    )
    if bool((summary.ran == 0).any()):
        text += " Hatched: sizes of which no network has run."
    if bool(_in_part(summary.ran).any()):
        text += " Asterisk: sizes of which only a part of the networks has run; the rate is that of the part."
    return text


def _in_part(ran: xr.DataArray) -> xr.DataArray:
    return (ran > 0) & (ran < 1)


def _draw(summary: Summary, theme: Theme) -> Figure:
    n_leaks, n_widths, n_depths = summary.mean.shape
    n_rows, n_columns = (1, 2) if n_leaks == 1 else (2, n_leaks)
    drawing = figure(
        n_columns * (max(n_widths * _CELL[0], 4.2) + 0.3) + 1.4,
        n_rows * (max(n_depths * _CELL[1], 2) + 0.6) + 0.5,
    )
    axes = drawing.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True)
    maps = {"mean over classes": summary.mean, "worst class": summary.worst["rate"]}
    for row, (what, rates) in zip(axes.reshape(2, n_leaks), maps.items(), strict=True):
        for axis, leak in zip(row, summary.leaks, strict=True):
            _draw_panel(axis, rates.sel(leak=leak), summary.ran.sel(leak=leak), theme)
            axis.set_title(f"{leak_name(leak)}, {what}")
    for axis in axes[-1]:
        axis.set_xlabel("width")
    for axis in axes[:, 0]:
        axis.set_ylabel("depth")
    bar = drawing.colorbar(ScalarMappable(_FULL, SCALE), ax=axes, aspect=30, fraction=0.05, pad=0.02)
    bar.set_label("networks that learned the class (%)")
    bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "25", "50", "75", "100"])
    bar.outline.set_visible(False)
    return drawing


def _draw_panel(axis: Axes, rates: xr.DataArray, ran: xr.DataArray, theme: Theme) -> None:
    grid, part = (array.transpose("depth", "width").to_numpy() for array in (rates, _in_part(ran)))
    digits = 0 if np.allclose(100 * grid % 1, 0, equal_nan=True) else 1
    axis.pcolormesh(np.ma.masked_invalid(grid), cmap=SCALE, norm=_FULL, edgecolors=theme.paper, linewidth=1.2)
    for (row, column), rate in np.ndenumerate(grid):
        if np.isnan(rate):
            axis.add_patch(_hatched(column, row))
        else:
            mark = "*" if part[row, column] else ""
            label_cell(axis, column, row, percent(rate, digits) + mark, SCALE(rate))
    label_categories(axis, rates["width"].values, rates["depth"].values)


def label_cell(axis: Axes, column: int, row: int, label: str, background: tuple[float, ...]) -> None:
    """Write into a unit cell in the colour that its background asks for."""
    axis.text(
        column + 0.5, row + 0.5, label, ha="center", va="center", fontsize=8, color=text_colour(background)
    )


def label_categories(axis: Axes, across: np.ndarray, up: np.ndarray) -> None:
    """Label unit cells by their categories and take away what would say that the axes are continuous."""
    axis.set_xticks(np.arange(len(across)) + 0.5, labels=[str(value) for value in across])
    axis.set_yticks(np.arange(len(up)) + 0.5, labels=[str(value) for value in up])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set(xlim=(0, len(across)), ylim=(0, len(up)))


def _hatched(column: int, row: int) -> Patch:
    return Rectangle((column + 0.04, row + 0.04), 0.92, 0.92, fill=False, hatch="/////", linewidth=0)
