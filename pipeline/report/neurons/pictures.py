"""Decomposed neurons drawn: who finds the kink, final losses by function, and losses against epochs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from relusweep.pipeline.report.drawing import tick_logarithms
from relusweep.pipeline.report.neurons.claims import LEVELS, pooled
from relusweep.pipeline.report.neurons.summary import Case, best, neurons_of
from relusweep.pipeline.report.text import percent, significant
from relusweep.pipeline.report.theme import MARKERS, Picture, Theme, figure
from relusweep.tasks.statistics import wilson

__all__ = ["errors", "found", "progress"]

_COLUMNS = 4
_MANY = 30.0
_STARTS = ("grows at the start", "falls at the start")


def found(every: Sequence[Case]) -> Picture:
    """Make the picture of the share of starts from which one neuron finds the kink."""
    words = []
    for name in neurons_of(every):
        own = [case for case in every if case.neuron == name]
        shares = [pooled(own, level) for level in LEVELS]
        words.append(f"{name} {' and '.join(percent(float(share.rate)) for share in shares if share)}")
    levels = " and ".join(f"{level:g}" for level in LEVELS)
    return Picture(
        name="found",
        alt=f"Share of starts, in percent, that end at losses of at most {levels}: {', '.join(words)}.",
        caption=(
            f"Share of starts that end at losses of at most {levels}, with 95 % Wilson intervals, at the "
            "optimiser and rates of the most. Apart: starts whose output grows with the input, and those "
            "whose output falls; the kink grows to the right, or to the left."
        ),
        draw=partial(_draw_found, every),
    )


def _draw_found(every: Sequence[Case], theme: Theme) -> Figure:
    names, targets = neurons_of(every)[::-1], _targets(every)
    drawing = figure(2.6 + 2.6 * len(targets), 0.8 + len(LEVELS) * (0.7 + 0.3 * len(names)))
    axes = drawing.subplots(len(LEVELS), len(targets), sharey=True, sharex=True, squeeze=False)
    for row, level in zip(axes, LEVELS, strict=True):
        for axis, target in zip(row, targets, strict=True):
            for place, name in enumerate(names):
                here = [c for c in every if c.neuron == name and c.labels["target"] == target]
                if here:
                    most = max(here, key=lambda case: float((case.losses <= level).mean()))
                    _draw_shares(axis, most, level, place, theme)
            axis.set(title=f"{target}: at most {level:g}", xlim=(-2, 102))
            _categories(axis, names)
    for axis in axes[-1]:
        axis.set_xlabel("starts, %")
    _legend(drawing, axes.ravel(), 2)
    return drawing


def _legend(drawing: Figure, axes: Iterable[Axes], columns: int) -> None:
    """Name each series once."""
    handles: dict[str, Any] = {}
    for axis in axes:
        handles |= {of: handle for handle, of in zip(*axis.get_legend_handles_labels(), strict=True)}
    drawing.legend(handles.values(), handles.keys(), loc="outside upper left", ncols=columns)


def _draw_shares(axis: Axes, case: Case, level: float, place: int, theme: Theme) -> None:
    grows = case.grows if case.grows is not None else np.ones(len(case.losses), bool)
    for i, there in enumerate((grows, ~grows)):
        if there.any():
            share = wilson(int((case.losses[there] <= level).sum()), int(there.sum()))
            rate, low, high = (100 * float(value) for value in share)
            _dot(axis, (rate, low, high), place + 0.12 * (1 - 2 * i), i, _STARTS[i], theme)


def _dot(
    axis: Axes, value: tuple[float, float, float], at: float, series: int, name: str, theme: Theme
) -> None:
    middle, low, high = value
    axis.errorbar(
        [middle],
        [at],
        xerr=[[middle - low], [high - middle]],
        fmt=MARKERS[series],
        color=theme.series[series],
        markersize=4.6,
        elinewidth=1.3,
        label=name,
    )


def _categories(axis: Axes, names: Sequence[str]) -> None:
    axis.set_yticks(range(len(names)), labels=names)
    axis.set_ylim(-0.6, len(names) - 0.4)
    axis.grid(visible=True, axis="x")
    axis.tick_params(length=0)


def _targets(every: Sequence[Case]) -> list[str]:
    return sorted({case.labels["target"] for case in every})


def _panels(targets: Sequence[str], width: float, height: float) -> tuple[Figure, NDArray[np.object_]]:
    rows, columns = ceil(len(targets) / _COLUMNS), min(_COLUMNS, len(targets))
    drawing = figure(1.5 + width * columns, 0.6 + height * rows)
    axes = drawing.subplots(rows, columns, squeeze=False, sharey="row").ravel()
    for axis in axes[len(targets) :]:
        axis.set_axis_off()
    return drawing, axes[: len(targets)]


def errors(every: Sequence[Case]) -> Picture:
    """Make the picture of the final losses, a panel for each function."""
    least = [
        f"{target} {case.neuron} {significant(float(case.loss.median))}"
        for target in _targets(every)
        if (case := best(case for case in every if case.labels["target"] == target))
    ]
    return Picture(
        name="errors",
        alt=f"Median final losses by neuron and function. The least of each function: {', '.join(least)}.",
        caption=(
            "Median of the final loss over the starts, with its 95 % interval, at the best rates. "
            "Smallest and largest width of each optimiser; medians of networks half of which are not "
            "finite are left out."
        ),
        draw=partial(_draw_errors, every),
    )


def _draw_errors(every: Sequence[Case], theme: Theme) -> Figure:
    names = neurons_of(every)[::-1]
    kinds = _kinds(every)
    drawing, axes = _panels(_targets(every), 2.1, 0.7 + 0.3 * len(names))
    for axis, target in zip(axes, _targets(every), strict=True):
        for place, name in enumerate(names):
            for series, kind in enumerate(kinds):
                here = [c for c in every if c.neuron == name and c.labels["target"] == target]
                case = best(c for c in here if (c.labels["optimizer"], c.labels["width"]) == kind)
                if case is not None and np.isfinite(case.loss.median):
                    ends = tuple(float(value) for value in case.loss)
                    ends = (ends[0], max(ends[1], 0.0), ends[2] if np.isfinite(ends[2]) else ends[0])
                    _dot(axis, ends, place + 0.2 - 0.2 * series, series, _said(kind), theme)
        axis.set(title=target, xscale="log", xlabel="final loss")
        _categories(axis, names)
        tick_logarithms(axis.xaxis)
    _legend(drawing, axes, 4)
    return drawing


def _kinds(every: Sequence[Case]) -> list[tuple[str, int]]:
    """Give each optimiser with the smallest and the largest width that it has."""
    sizes = {(case.labels["optimizer"], case.labels["width"]) for case in every}
    ends = {
        (name, end([width for other, width in sizes if other == name]))
        for name, _ in sizes
        for end in (min, max)
    }
    return sorted(ends, key=lambda kind: (kind[1], kind[0]))


def _said(kind: tuple[str, int]) -> str:
    return f"{kind[0]}, width {kind[1]}"


def progress(every: Sequence[Case]) -> Picture:
    """Make the picture of the losses against the median epoch at which they are reached."""
    smallest = min(case.labels["width"] for case in every)
    some = [case for case in every if case.labels["width"] == smallest]
    return Picture(
        name="progress",
        alt=f"Losses against the epochs that networks of width {smallest} take to them, by function.",
        caption=(
            f"Median epoch at which networks of width {smallest} come down to a loss, at the optimiser and "
            "the rates that are fastest to it. A line ends where half of the networks come no further. "
            "Dashed: decomposed neurons with all by backpropagation."
        ),
        draw=partial(_draw_progress, some),
    )


def _draw_progress(every: Sequence[Case], theme: Theme) -> Figure:
    drawing, axes = _panels(_targets(every), 2.1, 2.4)
    families = list(dict.fromkeys(name.partition(",")[0] for name in neurons_of(every)))
    for axis, target in zip(axes, _targets(every), strict=True):
        for name in neurons_of(every):
            here = [case for case in every if case.neuron == name and case.labels["target"] == target]
            if here:
                epochs, levels = _line(here)
                colour = theme.series[families.index(name.partition(",")[0]) % len(theme.series)]
                style = "--" if name.endswith("backpropagation") else "-"
                axis.plot(epochs, levels, style, color=colour, linewidth=1.4, marker=".", label=name)
        axis.set(title=target, xscale="log", yscale="log", xlabel="epoch")
        axis.grid(visible=True)
        axis.tick_params(length=0)
        tick_logarithms(axis.xaxis)
    axes[0].set_ylabel("loss")
    _legend(drawing, axes, 4)
    return drawing


def _line(some: Sequence[Case]) -> tuple[list[float], list[float]]:
    levels = some[0].levels[::-1]
    fastest = [min(case.epoch(float(level)) for case in some) for level in levels]
    there = [(max(epoch, 1.0), float(level)) for epoch, level in zip(fastest, levels, strict=True)]
    shown = [(epoch, level) for epoch, level in there if np.isfinite(epoch)]
    return [epoch for epoch, _ in shown], [level for _, level in shown]
