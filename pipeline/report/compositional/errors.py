"""Errors of all networks of each way: how many are at most so large."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from relusweep.pipeline.report.compositional.summary import Case, formula
from relusweep.pipeline.report.text import significant
from relusweep.pipeline.report.theme import Picture, Theme, figure

__all__ = ["errors"]


def errors(found: Sequence[Case]) -> Picture:
    """Make the picture of the errors at the learning rate of the paper."""
    ends = [
        f"{formula(case.target)}: "
        + ", ".join(
            f"{way.name} {significant(float(np.median(run.loss)))}" for way, run in case.at_paper_rate.items()
        )
        for case in found
    ]
    return Picture(
        name="errors-by-way",
        alt=f"Shares of networks by error. Medians: {'; '.join(ends)}.",
        caption=(
            "Share of networks whose error at the end is at most so large, at a learning rate of 0.001: the "
            "farther left a line, the better the way. Logarithmic."
        ),
        draw=partial(_draw, found),
    )


def _draw(found: Sequence[Case], theme: Theme) -> Figure:
    drawing = figure(2.7 * len(found) + 0.4, 3.6)
    axes = drawing.subplots(1, len(found), squeeze=False, sharey=True, sharex=True)[0]
    for axis, case in zip(axes, found, strict=True):
        for place, (way, run) in enumerate(case.at_paper_rate.items()):
            loss = np.sort(run.loss)
            share = 100 * np.arange(1, len(loss) + 1) / len(loss)
            style = "-" if way.composed else "--"
            axis.plot(loss, share, style, color=theme.series[place], linewidth=1.6, label=way.name)
        axis.set(title=formula(case.target), xscale="log", xlabel="mean squared error", ylim=(0, 100))
        axis.grid(visible=True)
        axis.tick_params(length=0)
    axes[0].set_ylabel("networks (%)")
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return drawing
