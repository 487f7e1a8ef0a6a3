"""Swaps of the classes: how they are distributed, and which classes have most."""

from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from relusweep.pipeline.report.boolean.summary import Summary
from relusweep.pipeline.report.theme import Picture, Theme, figure

__all__ = ["distribution", "most_swaps"]


def most_swaps(summary: Summary) -> np.ndarray:
    """Ids of the classes of most swaps, ascending."""
    swaps = summary.data["swaps"]
    return np.asarray(summary.data["problem"].to_numpy()[swaps.to_numpy() == int(swaps.max())])


def distribution(summary: Summary) -> Picture:
    """Make the picture of how many classes have how many swaps."""
    counts = pd.Series(summary.data["swaps"].to_numpy()).value_counts().sort_index()
    words = ", ".join(f"{swaps} swaps: {count:,}" for swaps, count in counts.items())
    return Picture(
        name="swaps",
        alt=f"Bars of the number of classes by swaps. {words}.",
        caption="Number of classes by their swaps, on a logarithmic scale: the least number of class "
        "changes along a line onto which the inputs can be projected, exact for every class. A single hidden "
        "layer as wide as the swaps suffices.",
        draw=partial(_draw, counts),
    )


def _draw(counts: pd.Series, theme: Theme) -> Figure:
    drawing = figure(7, 3)
    axis = drawing.subplots()
    bars = axis.bar(counts.index.map(str), counts, color=theme.muted, width=0.7)
    axis.bar_label(bars, labels=[f"{count:,}" for count in counts], fontsize=8, color=theme.ink, padding=2)
    axis.set_yscale("log")
    axis.set(xlabel="swaps", ylabel="classes", ylim=(0.5, 3 * counts.max()))
    axis.tick_params(axis="x", length=0)
    return drawing
