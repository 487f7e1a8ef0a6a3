"""Least width that one hidden layer needed, against swaps: how many classes in each cell."""

from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.report.heatmaps import label_categories
from pipeline.report.summary import Summary
from pipeline.report.theme import SCALE, Picture, Theme, figure, leak_name, text_colour

__all__ = ["width_counts", "widths"]

_CELL = (0.62, 0.38)  # inches


def width_counts(summary: Summary, leak: int) -> pd.DataFrame:
    """Count classes by least width and swaps.

    Parameters
    ----------
    summary : Summary
        Numbers of the report.
    leak : int
        Position of the leak in `summary.leaks`.

    Returns
    -------
    pandas.DataFrame
        One row per width of the sweep, ascending, and a last one named -1 for classes that no width learned; one column per
        number of swaps.
    """
    least = summary.minimum_width.isel(leak=leak).to_numpy()
    counts = pd.crosstab(least, summary.data["swaps"].to_numpy())
    rows = [*np.sort(summary.data["width"].to_numpy()), -1]
    return counts.reindex(rows, fill_value=0).rename_axis(index="least width", columns="swaps")


def widths(summary: Summary) -> Picture | None:
    """Make the picture of least widths against swaps; None where no network of depth 1 has run."""
    one_layer = summary.ran.sel(depth=summary.ran["depth"] == 1)
    if not bool((one_layer > 0).any()):
        return None
    return Picture(
        name="minimum_width",
        alt="Tables of the number of classes by least sufficient width and swaps. " + " ".join(_in_words(summary)),
        caption=_caption(summary, in_part=bool((one_layer < 1).any())),
        draw=partial(_draw, summary),
    )


def _in_words(summary: Summary) -> list[str]:
    sentences = []
    for column, leak in enumerate(summary.leaks):
        table = width_counts(summary, column)
        never = int(table.loc[-1].sum())
        solved = table.drop(index=-1).sum(axis="columns")
        listed = ", ".join(f"width {width}: {count}" for width, count in solved[solved > 0].items())
        sentences.append(f"{leak_name(leak)}: {listed or 'no class learned'}; none sufficed: {never}.")
    return sentences


def _caption(summary: Summary, *, in_part: bool) -> str:
    text = (
        "Number of classes by their swaps and the least width at which at least one network with a single hidden layer "
        "learned them; colour is the share among the classes of the same swaps. Stepped line: width = swaps, which is "
        "known to suffice by construction; classes above it have a solution that training did not find. "
        "None: learned at no width of this sweep."
    )
    return text + (" Not all networks with one hidden layer have run: widths may still fall." if in_part else "")


def _draw(summary: Summary, theme: Theme) -> Figure:
    tables = [width_counts(summary, leak) for leak in range(len(summary.leaks))]
    n_rows, n_columns = tables[0].shape
    drawing = figure(len(tables) * (max(n_columns * _CELL[0], 2.2) + 0.8), n_rows * _CELL[1] + 0.9)
    axes = drawing.subplots(1, len(tables), squeeze=False)[0]
    for axis, table, leak in zip(axes, tables, summary.leaks, strict=True):
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
    axis.pcolormesh(shares, cmap=SCALE, vmin=0, vmax=1, edgecolors=theme.paper, linewidth=1.2)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = text_colour(SCALE(shares[row, column]))
            axis.text(column + 0.5, row + 0.5, str(count), ha="center", va="center", fontsize=8.5, color=colour)
    rows = ["none" if width == -1 else str(width) for width in table.index]
    label_categories(axis, table.columns.to_numpy(), np.array(rows))


def _draw_bound(axis: Axes, table: pd.DataFrame, theme: Theme) -> None:
    """Draw, for each number of swaps, the upper edge of the least width that is at least that number."""
    run = table.index[:-1].to_numpy()
    heights = np.searchsorted(run, table.columns.to_numpy()) + 1
    inside = heights <= len(run)
    edges = np.arange(len(heights) + 1)
    axis.stairs(np.where(inside, heights, np.nan), edges, baseline=None, color=theme.ink, linewidth=1.4)
