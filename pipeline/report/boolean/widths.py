"""Least width that one hidden layer needed, against swaps: how many classes in each cell."""

from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from relusweep.pipeline.report.boolean.summary import Summary
from relusweep.pipeline.report.drawing import label_categories, label_cell
from relusweep.pipeline.report.text import leak_name
from relusweep.pipeline.report.theme import SCALE, Picture, Theme, figure

__all__ = ["width_counts", "widths"]

_CELL = (0.6, 0.32)  # inches


def width_counts(summary: Summary) -> dict[float, pd.DataFrame]:
    """Count classes by least width and swaps.

    Returns
    -------
    dict of float to pandas.DataFrame
        For each leak (none, for a sweep without depth 1) one row per width of the sweep, ascending, and a
        last one named -1 for the classes that no width learned; one column per number of swaps.
    """
    if summary.minimum_width is None:
        return {}
    swaps = summary.data["swaps"].to_numpy()
    rows = [*np.sort(summary.data["width"].to_numpy()), -1]
    return {
        leak: pd.crosstab(least.to_numpy(), swaps).reindex(rows, fill_value=0)
        for leak, least in zip(summary.leaks, summary.minimum_width.transpose("leak", "problem"), strict=True)
    }


def widths(summary: Summary) -> Picture | None:
    """Make the picture of least widths against swaps; None where no network of depth 1 has run."""
    one_layer = summary.ran.sel(depth=summary.ran["depth"] == 1)
    if not bool((one_layer > 0).any()):
        return None
    return Picture(
        name="minimum_width",
        alt="Grids of the number of classes by least sufficient width and swaps. "
        + " ".join(_in_words(summary)),
        caption=_caption(in_part=bool((one_layer < 1).any())),
        draw=partial(_draw, summary),
    )


def _in_words(summary: Summary) -> list[str]:
    sentences = []
    for leak, table in width_counts(summary).items():
        never = table.loc[-1].sum()
        solved = table.drop(index=-1).sum(axis="columns")
        listed = ", ".join(f"width {width}: {count}" for width, count in solved[solved > 0].items())
        sentences.append(f"{leak_name(leak)}: {listed or 'no class learned'}; none sufficed: {never}.")
    return sentences


def _caption(*, in_part: bool) -> str:
    text = (
        "Number of classes by their swaps and by the least width at which at least one network with a single "
        "hidden layer learned them; colour: share among the classes of the same swaps. Stepped line: width = "
        "swaps, which suffices by construction; classes above it have a solution that training did not find. "
        "None: learned at no width of this sweep."
    )
    if in_part:
        text += " Not all networks with one hidden layer have run: least widths may still fall."
    return text


def _draw(summary: Summary, theme: Theme) -> Figure:
    tables = width_counts(summary)
    n_rows, n_columns = next(iter(tables.values())).shape
    drawing = figure(len(tables) * (max(n_columns * _CELL[0], 2.2) + 0.3) + 0.7, n_rows * _CELL[1] + 1)
    axes = drawing.subplots(1, len(tables), squeeze=False, sharey=True)[0]
    for axis, (leak, table) in zip(axes, tables.items(), strict=True):
        _draw_panel(axis, table, theme)
        if leak != 1:
            _draw_bound(axis, table, theme)
        axis.set_title(leak_name(leak))
        axis.set_xlabel("swaps")
    axes[0].set_ylabel("least width")
    return drawing


def _draw_panel(axis: Axes, table: pd.DataFrame, theme: Theme) -> None:
    counts = table.to_numpy()
    shares = np.ma.masked_equal(counts / counts.sum(axis=0), 0)
    scale = SCALE.with_extremes(bad=theme.tint)
    axis.pcolormesh(shares, cmap=scale, vmin=0, vmax=1, edgecolors=theme.paper, linewidth=1.2)
    for row, column in np.argwhere(counts):
        label_cell(axis, column, row, str(counts[row, column]), SCALE(shares[row, column]))
    rows = ["none" if width == -1 else str(width) for width in table.index]
    label_categories(axis, table.columns.to_numpy(), np.array(rows))


def _draw_bound(axis: Axes, table: pd.DataFrame, theme: Theme) -> None:
    """Draw, for each number of swaps, the upper edge of the least width that is at least that number."""
    run = table.index[:-1].to_numpy()
    heights = np.searchsorted(run, table.columns.to_numpy()) + 1
    inside = heights <= len(run)
    edges = np.arange(len(heights) + 1)
    halo = [withStroke(linewidth=3.6, foreground=theme.paper)]
    line = axis.stairs(
        np.where(inside, heights, np.nan), edges, baseline=None, color=theme.ink, linewidth=1.6
    )
    line.set(zorder=3, path_effects=halo)
