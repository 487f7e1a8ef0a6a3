"""How linear regions grow with width, depth and parameters: fitted exponents, and curves."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.report.alignment.frame import PLAIN
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.text import NOTHING
from relusweep.pipeline.report.theme import Picture, Theme, figure
from relusweep.tasks.medians import median
from relusweep.tasks.statistics import slopes

__all__ = [
    "WHEN",
    "Growth",
    "Line",
    "depth_growth",
    "exponents_table",
    "growth_picture",
    "most_regions",
    "width_growth",
]

WHEN = {"start": "at the start", "end": "after training"}
_FEWEST = 3
"""Sizes that a line is fitted to, at least."""


class Line(NamedTuple):
    """A line of least squares through the logarithms of regions.

    Attributes
    ----------
    slope, low, high : float
        With its 95 % interval.
    left : float
        Mean of the squared distances from the line.
    """

    slope: float
    low: float
    high: float
    left: float


def line(x: NDArray[np.float64], y: NDArray[np.float64]) -> Line:
    """Fit a line; places and values that are not finite are left out."""
    known = np.isfinite(x) & np.isfinite(y)
    slope, low, high = (float(end[0]) for end in slopes(y, x))
    up, along = y[known], slope * x[known]
    return Line(slope, low, high, float(np.var(up - along)) if known.any() else np.nan)


class Growth(NamedTuple):
    """Regions of plain networks along one axis.

    Attributes
    ----------
    inputs : int
    at : str
        What is the same for all.
    networks : int
    power : mapping of str to Line
        Of the logarithms of regions and label: a power law; by the keys of `WHEN`.
    exponential : mapping of str to Line
        Of the logarithm of regions against the label itself.
    """

    inputs: int
    at: str
    networks: int
    power: dict[str, Line]
    exponential: dict[str, Line]


def width_growth(table: pd.DataFrame) -> list[Growth]:
    """Fit regions against width, at every depth."""
    return list(_along(table, "width", "depth"))


def depth_growth(table: pd.DataFrame) -> list[Growth]:
    """Fit regions against depth, at every width."""
    return list(_along(table, "depth", "width"))


def _along(table: pd.DataFrame, axis: str, other: str) -> Iterator[Growth]:
    plain = table[table["remedy"] == PLAIN]
    for (inputs, label), some in plain.groupby(["inputs", other]):
        if some[axis].nunique() >= _FEWEST:
            logs = {when: np.log(some[when].to_numpy(float)) for when in WHEN}
            at = some[axis].to_numpy(float)
            yield Growth(
                int(inputs),
                f"{other} {label}",
                len(some),
                {when: line(np.log(at), values) for when, values in logs.items()},
                {when: line(at, values) for when, values in logs.items()},
            )


def most_regions(lines: NDArray[np.float64]) -> NDArray[np.float64]:
    """Count the regions of so many lines of the plane in general position: 1 + n + n (n − 1) / 2."""
    return 1 + lines + lines * (lines - 1) / 2


def exponents_table(table: pd.DataFrame) -> Table:
    """Make the table of fitted exponents, with intervals."""
    rows = [_row("width", found) for found in width_growth(table)]
    rows += [_row("depth", found) for found in depth_growth(table)]
    for inputs, some in table[table["remedy"] == PLAIN].groupby("inputs"):
        if some["parameters"].nunique() >= _FEWEST:
            at = np.log(some["parameters"].to_numpy(float))
            power = {when: line(at, np.log(some[when].to_numpy(float))) for when in WHEN}
            rows.append(_row("parameters", Growth(int(inputs), "all sizes", len(some), power, {})))
    title = "Exponents of power laws: regions of plain networks against one axis [95 %]"
    return Table(title, pd.DataFrame(rows))


def _row(axis: str, found: Growth) -> dict[str, str]:
    return {
        "Inputs": str(found.inputs),
        "Against": axis,
        "At": found.at,
        "Networks": f"{found.networks:,}",
        **{f"Exponent {words}": _said(found.power[when]) for when, words in WHEN.items()},
        "Left by power law and exponential": "; ".join(_left(found, when) for when in WHEN)
        if axis == "depth"
        else NOTHING,
    }


def _said(found: Line) -> str:
    if np.isnan(found.slope):
        return NOTHING
    return f"{found.slope:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _left(found: Growth, when: str) -> str:
    power, exponential = (np.sqrt(of[when].left) for of in (found.power, found.exponential))
    return f"{power:.3f}, {exponential:.3f}"


def growth_picture(table: pd.DataFrame) -> Picture:
    """Draw regions against parameters, a line for each depth."""
    plain = table[table["remedy"] == PLAIN]
    ends = "; ".join(
        _in_words(plain[plain["inputs"] == inputs], inputs) for inputs in plain["inputs"].unique()
    )
    return Picture(
        name="regions-against-parameters",
        alt=f"Linear regions of plain networks against their parameters, both logarithmic. {ends}",
        caption=(
            "Linear regions of plain networks against their parameters: medians over targets and trials with "
            "95 % intervals, solid after training, dashed at the start. A line joins networks of one depth, "
            "from narrow to wide. Of three inputs: patterns of activation at sample points, a lower bound. "
            "The thin line has a region for each parameter."
        ),
        draw=partial(_draw, plain),
    )


def _in_words(some: pd.DataFrame, inputs: int) -> str:
    largest = some[some["parameters"] == some["parameters"].max()]
    return (
        f"Of {counted(int(inputs), 'input')}, networks of {largest['parameters'].iloc[0]:,} parameters have "
        f"a median of {largest['start'].median():,.0f} regions at the start and "
        f"{largest['end'].median():,.0f} after training."
    )


def _draw(plain: pd.DataFrame, theme: Theme) -> Figure:
    panels = sorted(plain["inputs"].unique())
    drawing = figure(3.4 * len(panels) + 0.6, 3.6)
    axes = drawing.subplots(1, len(panels), squeeze=False)[0]
    depths = sorted(plain["depth"].unique())
    for axis, inputs in zip(axes, panels, strict=True):
        of = plain[plain["inputs"] == inputs]
        ends = np.array([of["parameters"].min(), of["parameters"].max()])
        axis.plot(ends, ends, color=theme.muted, linewidth=0.7)
        for place, depth in enumerate(depths):
            some, colour = of[of["depth"] == depth], theme.series[place % len(theme.series)]
            for when, style in (("start", "--"), ("end", "-")):
                sizes = some.groupby("parameters")[when].apply(
                    lambda regions: median(regions.to_numpy(float))
                )
                if len(sizes):
                    middle, low, high = np.array(sizes.tolist(), float).T
                    name = f"depth {depth}" if when == "end" else None
                    axis.plot(sizes.index, middle, style, color=colour, linewidth=1.3, label=name)
                    known = np.isfinite(low) & np.isfinite(high)
                    axis.fill_between(
                        sizes.index, low, high, where=known, color=colour, alpha=0.18, linewidth=0
                    )
        axis.set(xscale="log", yscale="log", xlabel="parameters", title=counted(int(inputs), "input"))
        axis.grid(visible=True)
    axes[0].set_ylabel("linear regions")
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=6)
    return drawing
