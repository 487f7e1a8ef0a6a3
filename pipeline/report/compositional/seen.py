"""Waves layer by layer: what the units of one network of each way compute, before and after."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from relusweep.pipeline.report.compositional.summary import PAPER_RATE, at_usual, formula, ways
from relusweep.pipeline.report.text import significant
from relusweep.pipeline.report.theme import Picture, Theme, figure
from relusweep.pipeline.report.training.axes import labels
from relusweep.pipeline.sweeps.training.again import network_of
from relusweep.tasks.networks import layer_views

__all__ = ["waves_by_layer"]

_POINTS = 2001
_MOST_LAYERS = 8


class _Seen(NamedTuple):
    """A row of the picture: a network at a moment.

    `units` of each hidden layer have the shape (n_points, width).
    """

    name: str
    units: list[NDArray[np.float64]]
    output: NDArray[np.float64]


def waves_by_layer(dataset: xr.Dataset) -> Iterator[Picture]:
    """Make a picture for each curve, where weights at both moments were kept."""
    if not {"parameters", "snapshots"} <= set(dataset.data_vars):
        return
    if 0 not in dataset["snapshot_epoch"].values:
        return
    data = at_usual(dataset, {})
    for target in labels(data, "target"):
        own = data.sel(target=target) if "target" in data.dims else data
        rows = list(_rows(own))
        if rows and len(rows[0].units) <= _MOST_LAYERS:
            yield _picture(target, own, rows)


def _picture(target: str, data: xr.Dataset, rows: list[_Seen]) -> Picture:
    x, y = _curve(data)
    return Picture(
        name=f"waves-of-{target}",
        alt=f"Activations of {len(rows)} networks by layer, and their outputs beside {formula(target)}.",
        caption=(
            f"{formula(target)}: activations of the units of each hidden layer between 0 and 1, each divided "
            "by its largest, and the output beside the curve (broad, behind it). Each row is the network of "
            "the median error of its way, at a learning rate of 0.001, before or after all weights are "
            "trained. Of networks that start as waves, the first unit carries the wave, the second what lies "
            "above its peak, the third the sum, the fourth a constant."
        ),
        draw=partial(_draw, rows, x, y),
    )


def _rows(data: xr.Dataset) -> Iterator[_Seen]:
    for way in ways(data):
        own = data.sel({dim: label for dim, label in way._asdict().items() if dim in data.dims})
        if "learning_rate" in own.dims:
            own = own.sel(learning_rate=PAPER_RATE, method="nearest")
        loss = own["final_loss"].load().where(np.isfinite(own["final_loss"]))
        if not bool(loss.notnull().any()):
            continue
        middle = loss.dropna("trial").sortby(loss.dropna("trial"))["trial"]
        one = own.sel(trial=int(middle[len(middle) // 2])).load()
        error = significant(float(one["final_loss"]))
        start = one["snapshots"].sel(snapshot_epoch=0)
        if way.pretraining != "none" or way.composed:
            yield _seen(one, start, f"{way.name}\nbefore")
        yield _seen(one, one["parameters"], f"{way.name}\nafter: {error}")


def _seen(one: xr.Dataset, values: xr.DataArray, name: str) -> _Seen:
    network = network_of(one.drop_vars("trial").expand_dims(trial=[int(one["trial"])])).protocol.network
    row = values.to_numpy().astype(float)[None, : network.n_parameters]
    x = np.linspace(0, 1, _POINTS)
    *hidden, last = layer_views(network, row)
    below, units = x[:, None], []
    for layer in hidden:
        below = np.maximum(below @ layer.weights[0].T + layer.biases[0], 0)
        units.append(below)
    return _Seen(name, units, (below @ last.weights[0].T + last.biases[0])[:, 0])


def _curve(data: xr.Dataset) -> tuple[NDArray[Any], NDArray[Any]]:
    first = {dim: data[dim].values[0] for dim in data["success_epoch"].dims}
    block = network_of(data.sel(first).expand_dims("trial") if "trial" not in data.dims else data.sel(first))
    learned = block.problem.draw(block.setting, block.labels, range(1), block.seed)
    return learned.inputs[:, 0], learned.targets[0]


def _draw(rows: list[_Seen], x: NDArray[Any], y: NDArray[Any], theme: Theme) -> Figure:
    columns = len(rows[0].units) + 1
    drawing = figure(1.75 * columns + 1.0, 1.15 * len(rows) + 0.6)
    axes = drawing.subplots(len(rows), columns, squeeze=False, sharex=True)
    for row, some in zip(rows, axes, strict=True):
        for axis, units in zip(some, row.units, strict=False):
            _draw_units(axis, units, theme)
        some[-1].plot(x, y, color=theme.muted, alpha=0.35, linewidth=5, solid_capstyle="round")
        some[-1].plot(np.linspace(0, 1, _POINTS), row.output, color=theme.series[0], linewidth=1.2)
        some[-1].set(yticks=[])
        some[0].set_ylabel(row.name, rotation=0, ha="right", va="center", fontsize=7.5)
    for k, axis in enumerate(axes[0][:-1]):
        axis.set_title(f"layer {k + 1}", fontsize=8.5)
    axes[0][-1].set_title("output", fontsize=8.5)
    for axis in axes[-1]:
        axis.set(xticks=[0, 1], xticklabels=["0", "1"])
    handles = axes[0][0].get_legend_handles_labels()
    drawing.legend(*handles, loc="outside upper left", ncols=4)
    return drawing


def _draw_units(axis: Axes, units: NDArray[Any], theme: Theme) -> None:
    x = np.linspace(0, 1, len(units))
    for unit, values in enumerate(units.T):
        scaled = values / max(float(values.max()), 1e-30)
        axis.plot(
            x, scaled, color=theme.series[unit % len(theme.series)], linewidth=1.0, label=f"unit {unit + 1}"
        )
    axis.set(ylim=(-0.05, 1.08), yticks=[])
