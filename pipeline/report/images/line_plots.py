"""Small drawings of the same kind side by side: training, compression, singular values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from relusweep.pipeline.report.drawing import tick_logarithms
from relusweep.pipeline.report.images.stages import OPTIMIZERS, Stages
from relusweep.pipeline.report.text import accuracy, points, significant
from relusweep.pipeline.report.theme import Picture, Theme, figure

__all__ = ["drops", "singular_values", "training"]

_ACROSS = 2  # architectures: on a phone they then need no scrolling
_MANY_ACROSS = 4  # networks
_APART = 1.4  # least ratio of two numbers that can be labels of a logarithmic axis
Axeses = NDArray[Any]


def training(stages: Stages) -> Picture:
    """Make the picture of loss and accuracy by epoch, a column for each architecture."""
    names = ["train_loss", "test_loss", "train_accuracy", "test_accuracy"]
    history = stages["training"][[*names, "architecture", "optimizer"]].load()
    last = history["test_accuracy"].isel(epoch=-1).to_series().dropna()
    ends = f": {accuracy(last.min())} to {accuracy(last.max())} % at the end" if len(last) else ""
    return Picture(
        name="training",
        alt=f"Loss and accuracy of every network by epoch{ends}.",
        caption="Cross-entropy (above, logarithmic) and share of images classified right (below) by epoch, "
        "for each architecture. Lines: on the test images, after the epoch. Dashed: on the training images "
        "over the epoch, as its batches came. Colour: optimiser.",
        draw=partial(_draw_training, history),
    )


def _draw_training(history: xr.Dataset, theme: Theme) -> Figure:
    groups = list(_by_architecture(history))
    bands = -(-len(groups) // _ACROSS)
    across = min(len(groups), _ACROSS)
    drawing = figure(2.35 * across + 0.6, 4.0 * bands + 0.4)
    axes = drawing.subplots(2 * bands, across, squeeze=False, sharex=True)
    for place, (architecture, networks) in enumerate(groups):
        band, column = divmod(place, _ACROSS)
        for axis, what in zip(axes[2 * band : 2 * band + 2, column], ("loss", "accuracy"), strict=True):
            _draw_history(axis, networks, what, theme)
        axes[2 * band, column].set_title(architecture)
    _share_scales(axes, len(groups))
    for row, name in zip(axes[:, 0], ("cross-entropy", "right (%)") * bands, strict=True):
        row.set_ylabel(name)
    for kind in (0, 1):
        _label_below(axes[kind::2], len(groups), "epoch" if kind else "")
    _legend(drawing, theme, _used(history), parts=True)
    return drawing


def _draw_history(axis: Axes, networks: xr.Dataset, what: str, theme: Theme) -> None:
    factor = 100 if what == "accuracy" else 1
    for label in networks["network"].values:
        one = networks.sel(network=label)
        colour = _colour(str(one["optimizer"].item()), theme)
        for part, style in (("train", "--"), ("test", "-")):
            values = factor * one[f"{part}_{what}"].where(np.isfinite(one[f"{part}_loss"])).values
            shown = np.where(values > 0, values, np.nan)  # a loss of 0 has no place on a logarithmic scale
            few = "o" if networks.sizes["epoch"] < 3 else None
            axis.plot(
                networks["epoch"].values, shown, style, color=colour, linewidth=1.2, marker=few, markersize=3
            )
    axis.set_yscale("log" if what == "loss" else "linear")
    axis.grid(visible=True)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))


def _share_scales(axes: Axeses, count: int) -> None:
    """Give all losses one scale and all accuracies another, and take away panels that are empty."""
    for kind in (0, 1):
        shown = list(axes[kind::2].ravel())
        for axis in shown[count:]:
            axis.set_axis_off()
        ends = np.array([axis.get_ylim() for axis in shown[:count]])
        for place, axis in enumerate(shown[:count]):
            axis.set_ylim(ends[:, 0].min(), ends[:, 1].max())
            if axis.get_yscale() == "log":
                tick_logarithms(axis.yaxis)
            axis.tick_params(which="both", labelleft=place % _ACROSS == 0)


def drops(stages: Stages) -> Picture:
    """Make the picture of what compression costs, by number of centres."""
    group = stages["compression"][["drop", "architecture", "optimizer"]].load()
    known = group["drop"].to_series().dropna()
    spread = f": {points(known.min())} to {points(known.max())} points" if len(known) else ""
    return Picture(
        name="compression",
        alt=f"Loss of accuracy by number of k-means centres, for every network{spread}.",
        caption="Accuracy that a network loses when each row of coefficients is replaced by the nearest of k "
        "centres, in percentage points of the test images, against k. Colour: optimiser; the lines of a "
        "colour are instances.",
        draw=partial(_draw_drops, group),
    )


def _draw_drops(group: xr.Dataset, theme: Theme) -> Figure:
    groups = list(_by_architecture(group))
    bands, across = -(-len(groups) // _ACROSS), min(len(groups), _ACROSS)
    drawing = figure(2.35 * across + 0.6, 2.2 * bands + 0.6)
    axes = drawing.subplots(bands, across, squeeze=False, sharex=True, sharey=True)
    for axis in axes.ravel()[len(groups) :]:
        axis.set_axis_off()
    for (architecture, networks), axis in zip(groups, axes.ravel(), strict=False):
        for label in networks["network"].values:
            one = networks.sel(network=label)
            colour = _colour(str(one["optimizer"].item()), theme)
            axis.plot(
                networks["clusters"], 100 * one["drop"], "o-", color=colour, markersize=3, linewidth=1.2
            )
        axis.axhline(0, color=theme.muted, linewidth=0.8)
        axis.set_xscale("log")
        axis.set_xticks(_apart(networks["clusters"].values))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_title(architecture)
        axis.grid(visible=True)
    _label_below(axes, len(groups), "centres k")
    for axis in axes[:, 0]:
        axis.set_ylabel("lost (points)")
    _legend(drawing, theme, _used(group))
    return drawing


def _apart(numbers: NDArray[Any]) -> list[int]:
    """Choose numbers, ascending, that can be labels of a logarithmic axis without overlapping."""
    chosen: list[int] = []
    for number in numbers.tolist():
        if not chosen or number >= _APART * chosen[-1]:
            chosen.append(number)
    return chosen


def singular_values(stages: Stages) -> Picture:
    """Make the picture of the singular values of every network's outputs."""
    values = stages["sensitivity"]["singular_value"].load()
    known = values.isel(component=0).to_series().dropna()
    first = f"; the first are {significant(known.min())} to {significant(known.max())}" if len(known) else ""
    return Picture(
        name="singular_values",
        alt=f"Singular values of every output of every network, in descending order{first}.",
        caption="Singular values of the gradients of each output (thin lines) and their median over the "
        "outputs (broad): root mean square slope along the direction, on the training images. The scale is "
        "logarithmic and the same in all panels; values under a millionth of the first are rounding and left "
        "out.",
        draw=partial(_draw_values, values),
    )


def _draw_values(values: xr.DataArray, theme: Theme) -> Figure:
    labels = values["network"].values
    bands, across = -(-len(labels) // _MANY_ACROSS), min(len(labels), _MANY_ACROSS)
    drawing = figure(2.35 * across + 0.6, 1.9 * bands + 0.4)
    axes = drawing.subplots(bands, across, squeeze=False, sharex=True, sharey=True)
    for axis in axes.ravel()[len(labels) :]:
        axis.set_axis_off()
    kept = values.where(values > 1e-6 * values.isel(component=0))
    at = np.arange(1, values.sizes["component"] + 1)
    for label, axis in zip(labels, axes.ravel(), strict=False):
        one = kept.sel(network=label).transpose("output", "component")
        axis.plot(at, one.values.T, color=theme.muted, linewidth=0.6, alpha=0.7)
        axis.plot(at, one.median("output"), "o-", color=theme.series[0], linewidth=1.6, markersize=2.5)
        axis.set_title(str(label), fontsize=8.5)
        axis.set_yscale("log")
        axis.grid(visible=True)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    tick_logarithms(axes[0, 0].yaxis)  # which all share
    for axis in axes[:, 0]:
        axis.set_ylabel("singular value")
    _label_below(axes, len(labels), "direction")
    return drawing


def _label_below(axes: Axeses, count: int, words: str) -> None:
    """Label the lowest panel of each column: the last row may not be full."""
    for axis in axes.ravel()[max(0, count - axes.shape[1]) : count]:
        axis.set_xlabel(words)
        axis.tick_params(labelbottom=True)


def _by_architecture(group: xr.Dataset) -> Iterator[tuple[str, xr.Dataset]]:
    """Take the networks of each architecture together, in the order in which they come."""
    architectures = group["architecture"].values
    for architecture in pd.unique(architectures):
        yield str(architecture), group.isel(network=np.flatnonzero(architectures == architecture))


def _colour(optimizer: str, theme: Theme) -> str:
    return theme.series[list(OPTIMIZERS).index(optimizer)]


def _used(group: xr.Dataset) -> Sequence[str]:
    return [optimizer for optimizer in OPTIMIZERS if optimizer in group["optimizer"].values]


def _legend(drawing: Figure, theme: Theme, optimizers: Sequence[str], *, parts: bool = False) -> None:
    handles = [
        Line2D([], [], color=_colour(optimizer, theme), label=OPTIMIZERS[optimizer])
        for optimizer in optimizers
    ]
    if parts:
        handles += [
            Line2D([], [], color=theme.muted, linestyle="-", label="test"),
            Line2D([], [], color=theme.muted, linestyle="--", label="training"),
        ]
    drawing.legend(handles=handles, loc="outside upper right", ncols=len(handles))
