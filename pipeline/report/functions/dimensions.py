"""Success, rows right and the measures by the number of inputs, for each kind of functions."""

from __future__ import annotations

from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from relusweep.pipeline.report.drawing import draw_rates
from relusweep.pipeline.report.functions.summary import MEASURES, Summary, family_name
from relusweep.pipeline.report.text import percent
from relusweep.pipeline.report.theme import MARKERS, Picture, Theme, figure

__all__ = ["dimensions"]

_SHIFT = 0.08  # of the kinds beside one another, so that their intervals can be told apart


def dimensions(summary: Summary) -> Picture | None:
    """Make the picture; None of a sweep of a single number of inputs."""
    if not summary.many("n_inputs"):
        return None
    return Picture(
        name="dimensions",
        alt=f"Success, rows right and mean measures by number of inputs. {_in_words(summary)}",
        caption=_caption(summary),
        draw=partial(_draw, summary),
    )


def _in_words(summary: Summary) -> str:
    sentences = []
    for family in summary.families:
        rates = summary.by_family["rate"].sel(family=family)
        values = (f"{percent(float(rate))} with {int(rate['n_inputs'])} inputs" for rate in rates)
        sentences.append(f"{family_name(family)}: percent learned {', '.join(values)}.")
    return " ".join(sentences)


def _caption(summary: Summary) -> str:
    text = (
        "By the number of inputs n and the kind of functions; all functions of a kind, sizes and trials "
        "together. Above: the percentage of networks that classified all inputs correctly at some epoch, "
        "with its 95 % Wilson interval, for these very functions; and the percentage of rows right at the "
        "end, mean over networks. Below: each measure divided by n, mean over the functions."
    )
    if not summary.complete:
        text += " Not all networks have run."
    return text


def _draw(summary: Summary, theme: Theme) -> Figure:
    drawing = figure(10, 6.4)
    axes = drawing.subplot_mosaic("aaabbb\nccddee")
    success, share, *measures = axes.values()
    by_family = summary.by_family
    for place, family in enumerate(summary.families):
        of, colour, marker = by_family.sel(family=family), theme.series[place], MARKERS[place]
        shift = _SHIFT * (place - (len(summary.families) - 1) / 2)
        draw_rates(success, of["n_inputs"].values + shift, of, colour, marker, family_name(family))
        _draw_line(share, of["n_inputs"].values, 100 * of["share"].values, colour, marker)
        for axis, measure in zip(measures, MEASURES, strict=True):
            _draw_line(axis, of["n_inputs"].values, of[measure].values, colour, marker)
    success.set(title="success", ylabel="networks that learned (%)", ylim=(-3, 103))
    share.set(title="rows right", ylabel="rows, mean over networks (%)")
    for axis, name in zip(measures, MEASURES.values(), strict=True):
        axis.set(title=f"{name} / n", xlabel="inputs n", ylim=(-0.03, 1.06))
    for axis in axes.values():
        axis.set_xticks(by_family["n_inputs"].values)
        axis.grid(visible=True, axis="y")
        axis.tick_params(length=0)
    drawing.legend(*success.get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return drawing


def _draw_line(axis: Axes, at: ArrayLike, values: ArrayLike, colour: str, marker: str) -> None:
    axis.plot(np.asarray(at), np.asarray(values), color=colour, marker=marker, markersize=5.8, linewidth=1)
