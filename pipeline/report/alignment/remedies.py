"""Each remedy beside plain networks of as many parameters: errors, regions, epochs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from relusweep.pipeline.report.alignment.frame import PLAIN, beside_plain, columns, remedies
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.text import NOTHING, significant
from relusweep.pipeline.report.theme import Picture, Theme, figure
from relusweep.tasks.medians import Median, median

__all__ = [
    "Ratio",
    "errors_picture",
    "errors_table",
    "nearness",
    "ratios",
    "remedies_table",
    "training_picture",
]


class Ratio(NamedTuple):
    """What networks of a remedy have, for each time that of plain ones of as many parameters.

    Attributes
    ----------
    sizes : int
        Targets and sizes that were compared.
    of : Median
        Over these.
    """

    sizes: int
    of: Median


def ratios(table: pd.DataFrame, column: str) -> dict[str, Ratio]:
    """Compare the networks of each remedy, of two inputs, with plain ones."""
    return _over_sizes(table, column, lambda found: found["own"] / found["plain"])


def nearness(table: pd.DataFrame) -> dict[str, Ratio]:
    """Say how much nearer to one region for each parameter networks of a remedy come than plain ones.

    It is the larger of regions and parameters over the smaller, of plain networks, divided by that of the
    others: above 1 where the remedy brings both together.
    """

    def factor(found: pd.DataFrame) -> pd.Series:
        own, plain = (np.abs(np.log(found[name] / found["parameters"])) for name in ("own", "plain"))
        nearer: pd.Series = np.exp(plain - own)
        return nearer

    return _over_sizes(table, "end", factor)


def _over_sizes(
    table: pd.DataFrame, column: str, of: Callable[[pd.DataFrame], pd.Series]
) -> dict[str, Ratio]:
    found = beside_plain(table[table["inputs"] == 2], column)
    some = {name: of(found[found["remedy"] == name]).to_numpy(float) for name in remedies(table)[1:]}
    return {
        name: Ratio(len(values), median(values if len(values) else [np.nan])) for name, values in some.items()
    }


def remedies_table(table: pd.DataFrame) -> Table:
    """Make the table of all remedies, as ratios to plain networks of as many parameters."""
    shown = {"Error": "error", "Regions at the start": "start", "Regions after training": "end"}
    shown |= {name.capitalize(): name for name in columns(table, "epochs to")}
    found = {heading: ratios(table, column) for heading, column in shown.items()}
    found["Nearer to one region for each parameter"] = nearness(table)
    rows = [
        {
            "Networks": name,
            "Sizes": f"{found['Error'][name].sizes:,}",
            **{heading: _said(of[name]) for heading, of in found.items()},
        }
        for name in remedies(table)[1:]
    ]
    title = (
        "Networks with a remedy, times what plain ones of the same target, depth and number of parameters "
        "have: medians over targets and sizes of two inputs [95 %]"
    )
    return Table(title, pd.DataFrame(rows))


def _said(ratio: Ratio) -> str:
    middle, low, high = (float(end) for end in ratio.of)
    if np.isnan(middle):
        return NOTHING
    bounds = "" if np.isinf(low) else f" [{significant(low)}, {significant(high)}]"
    return f"{significant(middle)}{bounds}"


def errors_table(table: pd.DataFrame) -> Table:
    """Make the table of errors, regions and regions for each parameter of every kind and size."""
    rows = []
    keys = ["target", "remedy", "depth", "width", "parameters"]
    for (target, remedy, depth, width, parameters), some in table.groupby(keys, sort=True):
        each = some["end"].to_numpy(float)
        rows.append(
            {
                "Target": target,
                "Networks": remedy,
                "Depth": str(depth),
                "Width": str(width),
                "Parameters": f"{parameters:,}",
                "Error": _of(some["error"]),
                "Regions": _of(some["end"]),
                "Regions for a parameter": _of(pd.Series(each / parameters)),
                **{name.capitalize(): _of(some[name]) for name in columns(some, "epochs to")},
            }
        )
    return Table("All kinds and sizes: medians over trials [95 %]", pd.DataFrame(rows))


def _of(values: pd.Series) -> str:
    middle, low, high = (float(end) for end in median(values.to_numpy(float)))
    if np.isnan(middle):
        return NOTHING
    if np.isinf(middle):
        return "never"
    ends = ["never" if np.isinf(end) else significant(end) for end in (low, high)]
    return significant(middle) if np.isinf(low) and low < 0 else f"{significant(middle)} [{', '.join(ends)}]"


def errors_picture(table: pd.DataFrame) -> Picture | None:
    """Draw errors against parameters, a panel for each target, a line for each remedy; None of one kind."""
    depth = _shown_depth(table)
    some = table[(table["inputs"] == 2) & (table["depth"] == depth)]
    if some["remedy"].nunique() < 2:
        return None
    best = some.groupby(["target", "remedy"])["error"].median().groupby("target").idxmin()
    words = "; ".join(f"{target}: {remedy}" for target, remedy in best.to_numpy())
    return Picture(
        name="errors-against-parameters",
        alt=f"Errors of networks of depth {depth} against parameters. Least median of all sizes: {words}.",
        caption=(
            f"Final errors of networks of depth {depth} against their parameters: medians over trials with "
            "95 % intervals, a line for each remedy, from narrow to wide. Lines below that of plain networks "
            "are better for as many parameters. Panels end at three times the largest error of plain ones."
        ),
        draw=partial(_draw_errors, some),
    )


def _shown_depth(table: pd.DataFrame) -> int:
    """Choose the depth of most kinds, of several that nearest to 2."""
    kinds = table.groupby("depth")["remedy"].nunique()
    return int(max(kinds.index, key=lambda depth: (kinds[depth], -abs(depth - 2))))


def _draw_errors(some: pd.DataFrame, theme: Theme) -> Figure:
    targets, names = sorted(some["target"].unique()), remedies(some)
    columns = min(4, len(targets))
    rows = -(-len(targets) // columns)
    drawing = figure(2.6 * columns + 0.4, 2.5 * rows + 0.7)
    axes = drawing.subplots(rows, columns, squeeze=False)
    for axis in axes.ravel()[len(targets) :]:
        axis.set_visible(False)
    for axis, target in zip(axes.ravel(), targets, strict=False):
        of = some[some["target"] == target]
        plain = of[of["remedy"] == PLAIN]["error"]
        for place, name in enumerate(names):
            _draw_line(axis, of[of["remedy"] == name], "parameters", "error", _colour(theme, place), name)
        if plain.notna().any():
            axis.set_ylim(plain.min() / 3, plain.max() * 3)
        axis.set(xscale="log", yscale="log", title=target.replace("_", " "))
        axis.grid(visible=True)
    drawing.supxlabel("parameters", fontsize=9)
    drawing.supylabel("error", fontsize=9)
    drawing.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=4)
    return drawing


def _colour(theme: Theme, place: int) -> str:
    return theme.ink if place == 0 else theme.series[(place - 1) % len(theme.series)]


def _draw_line(axis, some, across: str, up: str, colour: str, name: str) -> None:  # type: ignore[no-untyped-def]
    sizes = some.groupby(across)[up].apply(lambda values: median(values.to_numpy(float)))
    if not len(sizes):
        return
    middle, low, high = np.array(sizes.tolist(), float).T
    axis.plot(sizes.index, middle, "o-", color=colour, linewidth=1.3, markersize=2.5, label=name)
    known = np.isfinite(low) & np.isfinite(high)
    axis.fill_between(sizes.index, low, high, where=known, color=colour, alpha=0.15, linewidth=0)


def training_picture(table: pd.DataFrame) -> Picture | None:
    """Draw regions against the epoch, a panel for each depth and a line for each remedy."""
    epochs = columns(table, "regions after")
    some = table[table["inputs"] == 2]
    shared = some.groupby("width")["remedy"].nunique()
    if len(epochs) < 2 or not len(shared):
        return None
    width = int(max(shared.index, key=lambda label: (shared[label], label)))
    some = some[
        (some["width"] == width) & some["depth"].isin(some[some["remedy"] != PLAIN]["depth"].unique())
    ]
    if not len(some):
        return None
    long = some.melt(["remedy", "depth"], epochs, "epoch", "regions")
    long["epoch"] = long["epoch"].str.removeprefix("regions after ").astype(int)
    last = long[long["epoch"] == long["epoch"].max()].groupby(["depth", "remedy"])["regions"].median()
    words = "; ".join(f"depth {depth}, {name}: {value:,.0f}" for (depth, name), value in last.items())
    return Picture(
        name="regions-of-remedies",
        alt=f"Regions through training of networks of width {width}. Medians at the end: {words}.",
        caption=(
            f"Linear regions of networks of two inputs and width {width} against the epoch: medians over "
            "targets and trials with 95 % intervals. Networks of maxima have more parameters than others of "
            "their width."
        ),
        draw=partial(_draw_training, long),
    )


def _draw_training(long: pd.DataFrame, theme: Theme) -> Figure:
    depths, names = sorted(long["depth"].unique()), remedies(long)
    drawing = figure(2.9 * len(depths) + 0.4, 3.4)
    axes = drawing.subplots(1, len(depths), squeeze=False)[0]
    for axis, depth in zip(axes, depths, strict=True):
        for place, name in enumerate(names):
            of = long[(long["depth"] == depth) & (long["remedy"] == name)]
            _draw_line(axis, of, "epoch", "regions", _colour(theme, place), name)
        axis.set_xscale("symlog", linthresh=1)
        axis.set(yscale="log", xlabel="epoch", title=f"depth {depth}")
        axis.grid(visible=True)
    axes[0].set_ylabel("linear regions")
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=4)
    return drawing
