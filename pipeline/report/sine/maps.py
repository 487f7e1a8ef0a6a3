"""Tries, success, errors and pieces per size: width × depth, a number in every cell."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from relusweep.pipeline.report.drawing import CELL, colour_bar, draw_map, draw_numbers, logarithmic
from relusweep.pipeline.report.sine.summary import Summary
from relusweep.pipeline.report.text import count, percent, thousandths
from relusweep.pipeline.report.theme import Picture, Theme, figure
from relusweep.pipeline.report.training.axes import one, said
from relusweep.tasks.problems.function import sine_points

__all__ = ["errors", "pieces", "success", "tries"]

_NARROWER = 0.95  # than cells of percentages: ten of them fit a phone


def tries(summary: Summary) -> Picture:
    """Make the picture of tries per size: median over the trials, and largest."""
    epochs, bar = (said(summary.networks, name) for name in ("epochs", "bar"))
    caption = (
        f"Tries until the mean squared error after {epochs} epochs was at most {bar}, "
        "by width and depth: median over the trials, and largest number. Colour: logarithmic. "
        f"{summary.most_tries:,} tries are the most; of a network that used them all the last one was kept."
    )
    return _pair(summary, "tries", ("tries", "most_tries"), count, "Tries", caption)


def success(summary: Summary) -> Picture:
    """Make the picture of the share of networks that met the bar."""
    sizes = summary.by_size
    half = float((sizes["high"] - sizes["low"]).max()) / 2
    caption = (
        f"Percentage of the networks of a size of which one of at most {summary.most_tries:,} "
        f"tries met the bar of {said(summary.networks, 'bar')}"
    )
    caption += f" (95 % Wilson intervals of at most ±{100 * half:.1f} points)." if half >= 0 else "."
    return Picture(
        name="success",
        alt="Heat map of the share of networks that met the bar, by width and depth: "
        f"{_extremes(sizes['rate'], percent)} percent.",
        caption=caption + _marks(sizes),
        draw=partial(_draw_success, sizes),
    )


def errors(summary: Summary) -> Picture:
    """Make the picture of final errors per size: median over the trials, and least."""
    zero, line = _simplest(summary.points)
    caption = (
        f"Mean squared error in thousandths at the end, after {_epochs(summary)}, by width and depth: "
        "median over the trials, and least. Colour: logarithmic. The zero function has "
        f"{thousandths(zero)}, the best straight line {thousandths(line)}."
    )
    return _pair(summary, "error", ("loss", "least_loss"), thousandths, "Final errors, thousandths", caption)


def pieces(summary: Summary) -> Picture:
    """Make the picture of linear pieces per size: median over the trials, and largest."""
    caption = (
        "Linear pieces on [\N{MINUS SIGN}π, π] at the end, by width and depth: median over the trials, and "
        "largest number. Kinks are solved for layer by layer, not sampled. Colour: logarithmic."
    )
    return _pair(summary, "pieces", ("pieces", "most_pieces"), count, "Pieces", caption)


def _epochs(summary: Summary) -> str:
    """Say how long networks are trained in all."""
    first, further = (one(summary.networks, name) for name in ("epochs", "further_epochs"))
    if not summary.has_tries:
        return f"{said(summary.networks, 'epochs')} epochs"
    if first is None or further is None:
        return "the further epochs of the try that was kept"
    return f"{first + further:,} epochs of the try that was kept"


def _simplest(points: int) -> tuple[float, float]:
    """Compute the mean squared errors of the zero function and of the best straight line."""
    x, y = (array.ravel().astype(float) for array in sine_points(points))
    return float(np.mean(y**2)), float(np.mean((y - x * (x @ y) / (x @ x)) ** 2))


def _pair(
    summary: Summary,
    name: str,
    shown: tuple[str, str],
    write: Callable[[float], str],
    what: str,
    caption: str,
) -> Picture:
    """Make a picture of two maps: a median over the trials, and an extreme."""
    sizes = summary.by_size
    return Picture(
        name=name,
        alt=f"Heat maps by width and depth. {what}, median over trials: {_extremes(sizes[shown[0]], write)}; "
        f"{_extreme_of(shown[1])}: {_extremes(sizes[shown[1]], write)}.",
        caption=caption + _marks(sizes),
        draw=partial(_draw_pair, sizes, shown, write),
    )


def _extreme_of(name: str) -> str:
    return f"{name.partition('_')[0]} of any trial"


def _extremes(values: xr.DataArray, write: Callable[[float], str]) -> str:
    if not bool(values.notnull().any()):
        return "nothing"
    return f"{write(float(values.min()))} to {write(float(values.max()))}"


def _marks(sizes: xr.Dataset) -> str:
    """Say what hatching and asterisks mean, where there are any."""
    text = " Hatched: nothing to show." if bool(sizes["loss"].isnull().any()) else ""
    in_part = bool(((sizes["ran"] > 0) & (sizes["ran"] < 1)).any())
    return text + (" Asterisk: not all trials have run." if in_part else "")


def _draw_pair(
    sizes: xr.Dataset, shown: tuple[str, str], write: Callable[[float], str], theme: Theme
) -> Figure:
    drawing, axes = _panels(sizes, 2)
    norm = logarithmic(sizes[list(shown)].to_array())
    for axis, name, title in zip(axes, shown, ("median over trials", _extreme_of(shown[1])), strict=True):
        draw_numbers(axis, _upright(sizes[name]), sizes["ran"], theme, norm=norm, write=write)
        axis.set_title(title)
    return drawing


def _draw_success(sizes: xr.Dataset, theme: Theme) -> Figure:
    drawing, axes = _panels(sizes, 1)
    draw_map(axes[0], _upright(sizes["rate"]), sizes["ran"], theme)
    colour_bar(drawing, axes, "networks that met the bar (%)")
    return drawing


def _upright(values: xr.DataArray) -> xr.DataArray:
    return values.transpose("depth", "width")


def _panels(sizes: xr.Dataset, count: int) -> tuple[Figure, list[Axes]]:
    """Make a figure of maps under one another: side by side they are too wide for a phone."""
    width = max(sizes.sizes["width"] * _NARROWER * CELL[0], 3.4)
    height = max(sizes.sizes["depth"] * CELL[1], 2.0)
    drawing = figure(width + 0.9, count * (height + 0.5) + 0.4)
    axes = drawing.subplots(count, 1, squeeze=False, sharex=True)[:, 0]
    for axis in axes:
        axis.set_ylabel("depth")
    axes[-1].set_xlabel("width")
    return drawing, list(axes)
