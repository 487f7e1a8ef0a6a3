"""Which layers still hold their wave, by way."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from relusweep.pipeline.report.compositional.summary import Case, formula
from relusweep.pipeline.report.compositional.tables import held
from relusweep.pipeline.report.text import percent
from relusweep.pipeline.report.theme import MARKERS, Picture, Theme, figure
from relusweep.tasks.statistics import wilson

__all__ = ["layers"]


def layers(found: Sequence[Case]) -> Picture:
    """Make the picture of the share of networks whose layers hold their wave at the end."""
    words = [
        f"{formula(case.target)}: "
        + ", ".join(
            f"{way.name} " + " ".join(percent(float(share)) for share in held(run, "end").mean("trial"))
            for way, run in case.at_paper_rate.items()
        )
        for case in found
    ]
    return Picture(
        name="layers-that-hold",
        alt=f"Shares of networks whose layers hold their wave, in percent by layer. {'; '.join(words)}.",
        caption=(
            "Share of networks whose layer k still holds its wave at the end, with 95 % intervals: one of "
            "its units is switched on or off at least 2^(k\N{MINUS SIGN}1) times between 0 and 1. Learning "
            "rate 0.001. One switch is enough for the first layer."
        ),
        draw=partial(_draw, found),
    )


def _draw(found: Sequence[Case], theme: Theme) -> Figure:
    drawing = figure(2.7 * len(found) + 0.4, 3.5)
    axes = drawing.subplots(1, len(found), squeeze=False, sharey=True)[0]
    for axis, case in zip(axes, found, strict=True):
        for place, (way, run) in enumerate(case.at_paper_rate.items()):
            hold = held(run, "end").dropna("wave_layer", how="all")
            known = hold.notnull().sum("trial").to_numpy()
            rate = wilson(hold.sum("trial").to_numpy().astype(int), known)
            at = hold["wave_layer"].to_numpy() + 0.08 * (place - 2)
            axis.errorbar(
                at,
                100 * rate.rate,
                yerr=100 * np.array([rate.rate - rate.low, rate.high - rate.rate]),
                fmt=f"{MARKERS[place % len(MARKERS)]}-",
                color=theme.series[place % len(theme.series)],
                markersize=4.5,
                linewidth=1.2,
                label=way.name,
            )
            axis.set_xticks(hold["wave_layer"].to_numpy())
        axis.set(title=formula(case.target), xlabel="hidden layer", ylim=(-4, 104))
        axis.grid(visible=True)
        axis.tick_params(length=0)
    axes[0].set_ylabel("networks (%)")
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return drawing
