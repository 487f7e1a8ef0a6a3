"""The strip figure: each measure of a function against the success of its class."""

from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from relusweep.pipeline.report.boolean.summary import Summary
from relusweep.pipeline.report.text import leak_name, signed
from relusweep.pipeline.report.theme import MARKERS, Picture, Theme, figure
from relusweep.tasks.statistics import spearman

__all__ = ["Histogram", "Levels", "histogram", "levels", "strip_plots"]

_MEASURES = {
    "swaps": "Swaps",
    "degree": "Degree",
    "influence": "Influence",
    "entropy": "Spectral entropy (bits)",
}
_MOST_LEVELS = 16
_BINS = 8
_MOST_POINTS = 1000
_MOST_STEPS = 20
_TALLEST = 4  # percentage points


class Levels(NamedTuple):
    """The strips of a measure, in ascending order.

    Attributes
    ----------
    labels : list of str
        Value, or range of values, of each strip.
    strip : ndarray of shape (n_classes,)
        The strip of each class.
    """

    labels: list[str]
    strip: np.ndarray


def levels(values: np.ndarray) -> Levels:
    """Sort the values of a measure into strips: one a value where there are at most 16, else 8 equal ranges.

    Examples
    --------
    >>> levels(np.array([1.5, 3, 3]))
    Levels(labels=['1.5', '3'], strip=array([0, 1, 1]))
    >>> len(levels(np.linspace(0, 8, 81)).labels)
    8
    """
    distinct, strip = np.unique(values, return_inverse=True)
    if len(distinct) <= _MOST_LEVELS:
        return Levels([f"{value:.4g}" for value in distinct], strip)
    edges = np.linspace(values.min(), values.max(), _BINS + 1)
    labels = [f"{low:.2g}\N{EN DASH}{high:.2g}" for low, high in pairwise(edges)]
    return Levels(labels, np.searchsorted(edges[1:-1], values, side="right"))


def strip_plots(summary: Summary) -> Picture:
    """Make the strip plots of success against swaps, degree, influence and entropy."""
    return Picture(
        name="measures",
        alt="Strip plots of the success of each class against its swaps, degree, influence and spectral "
        f"entropy. {_correlations_in_words(summary)}",
        caption=_caption(summary),
        draw=partial(_draw, summary),
    )


def _caption(summary: Summary) -> str:
    rates = (
        "the percentage of its networks that learned it, all sizes and trials together"
        f"{summary.uncertainty(summary.over_sizes)}"
    )
    text = (
        f"Bars: how the classes of a strip are distributed over {rates}. Their width is proportional to the "
        "square root of the share of the classes, so that small shares stay visible."
        if _is_long(summary)
        else f"One point per class and activation: {rates}. Points are spread sideways to be visible."
    )
    text += (
        " Large marks: mean over the classes of a strip, each class weighing the same; vertical lines: the "
        "middle half of those classes. Strips stand side by side in the order of the measure, one for each "
        f"value that occurs; where more than {_MOST_LEVELS} occur, one for each of {_BINS} equal ranges. "
        "Rank correlation: Spearman's, between measure and success over classes, in the order of the legend."
    )
    if summary.networks < summary.planned:
        text += " Not all networks have run: classes may be compared over different sizes and trials."
    return text


def _values(summary: Summary, measure: str) -> np.ndarray:
    return summary.data[measure].to_numpy().round(6)  # equal values must tie, whatever their last bits


def _correlations_in_words(summary: Summary) -> str:
    parts = []
    for column, leak in enumerate(summary.leaks):
        rate = summary.over_sizes["rate"].isel(leak=column).to_numpy()
        values = (f"{name} {signed(spearman(_values(summary, name), rate))}" for name in _MEASURES)
        parts.append(f"Rank correlation with success, {leak_name(leak)}: {', '.join(values)}.")
    return " ".join(parts)


def _draw(summary: Summary, theme: Theme) -> Figure:
    drawing = figure(10, 7)
    axes = drawing.subplots(2, 2, sharey=True)
    for axis, measure in zip(axes.flat, _MEASURES, strict=True):
        _draw_panel(axis, summary, measure, theme)
    lowest = 100 * float(summary.over_sizes["rate"].min().fillna(0))
    axes[0, 0].set_ylim(10 * (lowest // 10) - 3, 103)
    for axis in axes[:, 0]:
        axis.set_ylabel("networks that learned the class (%)")
    handles = [
        Line2D([], [], color=_colour(theme, leak), marker=_marker(leak), linestyle="", label=leak_name(value))
        for leak, value in enumerate(summary.leaks)
    ]
    drawing.legend(handles=handles, loc="outside upper left", ncols=len(handles), handletextpad=0.2)
    return drawing


def _colour(theme: Theme, leak: int) -> str:
    return theme.series[leak % len(theme.series)]


def _marker(leak: int) -> str:
    return MARKERS[leak % len(MARKERS)]


def _draw_panel(axis: Axes, summary: Summary, measure: str, theme: Theme) -> None:
    values = _values(summary, measure)
    at = levels(values)
    n_leaks = len(summary.leaks)
    correlations = []
    for leak in range(n_leaks):
        rate = summary.over_sizes["rate"].isel(leak=leak).to_numpy()
        shift = 0.84 * ((leak + 0.5) / n_leaks - 0.5)
        if _is_long(summary):
            counts = histogram(at.strip, rate, int(summary.over_sizes["networks"].max()))
            _draw_density(axis, shift, 0.78 / n_leaks, counts, leak, theme)
        else:
            _draw_points(axis, at.strip + shift, rate, leak, 0.3 / n_leaks, theme)
        _draw_means(axis, shift, at.strip, rate, leak, theme)
        correlations.append(signed(spearman(values, rate)))
    axis.set_title(_MEASURES[measure])
    axis.set_title(
        f"rank correlation {' / '.join(correlations)}", loc="right", fontsize=8.5, color=theme.muted
    )
    axis.set_xlim(-0.6, len(at.labels) - 0.4)
    axis.set_xticks(
        range(len(at.labels)), labels=at.labels, fontsize=8.5 if len("".join(at.labels)) < 40 else 7
    )
    axis.grid(visible=True, axis="y")
    axis.tick_params(length=0)
    axis.set_axisbelow(True)


def _is_long(summary: Summary) -> bool:
    """Whether points would lie over one another."""
    return summary.data.sizes["problem"] > _MOST_POINTS


def _draw_points(
    axis: Axes, at: np.ndarray, rate: np.ndarray, leak: int, spread: float, theme: Theme
) -> None:
    jitter = np.random.default_rng(leak).uniform(-spread, spread, len(at))
    axis.scatter(
        at + jitter,
        100 * rate,
        s=11,
        marker=_marker(leak),
        color=_colour(theme, leak),
        alpha=0.4,
        linewidths=0,
    )


class Histogram(NamedTuple):
    """How many classes of every strip have a success near each of some rates.

    Attributes
    ----------
    rates : ndarray of shape (n_rates,)
        From 0 to 1, evenly spaced: every rate that can occur where these are few.
    counts : ndarray of shape (n_strips, n_rates)
    """

    rates: np.ndarray
    counts: np.ndarray


def histogram(strip: np.ndarray, rate: np.ndarray, networks: int) -> Histogram:
    """Count the classes of every strip by success; those that did not run are left out.

    Examples
    --------
    >>> histogram(np.array([0, 0, 1]), np.array([0.5, np.nan, 1.0]), networks=2).counts.tolist()
    [[0, 1, 0], [0, 0, 1]]
    """
    steps = min(networks, _MOST_STEPS)
    ran = ~np.isnan(rate)
    counts = np.zeros((strip.max() + 1, steps + 1), int)
    np.add.at(counts, (strip[ran], np.rint(steps * rate[ran]).astype(int)), 1)
    return Histogram(np.linspace(0, 1, steps + 1), counts)


def _draw_density(axis: Axes, shift: float, width: float, of: Histogram, leak: int, theme: Theme) -> None:
    strip, step = np.nonzero(of.counts)
    span = width * np.sqrt(of.counts / of.counts.max(axis=1, keepdims=True, initial=1))[strip, step]
    axis.barh(
        100 * of.rates[step],
        span,
        left=strip + shift - span / 2,
        height=min(80 / (len(of.rates) - 1), _TALLEST),
        color=_colour(theme, leak),
        alpha=0.4,
        linewidth=0,
    )


def _draw_means(
    axis: Axes, shift: float, strip: np.ndarray, rate: np.ndarray, leak: int, theme: Theme
) -> None:
    groups = pd.Series(100 * rate).groupby(strip)
    mean = groups.mean()
    at = mean.index + shift
    axis.vlines(
        at, groups.quantile(0.25), groups.quantile(0.75), color=_colour(theme, leak), linewidth=2.4, zorder=3
    )
    axis.plot(
        at,
        mean,
        linestyle="",
        marker=_marker(leak),
        markersize=5.8,
        color=_colour(theme, leak),
        markeredgecolor=theme.paper,
        markeredgewidth=1.1,
        zorder=4,
    )
