"""What networks made of the sine: the best one of some sizes, with its kinks."""

from __future__ import annotations

from functools import partial
from itertools import groupby

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from relusweep.pipeline.common.wording import plural
from relusweep.pipeline.report.sine.summary import Fit, Summary
from relusweep.pipeline.report.text import thousandths
from relusweep.pipeline.report.theme import Picture, Theme, figure

__all__ = ["fits"]


def fits(summary: Summary) -> Picture | None:
    """Make the picture of the best networks of some sizes; None where none has run."""
    if not summary.fits:
        return None
    return Picture(
        name="fits",
        alt="Graphs of networks beside the sine. " + " ".join(f"{_title(fit)}." for fit in summary.fits),
        caption="The network of least final error among the trials of some sizes (line), its kinks (dots), "
        "and the sine (broad, behind it). Errors are mean squared ones in thousandths.",
        draw=partial(_draw, summary.fits),
    )


def _title(fit: Fit) -> str:
    many = f"{fit.n_pieces:,} {plural('piece', fit.n_pieces)}"
    return f"width {fit.width}, depth {fit.depth}: {many}, error {thousandths(fit.loss)}"


def _draw(found: tuple[Fit, ...], theme: Theme) -> Figure:
    rows = [list(row) for _, row in groupby(found, key=lambda fit: fit.depth)]
    n_columns = max(map(len, rows))
    drawing = figure(3.5 * n_columns + 0.3, 2.1 * len(rows) + 0.3)
    axes = drawing.subplots(len(rows), n_columns, squeeze=False, sharex=True, sharey=True)
    for row, row_axes in zip(rows, axes, strict=True):
        for axis in row_axes[len(row) :]:
            axis.set_axis_off()
        for fit, axis in zip(row, row_axes, strict=False):
            _draw_fit(axis, fit, theme)
    for axis in axes[-1]:
        axis.set_xlabel("x")
    return drawing


def _draw_fit(axis: Axes, fit: Fit, theme: Theme) -> None:
    x = np.linspace(-np.pi, np.pi, 201)
    axis.plot(x, np.sin(x), color=theme.muted, alpha=0.35, linewidth=5, solid_capstyle="round")
    start, stop, slope, intercept = (
        fit.pieces[name].to_numpy() for name in ("piece_start", "piece_stop", "slope", "intercept")
    )
    ends = np.append(start, stop[-1])
    values = np.append(slope * start + intercept, slope[-1] * stop[-1] + intercept[-1])
    axis.plot(ends, values, color=theme.series[0], linewidth=1.4)
    axis.plot(ends[1:-1], values[1:-1], "o", color=theme.series[1], markersize=3.6)
    axis.set_title(_title(fit), fontsize=8.5)
    axis.set_xticks([-np.pi, 0, np.pi], labels=["\N{MINUS SIGN}π", "0", "π"])
    axis.set(ylim=(-1.35, 1.35), yticks=[-1, 0, 1])
