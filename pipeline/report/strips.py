"""The strip figure: each measure of a function against the success of its class."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import spearmanr

from pipeline.report.summary import Summary
from pipeline.report.theme import MARKERS, Picture, Theme, figure, leak_name

__all__ = ["Levels", "levels", "strips"]

_MEASURES = {
    "swaps": "swaps",
    "degree": "degree",
    "influence": "influence",
    "entropy": "spectral entropy (bits)",
}
_MOST_LEVELS = 8
_MANY_CLASSES = 2000


class Levels(NamedTuple):
    """Where the strips of a measure stand.

    Attributes
    ----------
    centre : ndarray of shape (n_levels,)
        Position of each strip.
    index : ndarray of shape (n_classes,)
        The strip of each class.
    step : float
        Distance between strips.
    binned : bool
        Whether a strip gathers several values of the measure.
    """

    centre: np.ndarray
    index: np.ndarray
    step: float
    binned: bool


def levels(values: np.ndarray) -> Levels:
    """Gather the values of a measure into at most 8 strips: one a value where they are few, else equal bins.

    Examples
    --------
    >>> levels(np.array([1, 3, 3])).centre
    array([1, 3])
    >>> levels(np.linspace(0, 8, 81)).centre
    array([0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5])
    """
    centre, index = np.unique(values, return_inverse=True)
    if len(centre) <= _MOST_LEVELS:
        step = float(np.diff(centre).min()) if len(centre) > 1 else 1.0
        return Levels(centre, index, step, binned=False)
    edges = np.linspace(values.min(), values.max(), _MOST_LEVELS + 1)
    index = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, _MOST_LEVELS - 1)
    return Levels((edges[1:] + edges[:-1]) / 2, index, float(edges[1] - edges[0]), binned=True)


def strips(summary: Summary) -> Picture:
    """Make the picture of success against swaps, degree, influence and entropy."""
    return Picture(
        name="measures",
        alt="Strip plots of the success of each class against its swaps, degree, influence and spectral entropy. "
        + _correlations_in_words(summary),
        caption=_caption(summary),
        draw=partial(_draw, summary),
    )


def _caption(summary: Summary) -> str:
    return (
        f"One point per class and activation: the percentage of its networks that learned it, all sizes and trials "
        f"together (95 % Wilson interval at most ±{100 * summary.total_error:.1f} points). Large marks: mean over the "
        f"classes of a strip, each class weighing the same; bars: the middle half of the classes. Points are spread "
        f"sideways only to be seen. A measure of more than {_MOST_LEVELS} values is gathered into {_MOST_LEVELS} equal bins "
        f"for the means. ρ: Spearman's rank correlation over classes."
    )


def _rank_correlation(measure: np.ndarray, rate: np.ndarray) -> float:
    """Spearman's correlation over the classes that ran; NaN where it is not defined."""
    ran = ~np.isnan(rate)
    if len(np.unique(measure[ran])) < 2 or len(np.unique(rate[ran])) < 2:
        return np.nan
    return float(spearmanr(measure[ran], rate[ran]).statistic)


def _signed(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:+.2f}".replace("-", "−")


def _correlations_in_words(summary: Summary) -> str:
    parts = []
    for column, leak in enumerate(summary.leaks):
        rate = summary.over_sizes["rate"].isel(leak=column).to_numpy()
        values = (f"{name} {_signed(_rank_correlation(summary.data[name].to_numpy(), rate))}" for name in _MEASURES)
        parts.append(f"Rank correlation with success, {leak_name(leak)}: {', '.join(values)}.")
    return " ".join(parts)


def _draw(summary: Summary, theme: Theme) -> Figure:
    drawing = figure(9.6, 6.6)
    axes = drawing.subplots(2, 2, sharey=True)
    for axis, (measure, label) in zip(axes.flat, _MEASURES.items(), strict=True):
        _draw_panel(axis, summary, measure, theme)
        axis.set_xlabel(label)
        axis.set_title(measure.capitalize())
    for axis in axes[:, 0]:
        axis.set_ylabel("networks that learned the class (%)")
    handles = [
        Line2D([], [], color=_colour(theme, i), marker=_marker(i), linestyle="", label=leak_name(leak))
        for i, leak in enumerate(summary.leaks)
    ]
    drawing.legend(handles=handles, loc="outside upper left", ncols=len(handles), handletextpad=0.2)
    return drawing


def _colour(theme: Theme, leak: int) -> str:
    return theme.leaks[leak % len(theme.leaks)]


def _marker(leak: int) -> str:
    return MARKERS[leak % len(MARKERS)]


def _draw_panel(axis: Axes, summary: Summary, measure: str, theme: Theme) -> None:
    values = summary.data[measure].to_numpy()
    where = levels(values)
    n_leaks = len(summary.leaks)
    correlations = []
    for leak in range(n_leaks):
        rate = summary.over_sizes["rate"].isel(leak=leak).to_numpy()
        shift = where.step * 0.8 * ((leak + 0.5) / n_leaks - 0.5)
        _draw_points(axis, values if where.binned else values + shift, rate, leak, where.step / n_leaks, theme)
        _draw_means(axis, where.centre + shift * (0.4 if where.binned else 1), where.index, rate, leak, theme)
        correlations.append(_signed(_rank_correlation(values, rate)))
    axis.set_title(f"ρ {' / '.join(correlations)}", loc="right", fontsize=8.5, color=theme.muted)
    axis.set(ylim=(-3, 103), yticks=range(0, 101, 25))
    if not where.binned:
        axis.set_xticks(where.centre)
    axis.grid(visible=True)
    axis.set_axisbelow(True)


def _draw_points(axis: Axes, at: np.ndarray, rate: np.ndarray, leak: int, room: float, theme: Theme) -> None:
    jitter = np.random.default_rng(leak).uniform(-0.22, 0.22, len(at)) * room
    axis.scatter(
        at + jitter,
        100 * rate,
        s=13,
        marker=_marker(leak),
        color=_colour(theme, leak),
        alpha=0.35,
        linewidths=0,
        rasterized=len(at) > _MANY_CLASSES,
    )


def _draw_means(
    axis: Axes, centre: np.ndarray, index: np.ndarray, rate: np.ndarray, leak: int, theme: Theme
) -> None:
    groups = pd.Series(100 * rate).groupby(index)
    table = pd.DataFrame({"mean": groups.mean(), "low": groups.quantile(0.25), "high": groups.quantile(0.75)}).dropna()
    at = centre[table.index]
    axis.vlines(at, table["low"], table["high"], color=_colour(theme, leak), linewidth=2.2, zorder=3)
    axis.plot(
        at,
        table["mean"],
        linestyle="",
        marker=_marker(leak),
        markersize=7.5,
        color=_colour(theme, leak),
        markeredgecolor=theme.paper,
        markeredgewidth=1.2,
        zorder=4,
    )
