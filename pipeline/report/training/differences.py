"""Differences along the axes of the protocol, drawn: the best label of each axis against all others."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.drawing import LETTER
from relusweep.pipeline.report.text import percent, points
from relusweep.pipeline.report.theme import Picture, Theme, figure
from relusweep.pipeline.report.training.comparison import best
from relusweep.pipeline.report.training.outcome import Outcome

__all__ = ["differences"]

_MOST_ROWS = 24  # of an axis; longer comparisons are in the tables alone


def differences(outcome: Outcome, frames: Mapping[str, pd.DataFrame]) -> Picture | None:
    """Make the picture of comparisons along some axes, of few pairs of labels; None where no pair has run."""
    shown = {dim: _against_best(outcome, dim, frame) for dim, frame in frames.items()}
    shown = {dim: frame for dim, frame in shown.items() if 0 < len(frame) <= _MOST_ROWS}
    if not shown:
        return None
    value = (
        f"how often the other label ends with a lower {outcome.lower} than the best one, in percent of the "
        "pairs"
        if outcome.by_loss
        else "the success of the other label less that of the best one, in percentage points"
    )
    return Picture(
        name="differences",
        alt=f"Dots with intervals for pairs of networks. {_in_words(outcome, shown)}",
        caption=(
            f"The best label of each axis beside every other, by pairs of networks: {value}. Horizontal "
            f"lines: 95 % intervals, of up to {_most_pairs(shown):,} pairs. "
            f"Vertical line: no difference. The best label is the one of {_best_is(outcome)}."
        ),
        draw=partial(_draw, outcome, shown),
    )


def _most_pairs(shown: Mapping[str, pd.DataFrame]) -> int:
    return max(int(frame["pairs"].max()) for frame in shown.values())


def _best_is(outcome: Outcome) -> str:
    return f"the least median {outcome.lower}" if outcome.by_loss else "the most success"


def _against_best(outcome: Outcome, dim: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Give the other labels beside the best one; where the best one comes second, the signs turn over."""
    top = best(outcome, dim)
    forward, backward = (frame[(frame[side] == top) & (frame["pairs"] > 0)] for side in ("first", "second"))
    whole = 1 if outcome.by_loss else 0  # shares of pairs turn over at one half, differences at 0
    turned = backward.assign(
        first=backward["second"],
        second=backward["first"],
        difference=whole - backward["difference"],
        low=whole - backward["high"],
        high=whole - backward["low"],
    )
    shown: pd.DataFrame = pd.concat([turned, forward]).dropna(subset="difference")
    return shown


def _named(frame: pd.DataFrame) -> list[str]:
    """Name what stands beside the best label, and at which labels of other axes."""
    return [
        label(one) + (f" ({at})" if at else "") for one, at in zip(frame["second"], frame["at"], strict=True)
    ]


def _in_words(outcome: Outcome, shown: Mapping[str, pd.DataFrame]) -> str:
    write = percent if outcome.by_loss else points
    return " ".join(
        f"{dim}, beside {label(frame['first'].iloc[0])}: "
        + ", ".join(map("{} {}".format, _named(frame), frame["difference"].map(write)))
        + "."
        for dim, frame in shown.items()
    )


def _draw(outcome: Outcome, shown: Mapping[str, pd.DataFrame], theme: Theme) -> Figure:
    heights = [len(frame) + 0.9 for frame in shown.values()]
    longest = max(len(name) for frame in shown.values() for name in _named(frame))
    drawing = figure(max(7, 4 + LETTER * longest), 0.34 * sum(heights) + 0.55 * len(shown))
    axes = drawing.subplots(len(shown), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, (dim, frame) in zip(axes, shown.items(), strict=True):
        _draw_axis(axis, frame, 0.5 if outcome.by_loss else 0.0, theme)
        axis.set_title(f"{dim}: others beside {label(frame['first'].iloc[0])}")
    axes[-1].set_xlabel("pairs that end lower (%)" if outcome.by_loss else "difference of success (points)")
    return drawing


def _draw_axis(axis: Axes, frame: pd.DataFrame, middle: float, theme: Theme) -> None:
    at = range(len(frame) - 1, -1, -1)
    value, low, high = (100 * frame[name].to_numpy(float) for name in ("difference", "low", "high"))
    axis.axvline(100 * middle, color=theme.muted, linewidth=1)
    bars: Any = (value - low, high - value)
    axis.errorbar(value, at, xerr=bars, fmt="o", color=theme.series[0], markersize=5.8, elinewidth=1.4)
    axis.set_yticks(at, labels=_named(frame))
    axis.set_ylim(-0.6, len(frame) - 0.4)
    axis.grid(visible=True, axis="x")
    axis.tick_params(length=0)
