"""Pictures of parameters and errors against N and L, and of where floating point breaks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from relusweep.pipeline.report.drawing import tick_logarithms
from relusweep.pipeline.report.growth.fits import grouped
from relusweep.pipeline.report.growth.tables import DTYPES
from relusweep.pipeline.report.text import significant
from relusweep.pipeline.report.theme import MARKERS, Picture, Theme, figure

__all__ = ["breaks", "exponentials", "powers"]

_WORDS = {"error": "largest error", "largest": "largest parameter"}
_BOUNDS = {"error": "bound_error", "largest": "bound_parameters"}
_CLAIMED = {"error": "claimed_error", "largest": "claimed_parameters"}
_FEWEST = 3
_MOST = 1e6  # times the bound: errors above, and infinite ones, are drawn there


def powers(cells: pd.DataFrame, construction: str, what: str) -> Picture | None:
    """Draw the error or the largest parameter of a construction against N and L; None without enough."""
    rows = cells[cells["construction"] == construction]
    panels = {
        (d, axis): line
        for d, of in grouped(rows, "d")
        for axis, other in (("N", "L"), ("L", "N"))
        if (line := _line(of, axis, other)) is not None
    }
    if not panels:
        return None
    name = construction.replace("_", " ")
    return Picture(
        name=f"{construction}-{what}",
        alt=f"{_WORDS[what].capitalize()} of {name} against N and L. {_in_words(panels, what)}",
        caption=(
            f"{_WORDS[what].capitalize()} of networks of the construction {name}; both axes are logarithmic. "
            "Dashed: the proved bound. Dotted: the order that the source claims, moved to the first dot."
        ),
        draw=partial(_draw_powers, panels, what),
    )


def _line(rows: pd.DataFrame, axis: str, other: str) -> pd.DataFrame | None:
    """Give the rows at the value of the other axis, at least 2 if possible, that has most values of one."""
    counts = rows[rows[other] != 1].groupby(other)[axis].nunique()
    if not len(counts) or counts.max() < _FEWEST:
        counts = rows.groupby(other)[axis].nunique()
    if not len(counts) or counts.max() < _FEWEST:
        return None
    line: pd.DataFrame = rows[rows[other] == counts.idxmax()].sort_values(axis)
    return line


def _in_words(panels: dict[tuple[int, str], pd.DataFrame], what: str) -> str:
    ends = (
        f"q {q}, d {d}: {significant(float(line[what].iloc[0]))} at {axis} {line[axis].iloc[0]}, "
        f"{significant(float(line[what].iloc[-1]))} at {axis} {line[axis].iloc[-1]}"
        for (d, axis), some in panels.items()
        for q, line in grouped(some, "q")
    )
    return f"{'; '.join(ends)}."


def _draw_powers(panels: dict[tuple[int, str], pd.DataFrame], what: str, theme: Theme) -> Figure:
    inputs, axes_along = sorted({d for d, _ in panels}), sorted({axis for _, axis in panels}, reverse=True)
    drawing = figure(4.0 * len(axes_along), 3.1 * len(inputs) + 0.5)
    axes = drawing.subplots(len(inputs), len(axes_along), squeeze=False, sharey="row")
    for row, d in zip(axes, inputs, strict=True):
        for axis, along in zip(row, axes_along, strict=True):
            if (d, along) not in panels:
                axis.set_visible(False)
                continue
            _draw_lines(axis, panels[d, along], along, what, theme)
            axis.set_title(_title(panels[d, along], d, "L" if along == "N" else "N"))
            tick_logarithms(axis.xaxis)
        row[0].set_ylabel(_WORDS[what])
    drawing.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=4, alignment="left"
    )
    return drawing


def _title(line: pd.DataFrame, d: int, other: str) -> str:
    inputs = f"{d} input{'s' * (d != 1)}, " if d else ""
    value = int(line[other].iloc[0])
    return f"{inputs}{other} = {value}" if value else inputs.removesuffix(", ")


def _draw_lines(axis: Axes, rows: pd.DataFrame, along: str, what: str, theme: Theme) -> None:
    for place, (q, line) in enumerate(grouped(rows, "q")):
        colour = theme.series[place % len(theme.series)]
        x, y = line[along], line[what].where(line[what] > 0)
        size = max(3.0, 7.5 - 1.6 * place)  # what lies on one place is seen
        axis.plot(x, y, MARKERS[place % len(MARKERS)], color=colour, markersize=size, label=f"q = {q}")
        axis.plot(x, line[_BOUNDS[what]], "--", color=colour, linewidth=1.2)
        claimed = line[_CLAIMED[what]]
        if claimed.notna().all() and y.notna().any():
            first = y.first_valid_index()
            axis.plot(x, claimed * (y[first] / claimed[first]), ":", color=colour, linewidth=1.6)
    axis.set(xscale="log", yscale="log", xlabel=along)
    axis.grid(visible=True)
    axis.tick_params(length=0)


def exponentials(cells: pd.DataFrame) -> Picture | None:
    """Draw parameters that grow exponentially: of smooth units by N, of unmodified point fitting by L."""
    panels = dict(_exponential(cells))
    if not panels:
        return None
    ends = (
        f"{title}: 10 to the power {line['log10_largest'].iloc[-1]:.1f} at {axis} {line[axis].iloc[-1]}"
        for (title, axis), line in panels.items()
    )
    return Picture(
        name="exponentials",
        alt=f"Largest parameters against N and L, on a linear axis. {'; '.join(ends)}.",
        caption=(
            "Largest parameter, logarithmic, against N or L, linear: exponential growth is a straight line. "
            "Hollow dots: point fitting with the modification."
        ),
        draw=partial(_draw_exponentials, panels),
    )


def _exponential(cells: pd.DataFrame) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    for name, axis, other in (
        ("gaussian", "N", "L"),
        ("logistic", "N", "L"),
        ("points_unmodified", "L", "N"),
    ):
        rows = cells[(cells["construction"] == name) & (cells["d"] != 2) & (cells[other] <= 1)]
        if name == "points_unmodified":
            modified = cells[(cells["construction"] == "points") & (cells[other] <= 1)]
            rows = pd.concat([rows, modified])
        if rows[axis].nunique() >= _FEWEST:
            yield (name.replace("_", " "), axis), rows.sort_values(axis)


def _draw_exponentials(panels: dict[tuple[str, str], pd.DataFrame], theme: Theme) -> Figure:
    drawing = figure(2.6 * len(panels) + 0.6, 3.4)
    axes = drawing.subplots(1, len(panels), squeeze=False)[0]
    for axis, ((title, along), rows) in zip(axes, panels.items(), strict=True):
        for place, (q, of) in enumerate(grouped(rows, "q")):
            colour, marker = theme.series[place % len(theme.series)], MARKERS[place % len(MARKERS)]
            for name, line in grouped(of, "construction"):
                fill = "none" if name == "points" else "full"
                axis.plot(
                    line[along],
                    line["log10_largest"],
                    marker,
                    color=colour,
                    markersize=max(3.0, 7.5 - 1.6 * place),
                    fillstyle=fill,
                    label=f"q = {q}" if fill == "full" else None,
                )
        axis.set(title=title, xlabel=along)
        axis.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        axis.yaxis.set_major_formatter(lambda value, _: f"$10^{{{value:g}}}$")
        axis.grid(visible=True)
        axis.tick_params(length=0)
    axes[0].set_ylabel("largest parameter")
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=4)
    return drawing


def breaks(cells: pd.DataFrame) -> Picture | None:
    """Draw errors in float32 and float64 over the proved bound, against the largest parameter."""
    rows = cells[(cells["bound_error"] > 0) & (cells["largest"] > 0)]
    if not len(rows):
        return None
    counts = (
        f"{dtype}: {int((~(rows[f'error_{dtype}'] <= rows['bound_error'])).sum())} of {len(rows)} above"
        for dtype in DTYPES
    )
    return Picture(
        name="breaks",
        alt=f"Errors in float32 and float64 over the bound, by the largest parameter. {'; '.join(counts)}.",
        caption=(
            "Error in float32 and in float64 over the proved bound, against the largest parameter. Above "
            "the line rounding has broken the bound. Errors of more than "
            f"{significant(_MOST)} bounds, and infinite ones, are drawn at the upper edge."
        ),
        draw=partial(_draw_breaks, rows),
    )


def _draw_breaks(rows: pd.DataFrame, theme: Theme) -> Figure:
    drawing = figure(7.6, 3.6)
    axes = drawing.subplots(1, 2, sharey=True)
    for axis, dtype in zip(axes, DTYPES, strict=True):
        for place, (title, names) in enumerate(_KINDS.items()):
            some = rows[rows["construction"].isin(names)]
            ratio = (some[f"error_{dtype}"] / some["bound_error"]).fillna(np.inf).clip(1e-6, _MOST)
            axis.plot(
                some["largest"],
                ratio,
                MARKERS[place],
                color=theme.series[place],
                markersize=3.6,
                alpha=0.7,
                markeredgewidth=0,
                label=title,
            )
        axis.axhline(1, color=theme.ink, linewidth=1)
        axis.set(xscale="log", yscale="log", title=dtype, xlabel="largest parameter")
        axis.grid(visible=True)
        axis.tick_params(length=0)
    axes[0].set_ylabel("error / bound")
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=4)
    return drawing


_KINDS = {
    "sawtooth functions": ("square", "product", "monomial"),
    "bit extraction": ("points", "points_unmodified", "outside", "smooth", "smooth_unmodified"),
    "ReQU": ("requ_polynomial", "requ_spline"),
    "smooth units": ("gaussian", "logistic"),
}
