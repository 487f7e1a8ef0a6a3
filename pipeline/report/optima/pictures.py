"""One function of each family that was reached, and the cells of signs in which networks end."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import ceil

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from relusweep.pipeline.report.drawing import draw_map
from relusweep.pipeline.report.optima.summary import Case
from relusweep.pipeline.report.optima.tables import words
from relusweep.pipeline.report.text import percent
from relusweep.pipeline.report.theme import Picture, Theme, figure
from relusweep.tasks.optima.families import Family
from relusweep.tasks.optima.forms import example

__all__ = ["functions", "sign_cells"]

_COLUMNS, _MOST = 5, 15


def functions(case: Case) -> Iterator[Picture]:
    """Make the picture of one function of each family, by share; of one input only."""
    shares = {family: float(case.source.share({family.code}).rate) for family in case.reached}
    shown = sorted((family for family in shares if shares[family] > 0), key=lambda family: -shares[family])
    if case.landscape.arrangement.points.shape[1] == 2 and shown:
        yield Picture(
            name=_name("functions", case),
            alt=f"Graphs of {len(shown[:_MOST])} functions and the points that they are to pass.",
            caption="One function of each family reached, the most frequent first: code, loss and share of "
            f"starts ({words(case.source)}). Dots are the points.{_shared(case)}",
            draw=partial(_draw, case, shown[:_MOST], shares),
        )


def _shared(case: Case) -> str:
    """Say where several rows are one point."""
    points, counts = np.unique(case.landscape.arrangement.points[:, 0], return_counts=True)
    return "".join(f" That at {x} counts {n} times." for x, n in zip(points, counts, strict=True) if n > 1)


def _draw(case: Case, shown: list[Family], shares: dict[Family, float], theme: Theme) -> Figure:
    columns = min(_COLUMNS, len(shown))
    rows = ceil(len(shown) / columns)
    drawing = figure(1.75 * columns + 0.4, 1.75 * rows + 0.3)
    axes = drawing.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axis in axes[len(shown) :]:
        axis.set_axis_off()
    for axis, family in zip(axes, shown, strict=False):
        _draw_function(axis, case, family, theme)
        axis.set_title(f"{family.code}: loss {family.loss}, {percent(shares[family])} %", fontsize=7.5)
    return drawing


def _draw_function(axis: Axes, case: Case, family: Family, theme: Theme) -> None:
    rows = case.landscape.arrangement.points[:, 0]
    x = np.linspace(rows.min() - 0.6, rows.max() + 0.6, 401)
    axis.plot(x, example(case.landscape, family)(x[:, None]), color=theme.series[0], linewidth=1.6)
    axis.plot(rows, case.landscape.targets, "o", color=theme.series[1], markersize=4.5)
    axis.set(ylim=(-2.2, 2.2), xticks=sorted(set(rows.tolist())), yticks=[-1, 0, 1])
    axis.grid(visible=True)


def sign_cells(case: Case) -> Iterator[Picture]:
    """Make the picture of the cells of signs, of two units and one input."""
    of = case.landscape.arrangement
    if of.points.shape[1] == 2 and case.landscape.width == 2:
        cells = _cells(case)
        yield Picture(
            name=_name("sign-cells", case),
            alt=f"A map of {len(cells)} by {len(cells)} cells of signs.",
            caption="Share of networks that end in each cell of signs, in percent: the points at which each "
            f"unit is on ({words(case.source)}). Of {4 ** len(np.unique(of.points, axis=0))} patterns "
            f"{len(cells) ** 2} are possible.",
            draw=partial(_draw_cells, _shares(case), [_pattern(case, own) for own in cells]),
        )


def _cells(case: Case) -> NDArray[np.bool_]:
    """Give the rows at which a unit can be on, those of few rows first."""
    of = case.landscape.arrangement
    on = of.signs[of.cells] > 0
    return on[np.lexsort((on @ of.points[:, 0], on.sum(axis=1)))]


def _shares(case: Case) -> NDArray[np.float64]:
    """Give the share of networks in each pair of cells."""
    of = case.landscape.arrangement
    numbers = _cells(case) @ (1 << np.arange(len(of.points))[::-1])
    found = case.source.data["sign_cell"].to_numpy().astype(int)
    first, second = np.divmod(found, 1 << len(of.points))
    counts = [[((first == one) & (second == other)).sum() for other in numbers] for one in numbers]
    return np.array(counts, np.float64) / max(1, len(found))


def _pattern(case: Case, on: NDArray[np.bool_]) -> str:
    points = sorted({int(x) for x in case.landscape.arrangement.points[on, 0]})
    return ", ".join(str(x).replace("-", "\N{MINUS SIGN}") for x in points) or "off"


def _draw_cells(shares: NDArray[np.float64], names: list[str], theme: Theme) -> Figure:
    drawing = figure(5.6, 4.0)
    axis = drawing.subplots()
    rates = xr.DataArray(shares, {"first": names, "second": names}, ("first", "second"))
    draw_map(axis, rates, xr.ones_like(rates), theme)
    axis.set(xlabel="unit 2 is on at", ylabel="unit 1 is on at")
    return drawing


def _name(what: str, case: Case) -> str:
    own = case.name.replace(", ", "-").replace(" ", "-")
    return f"{what}-{own}" if own else what
