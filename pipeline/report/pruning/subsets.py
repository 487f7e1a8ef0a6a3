"""Pictures of exhaustive pruning: least sizes, and losses along fine-tuning."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.report.drawing import CELL, draw_numbers, tick_logarithms
from relusweep.pipeline.report.pruning.summary import PLACES, Wide
from relusweep.pipeline.report.text import count
from relusweep.pipeline.report.theme import Picture, Theme, figure

__all__ = ["least_sizes", "trajectories"]

_MOST_PANELS = 3
_DASHED = " Dashed: log 2, the cross-entropy of the constant 0."


def least_sizes(wide: Wide) -> Picture | None:
    """Make the map of the median of the least sizes; None where no network was pruned."""
    frame = wide.table
    if frame["median"].isna().all() or len(set(frame["depth"])) > 1:
        return None
    best = frame.groupby("n_inputs")["least"].min().dropna()
    words = ", ".join(f"{n} inputs {least:.0f}" for n, least in best.items())
    return Picture(
        name="least_units",
        alt=f"Heat map of the least units of a subset that succeeds, by inputs and width. Least: {words}.",
        caption=(
            "Units of the smallest subset that succeeds after fine-tuning, median over the originals of each "
            "size. Every subset was tried. Hatched: no original learned the function, or none ran."
        ),
        draw=partial(_draw_least, frame),
    )


def _draw_least(frame: pd.DataFrame, theme: Theme) -> Figure:
    table = frame.pivot_table(index="n_inputs", columns="width", values="median", dropna=False)
    numbers = xr.DataArray(table, dims=("n_inputs", "width"))
    rows, columns = numbers.shape
    drawing = figure(max(columns * CELL[0] + 1, 3), rows * CELL[1] + 0.9)
    axis = drawing.subplots()
    norm = Normalize(1, max(float(numbers.max()), 2))
    draw_numbers(axis, numbers, xr.ones_like(numbers), theme, norm=norm, write=count)
    axis.set(xlabel="width of the original", ylabel="inputs")
    return drawing


def trajectories(wide: Wide) -> Picture | None:
    """Make the picture of the loss of subsets along their fine-tuning; None where none was kept."""
    chosen = _chosen(wide)
    if not chosen:
        return None
    told = "; ".join(f"{_title(one)}: {counted(one.sizes['trajectory'], 'subset')}" for one in chosen)
    return Picture(
        name="trajectories",
        alt=f"Loss of subsets of the least size along fine-tuning. {told}.",
        caption=(
            "Loss of subsets of the least size that succeeds, of one original of each panel, along their "
            "fine-tuning: half of those drawn succeed, where there are as many, and end there (dot: the last "
            "epoch drawn). Flat stretches are near saddles, and some are never left. Both scales are "
            f"logarithmic.{_DASHED if any(map(_is_cross_entropy, chosen)) else ''}"
        ),
        draw=partial(_draw_trajectories, chosen),
    )


def _chosen(wide: Wide) -> list[xr.Dataset]:
    """Take one original of each of the largest numbers of inputs: of the widest, the first."""
    if "trajectory_loss" not in wide.data:
        return []
    kept = wide.data["trajectory_loss"].notnull().any("trajectory_epoch")  # noqa: PD004  (of xarray)
    found = []
    for n in wide.data["n_inputs"].values[::-1]:
        there = kept.any("trajectory").sel(n_inputs=n).transpose(*PLACES[1:], "trial")
        if places := np.argwhere(there.to_numpy()).tolist():
            place = min(places, key=lambda place: (-place[0], *place[1:]))
            at = dict(zip(there.dims, place, strict=True))
            which = kept.sel(n_inputs=n).isel(at).to_numpy()
            found.append(wide.data.sel(n_inputs=n).isel(at).isel(trajectory=which))
    return found[:_MOST_PANELS][::-1]


def _title(one: xr.Dataset) -> str:
    inputs = counted(int(one["n_inputs"]), "input")
    return f"{inputs}, {int(one['least_units'])} of {int(one['width'])} units"


def _is_cross_entropy(one: xr.Dataset) -> bool:
    return bool(one["loss"] == "bce")


def _draw_trajectories(chosen: list[xr.Dataset], theme: Theme) -> Figure:
    drawing = figure(max(3.4 * len(chosen) + 0.6, 5), 3.3)
    axes = drawing.subplots(1, len(chosen), squeeze=False, sharey=True)[0]
    for axis, one in zip(axes, chosen, strict=True):
        _draw_losses(axis, one, theme)
    tick_logarithms(axes[0].yaxis)
    axes[0].set_ylabel("loss")
    names = ("succeeds", "does not")
    handles = [Line2D([], [], color=theme.series[i], label=name) for i, name in enumerate(names)]
    drawing.legend(handles=handles, loc="outside upper left", ncols=2)
    return drawing


def _draw_losses(axis: Axes, one: xr.Dataset, theme: Theme) -> None:
    epochs, losses = one["trajectory_epoch"].to_numpy(), one["trajectory_loss"].to_numpy()
    for loss, success in zip(losses, one["trajectory_success"].to_numpy(), strict=True):
        colour = theme.series[0 if success >= 0 else 1]
        axis.plot(epochs, loss, color=colour, linewidth=1.3, alpha=0.85)
        if success >= 0:
            last = np.flatnonzero(np.isfinite(loss))[-1]
            axis.plot(epochs[last], loss[last], "o", color=colour, markersize=4)
    if _is_cross_entropy(one):
        axis.axhline(np.log(2), color=theme.muted, linestyle="--", linewidth=1)
    axis.set_xscale("symlog", linthresh=1)
    axis.set_yscale("log")
    axis.set_xlim(0, epochs[-1])
    axis.set(title=_title(one), xlabel="epoch of fine-tuning")
    axis.grid(visible=True)
    axis.tick_params(length=0)
