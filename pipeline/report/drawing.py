"""What pictures of several kinds of sweep are drawn with: maps of rates, dots with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.text import percent
from relusweep.pipeline.report.theme import SCALE, Theme, text_colour

__all__ = [
    "CELL",
    "LETTER",
    "colour_bar",
    "draw_map",
    "draw_numbers",
    "draw_rates",
    "hatched",
    "label_categories",
    "label_cell",
    "logarithmic",
    "tick_logarithms",
    "turn_long_labels",
]

CELL = (0.5, 0.42)
"""Inches that a cell of a map needs for its number, across and up."""

LETTER = 0.085
"""Inches that a letter of a label needs at most."""

_FULL = Normalize(0, 1)


def draw_map(axis: Axes, rates: xr.DataArray, ran: xr.DataArray, theme: Theme) -> None:
    """Draw rates as coloured cells with their percentages; what has not run is hatched.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
    rates : xarray.DataArray
        Over two dims, the first upwards and the second across; NaN where nothing ran.
    ran : xarray.DataArray
        Share of the networks that ran, over the same dims; a rate of a part is marked with an asterisk.
    theme : Theme
    """
    digits = 0 if np.allclose(100 * rates, np.rint(100 * rates), equal_nan=True) else 1
    draw_numbers(axis, rates, ran, theme, norm=_FULL, write=partial(percent, digits=digits))


def draw_numbers(
    axis: Axes,
    numbers: xr.DataArray,
    ran: xr.DataArray,
    theme: Theme,
    *,
    norm: Normalize,
    write: Callable[[float], str],
) -> None:
    """Draw numbers of any kind as coloured cells, each written into its cell; see `draw_map`.

    Parameters
    ----------
    axis, numbers, ran, theme
        As for `draw_map`.
    norm : matplotlib.colors.Normalize
        Which numbers the ends of the colour scale stand for.
    write : callable
        Writes a number.
    """
    up, across = numbers.dims
    grid, share = numbers.to_numpy(), ran.transpose(up, across).to_numpy()
    axis.pcolormesh(np.ma.masked_invalid(grid), cmap=SCALE, norm=norm, edgecolors=theme.paper, linewidth=1.2)
    for (row, column), number in np.ndenumerate(grid):
        if np.isnan(number):
            axis.add_patch(hatched(column, row))
        else:
            mark = "*" if share[row, column] < 1 else ""
            label_cell(axis, column, row, write(number) + mark, SCALE(norm(number)))
    label_categories(axis, numbers[across].to_numpy(), numbers[up].to_numpy())


def label_cell(axis: Axes, column: int, row: int, text: str, background: tuple[float, ...]) -> None:
    """Write into a unit cell in the colour that its background asks for."""
    axis.text(
        column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=8, color=text_colour(background)
    )


def label_categories(axis: Axes, across: NDArray[Any], up: NDArray[Any]) -> None:
    """Label unit cells by their categories and take away what would say that the axes are continuous."""
    axis.set_xticks(np.arange(len(across)) + 0.5, labels=[label(value) for value in across])
    axis.set_yticks(np.arange(len(up)) + 0.5, labels=[label(value) for value in up])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set(xlim=(0, len(across)), ylim=(0, len(up)))


def hatched(column: int, row: int) -> Patch:
    """Make the mark of a unit cell of which there is nothing to show."""
    return Rectangle((column + 0.04, row + 0.04), 0.92, 0.92, fill=False, hatch="/////", linewidth=0)


def colour_bar(drawing: Figure, axes: Sequence[Axes] | NDArray[Any], what: str) -> None:
    """Draw beside maps what their colours mean, from 0 to 100 %."""
    bar = drawing.colorbar(ScalarMappable(_FULL, SCALE), ax=axes, aspect=30, fraction=0.05, pad=0.02)
    bar.set_label(what)
    bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "25", "50", "75", "100"])
    bar.outline.set_visible(False)


def logarithmic(values: xr.DataArray) -> LogNorm:
    """Span all values above 0 by colours, where there are any."""
    if not bool((values > 0).any()):
        return LogNorm(1, 2)
    low, high = float(values.where(values > 0).min()), float(values.max())
    return LogNorm(low, max(high, 1.1 * low))


def draw_rates(
    axis: Axes, at: ArrayLike, success: xr.Dataset, colour: str, marker: str, name: str, scale: float = 100
) -> None:
    """Draw rates as dots, in percent if not scaled otherwise, each with its interval as a vertical line.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
    at : array_like of shape (n_rates,)
        Where the dots stand across.
    success : xarray.Dataset
        ``rate``, ``low`` and ``high`` over one dim, as `success_rate` gives them; NaN is left out.
    colour, marker : str
        One of `Theme.series` and of `MARKERS`.
    name : str
        What the legend calls them.
    scale : float
        What the numbers are multiplied by.
    """
    rate, low, high = (scale * success[name].to_numpy() for name in ("rate", "low", "high"))
    axis.errorbar(
        np.asarray(at),
        rate,
        yerr=(rate - low, high - rate),
        fmt=marker,
        color=colour,
        markersize=5.8,
        elinewidth=1.4,
        label=name,
    )


def tick_logarithms(axis: Axis) -> None:
    """Label a logarithmic axis by few round numbers, so that they do not overlap; after all is drawn."""
    low, high = axis.get_view_interval()
    decades = np.log10(high / low)
    if decades < 0.6:
        axis.set_major_locator(MaxNLocator(4))
    else:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2 else (1,)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def turn_long_labels(axis: Axes, room: float) -> None:
    """Turn the labels across upright where one is longer than its room, in inches: they would overlap."""
    if LETTER * max(len(tick.get_text()) for tick in axis.get_xticklabels()) > room:
        axis.tick_params(axis="x", rotation=90)
