"""Success per size: width × depth, a number in every cell (figure 3.5 of the source)."""

from functools import partial

from matplotlib.figure import Figure

from relusweep.pipeline.report.boolean.summary import Summary
from relusweep.pipeline.report.drawing import CELL, colour_bar, draw_map
from relusweep.pipeline.report.text import leak_name, percent
from relusweep.pipeline.report.theme import Picture, Theme, figure

__all__ = ["heatmaps"]


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
            f"{percent(float(rate.min()))} to {percent(float(rate.max()))} percent" for rate in (mean, worst)
        )
        ran = (
            f"mean over classes {means}, worst class {worsts}" if mean.notnull().any() else "nothing has run"
        )
        sentences.append(f"{leak_name(leak)}: {ran}.")
    return sentences


def _caption(summary: Summary) -> str:
    classes, trials = summary.data.sizes["problem"], summary.data.sizes["trial"]
    text = (
        f"Percentage of networks that classified all {2**summary.n_inputs} inputs correctly at some epoch, "
        "by width and depth (number of hidden layers). Mean over classes: every class weighs the same "
        f"({classes:,} in all). Worst class: the lowest rate of any one class over up to {trials} trials"
        f"{summary.uncertainty(summary.by_class)}; as the lowest of many noisy rates, it is biased low."
    )
    if bool((summary.ran == 0).any()):
        text += " Hatched: sizes of which no network has run."
    if bool(((summary.ran > 0) & (summary.ran < 1)).any()):
        text += " Asterisk: sizes of which only a part of the networks has run; the rate is that of the part."
    return text


def _draw(summary: Summary, theme: Theme) -> Figure:
    n_leaks, n_widths, n_depths = summary.mean.shape
    n_rows, n_columns = (1, 2) if n_leaks == 1 else (2, n_leaks)
    drawing = figure(
        n_columns * (max(n_widths * CELL[0], 4.2) + 0.3) + 1.4,
        n_rows * (max(n_depths * CELL[1], 2) + 0.6) + 0.5,
    )
    axes = drawing.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True)
    maps = {"mean over classes": summary.mean, "worst class": summary.worst["rate"]}
    for row, (what, rates) in zip(axes.reshape(2, n_leaks), maps.items(), strict=True):
        for axis, leak in zip(row, summary.leaks, strict=True):
            grid = rates.sel(leak=leak).transpose("depth", "width")
            draw_map(axis, grid, summary.ran.sel(leak=leak), theme)
            axis.set_title(f"{leak_name(leak)}, {what}")
    for axis in axes[-1]:
        axis.set_xlabel("width")
    for axis in axes[:, 0]:
        axis.set_ylabel("depth")
    colour_bar(drawing, axes, "networks that learned the class (%)")
    return drawing
