"""Drawings of what pruning leaves: accuracy, and how alike networks stay to their originals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatter, NullFormatter

from relusweep.pipeline.report.images.pruned import METHODS, Pruned, mean
from relusweep.pipeline.report.text import accuracy, enumeration
from relusweep.pipeline.report.theme import Picture, Theme, figure

__all__ = ["accuracies", "similarities"]

_ACROSS = 2
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
        "Student's t; thin: each network. Numbers: channels that structural pruning has left in each layer, "
        "mean over networks. Dashed: the threshold below which pruning ends.",
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
            axis.plot(100 * share, y, color=colour, linewidth=0.7, alpha=0.45)
        among = group.along(values, method)
        if among.columns.size > 1:
            found = mean(among.T)
            axis.plot(100 * among.index, found.mean, color=colour, linewidth=2.0)
            axis.fill_between(100 * among.index, found.low, found.high, color=colour, alpha=0.18, linewidth=0)
    axis.set_xscale("log")
    if not axis.xaxis_inverted():
        axis.invert_xaxis()
    axis.xaxis.set_major_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.5)))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.grid(visible=True)


def _annotate(axis: Axes, group: Pruned, theme: Theme) -> None:
    """Write channels under the mean line of structural pruning."""
    data = group.data
    layers = [layer for _, layer in data["channels"].groupby("layer", squeeze=True) if layer.notnull().any()]
    for share in _ANNOTATED:
        right = 100 * group.at(data["test_accuracy"], "structural", share)
        if not len(right) or np.isnan(right).any():
            break
        at = 100 * share, float(right.mean())
        means = [group.at(layer, "structural", share).mean() for layer in layers]
        axis.plot(*at, "o", color=theme.series[0], markersize=4)
        axis.annotate(
            "\N{MIDDLE DOT}".join(f"{number:.0f}" for number in means),
            at,
            xytext=(0, -13),
            textcoords="offset points",
            horizontalalignment="center",
            fontsize=7.5,
            color=theme.ink,
        )


def _legend(drawing: Figure, theme: Theme) -> None:
    handles = [
        Line2D([], [], color=theme.series[number], linewidth=2.0, label=words)
        for number, words in enumerate(METHODS)
    ]
    drawing.legend(handles=handles, loc="outside upper right", ncols=len(handles))
