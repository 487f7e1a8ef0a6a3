"""Outcomes over two axes as maps with numbers, and over one axis as dots with intervals."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.drawing import (
    CELL,
    LETTER,
    colour_bar,
    draw_map,
    draw_numbers,
    draw_rates,
    logarithmic,
    tick_logarithms,
    turn_long_labels,
)
from relusweep.pipeline.report.theme import Picture, Theme, figure
from relusweep.pipeline.report.training.outcome import Outcome

__all__ = ["dots", "pair_map"]

_WIDEST = 10  # inches


def pair_map(outcome: Outcome, pair: tuple[str, str]) -> Picture:
    """Make the map of the outcome over two axes."""
    up, across = sorted(pair, key=lambda dim: (-_longest(outcome, dim) // 8, outcome.data.sizes[dim]))
    found = outcome.over(up, across)
    return Picture(
        name=f"by-{up}-and-{across}{outcome.suffix}",
        alt=f"Heat map of {_what(outcome)} by {across} and {up}: {_extremes(outcome, found)}.",
        caption=_caption(outcome, found, f"{across} and {up}"),
        draw=partial(_draw_map, outcome, found),
    )


def dots(outcome: Outcome, dim: str) -> Picture:
    """Make the picture of the outcome along one axis, each dot with its interval or quartiles."""
    found = outcome.over(dim)
    bars = "quartiles" if outcome.by_loss else "95 % Wilson intervals"
    return Picture(
        name=f"by-{dim}{outcome.suffix}",
        alt=f"Dots of {_what(outcome)} by {dim}: {_extremes(outcome, found)}.",
        caption=f"{_caption(outcome, found, dim)} Vertical lines: {bars}.",
        draw=partial(_draw_dots, outcome, found, dim),
    )


def _longest(outcome: Outcome, dim: str) -> int:
    return max(len(label(value)) for value in outcome.data[dim].values)


def _what(outcome: Outcome) -> str:
    return (
        f"the median of the {outcome.what.lower()}"
        if outcome.by_loss
        else "the percentage of networks that succeeded"
    )


def _extremes(outcome: Outcome, found: xr.Dataset) -> str:
    values = found["value"]
    if not bool(values.notnull().any()):
        return "nothing has run"
    return f"{outcome.write(float(values.min()))} to {outcome.write(float(values.max()))}"


def _caption(outcome: Outcome, found: xr.Dataset, axes: str) -> str:
    text = f"{outcome.what} by {axes}, all other axes taken together: {_what(outcome)}"
    text += f", of up to {int(found['networks'].max()):,} networks each."
    if outcome.by_loss:
        text += (
            " The scale of maps is the same for all. Networks that did not stay finite are left out."
            if not outcome.measure.logarithmic
            else " Logarithmic scale, of maps the same for all. Losses that are not finite are left out."
        )
    if bool((found["ran"] == 0).any()):
        text += " Hatched: no network there." if len(found.sizes) > 1 else " Where none has run is no dot."
    if bool(((found["ran"] > 0) & (found["ran"] < 1)).any()) and len(found.sizes) > 1:
        text += " Asterisk: only a part of the networks has run; the value is its own."
    return text


def _draw_map(outcome: Outcome, found: xr.Dataset, theme: Theme) -> Figure:
    values = found["value"]
    up, across = map(str, values.dims)
    cell = max(CELL[0] * (1.6 if outcome.by_loss else 1), 0.15 + LETTER * _longest(outcome, across))
    left = 0.9 + LETTER * _longest(outcome, up)
    drawing = figure(
        max(values.sizes[across] * cell, 2.6) + left + (0 if outcome.by_loss else 1),
        max(values.sizes[up] * CELL[1], 1.3) + 0.8,
    )
    axis = drawing.subplots()
    if outcome.by_loss:
        shown = outcome.over(*outcome.axes[:2])["value"]
        norm = logarithmic(shown) if outcome.measure.logarithmic else Normalize(0, float(shown.max()) or 1.0)
        draw_numbers(axis, values, found["ran"], theme, norm=norm, write=outcome.write)
    else:
        draw_map(axis, values, found["ran"], theme)
        colour_bar(drawing, [axis], "success (%)")
    axis.set(xlabel=across, ylabel=up)
    return drawing


def _draw_dots(outcome: Outcome, found: xr.Dataset, dim: str, theme: Theme) -> Figure:
    names, at = [label(value) for value in found[dim].values], np.arange(found.sizes[dim])
    width = max(len(names) * max(0.5, 0.15 + LETTER * _longest(outcome, dim)), 3.2) + 0.9
    drawing = figure(min(width, _WIDEST), 3.2)
    axis = drawing.subplots()
    scale = 100 if outcome.measure.unit else 1
    draw_rates(axis, at, found.rename(value="rate"), theme.series[0], "o", dim, scale=scale)
    axis.set_xticks(at, labels=names)
    turn_long_labels(axis, (min(width, _WIDEST) - 0.9) / len(names))
    axis.set(xlabel=dim, xlim=(-0.6, len(at) - 0.4))
    axis.grid(visible=True, axis="y")
    axis.tick_params(length=0)
    if outcome.measure.logarithmic:
        axis.set(ylabel=outcome.what.lower(), yscale="log")
        tick_logarithms(axis.yaxis)
    elif outcome.by_loss:
        axis.set(ylabel=f"{outcome.what.lower()} (%)")
    else:
        axis.set(ylabel="networks that succeeded (%)", ylim=(-3, 103))
    return drawing
