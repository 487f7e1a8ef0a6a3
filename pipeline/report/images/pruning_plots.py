"""Drawings of what pruning leaves: accuracy, and how alike networks stay to their originals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from relusweep.pipeline.report.images.pruned import METHODS, Pruned, mean
from relusweep.pipeline.report.text import accuracy, enumeration
from relusweep.pipeline.report.theme import Picture, Theme, figure

__all__ = ["accuracies", "similarities"]

_ACROSS = 2
_FEWEST = 3  # networks of a band: of two its interval is mostly wider than the picture
_ANNOTATED = (0.6, 0.3, 0.15, 0.08, 0.04, 0.02, 0.01)  # shares at which channels are written
_MEASURES = {
    "cka": "CKA",
    "distance": "distance",
    "affine_drop": "lost by the affine map (points)",
    "cross_entropy": "cross-entropy (nats)",
}


def accuracies(groups: Sequence[Pruned], threshold: float) -> Picture:
    """Make the picture of accuracy by share of the weights that are left."""
    said = [
        f"{group.name}: {accuracy(float(share))} % of the weights by {method} pruning"
        for group in groups
        for method in METHODS
        if np.isfinite(share := group.at_end(group.share).sel(pruning=method).mean("network"))
    ]
    return Picture(
        name="pruning",
        alt=f"Test accuracy of networks pruned until it is below {accuracy(threshold)} %. {'; '.join(said)}",
        caption="Share of test images classified right by share of the weights left, on a logarithmic scale: "
        "networks are pruned from left to right. Broad: mean over networks; band: its 95 % interval by "
        "Student's t, of three and more; thin: each network. Numbers: channels that structural pruning has "
        "left in each layer, mean over networks. Dashed: the threshold below which pruning ends.",
        draw=partial(_draw_accuracies, groups, threshold),
    )


def _draw_accuracies(groups: Sequence[Pruned], threshold: float, theme: Theme) -> Figure:
    bands, across = -(-len(groups) // _ACROSS), min(len(groups), _ACROSS)
    drawing = figure(3.6 * across + 2.2 / across, 3.2 * bands + 0.4)
    axes = drawing.subplots(bands, across, squeeze=False, sharey=True)
    for axis in axes.ravel()[len(groups) :]:
        axis.set_axis_off()
    for group, axis in zip(groups, axes.ravel(), strict=False):
        _draw_lines(axis, group, 100 * group.data["test_accuracy"], theme)
    low, high = axes[0, 0].get_ylim()  # that of all
    axes[0, 0].set_ylim(max(low, 0), min(high, 101))
    for group, axis in zip(groups, axes.ravel(), strict=False):
        axis.axhline(100 * threshold, color=theme.muted, linestyle="--", linewidth=0.9)
        _annotate(axis, group, theme)
        axis.set_title(group.name)
        axis.set_xlabel("weights left (%)")
    for row in axes[:, 0]:
        row.set_ylabel("test images right (%)")
    _legend(drawing, theme)
    return drawing


def similarities(groups: Sequence[Pruned]) -> Picture:
    """Make the picture of how alike networks are to their originals, by share of the weights left."""
    return Picture(
        name="pruning_similarity",
        alt="CKA, distance, accuracy lost by affine maps, and cross-entropy between pruned networks and "
        f"their originals, from 100 % of the weights down: {enumeration([group.name for group in groups])}.",
        caption="How alike a network is to its original while it is pruned, by share of the weights left. "
        "CKA of 1, distance of 0 and nothing lost by the affine map from the original: it does the same. "
        "Cross-entropy: of the pruned network's outputs under those of the original. Broad: mean over "
        "networks; band: its 95 % interval by Student's t; thin: each network.",
        draw=partial(_draw_similarities, groups),
    )


def _draw_similarities(groups: Sequence[Pruned], theme: Theme) -> Figure:
    drawing = figure(7.2, 2.4 * 2 * len(groups) + 0.4)
    axes = drawing.subplots(2 * len(groups), 2, squeeze=False)
    for number, group in enumerate(groups):
        panels = axes[2 * number : 2 * number + 2].ravel()
        for (name, words), axis in zip(_MEASURES.items(), panels, strict=True):
            values = group.data[name].sel(reference="original")
            _draw_lines(axis, group, 100 * values if name == "affine_drop" else values, theme)
            axis.set_ylabel(words)
        if len(groups) > 1:
            panels[0].set_title(group.name)
        for axis in panels[2:]:
            axis.set_xlabel("weights left (%)")
    _legend(drawing, theme)
    return drawing


def _draw_lines(axis: Axes, group: Pruned, values: xr.DataArray, theme: Theme) -> None:
    """Draw every network, and their mean with its interval."""
    for number, method in enumerate(METHODS):
        colour = theme.series[number]
        for share, y in group.lines(values, method):
            axis.plot(100 * share, y, color=colour, linewidth=0.7, alpha=0.5)
        among = group.along(values, method)
        found, at = mean(among.T), 100 * among.index
        axis.plot(at, found.mean, color=colour, linewidth=2.0)
        if among.columns.size >= _FEWEST:
            axis.fill_between(at, found.low, found.high, color=colour, alpha=0.18, linewidth=0)
    axis.set_xscale("log")
    _tick_shares(axis)
    axis.grid(visible=True)


def _annotate(axis: Axes, group: Pruned, theme: Theme) -> None:
    """Write channels under the mean line of structural pruning."""
    right = group.along(100 * group.data["test_accuracy"], "structural").mean(axis=1)
    layers = [
        group.along(layer, "structural").mean(axis=1)
        for layer in group.data["channels"].transpose("layer", ...)
        if np.isfinite(layer).any()
    ]
    for share in _ANNOTATED:
        place = int(np.argmin(abs(np.log(right.index / share))))
        if share < right.index[-1]:
            break
        at = 100 * right.index[place], right.iloc[place]
        axis.plot(*at, "o", color=theme.series[0], markersize=4)
        axis.annotate(
            "\N{MIDDLE DOT}".join(f"{of_layer.iloc[place]:.0f}" for of_layer in layers),
            at,
            xytext=(0, -16),
            textcoords="offset points",
            horizontalalignment="center",
            fontsize=8,
            color=theme.ink,
            bbox={"facecolor": theme.paper, "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )


def _tick_shares(axis: Axes) -> None:
    """Put 100, 50, 20, 10 and so on on a logarithmic axis, the largest first."""
    least, largest = sorted(axis.get_xlim())
    ticks = [part * 10.0**power for power in range(-6, 3) for part in (1, 2, 5)]
    axis.set_xticks([tick for tick in ticks if least <= tick <= largest])
    axis.set_xlim(largest, least)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_locator(NullLocator())


def _legend(drawing: Figure, theme: Theme) -> None:
    handles = [
        Line2D([], [], color=theme.series[number], linewidth=2.0, label=words)
        for number, words in enumerate(METHODS)
    ]
    drawing.legend(handles=handles, loc="outside upper right", ncols=len(handles))
