"""Learning curves: median and quartiles of the networks that are still training, against the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.drawing import tick_logarithms
from relusweep.pipeline.report.text import significant
from relusweep.pipeline.report.theme import Picture, Theme, figure
from relusweep.pipeline.report.training.outcome import Outcome

__all__ = ["curves"]

_MOST_LINES = 8
_PANELS = {
    "curve_loss": ("loss", 1),
    "curve_rows_right": ("rows right (%)", 100),
    "curve_gradient_norm": ("norm of the gradient", 1),
    "curve_test_loss": ("test loss", 1),
}
_SHARES = [0.25, 0.5, 0.75]

Quartiles = NDArray[np.float64]


def curves(dataset: xr.Dataset, outcome: Outcome) -> Picture | None:
    """Make the picture of the learning curves; None where the data have none, or nothing ran."""
    names = [name for name in _PANELS if name in dataset]
    if names:  # the end has no place on the axis of epochs
        dataset = dataset.isel(curve_epoch=(dataset["curve_epoch"] >= 0).values)
    along = next((dim for dim in outcome.axes if dataset.sizes[dim] <= _MOST_LINES), None)
    panels = {name: _lines(dataset[name], along) for name in names}
    if not any(np.isfinite(line).any() for lines in panels.values() for line in lines.values()):
        return None
    of = f"one line for each label of {along}, all other axes" if along else "all axes"
    return Picture(
        name=f"curves{outcome.suffix}",
        alt=f"Learning curves. {_in_words(panels, along)}",
        caption=(
            f"Median (line) and quartiles (band) over networks against the epoch: {of} taken together. A "
            "network that has stopped is left out from then on: where training stops at success, the curves "
            "are more and more of those that fail. Loss and norm of the gradient: logarithmic."
        ),
        draw=partial(_draw, dataset["curve_epoch"].to_numpy(), panels, along),
    )


def _lines(values: xr.DataArray, along: str | None) -> dict[str, Quartiles]:
    """Give quartiles by epoch of each label of an axis: arrays of shape (3, n_epochs)."""
    if along is None:
        return {"all networks": _quartiles(values)}
    return {
        label(name): _quartiles(values.isel({along: place}))
        for place, name in enumerate(values[along].values)
    }


def _quartiles(values: xr.DataArray) -> Quartiles:
    rows = values.transpose(..., "curve_epoch").to_numpy()
    columns = rows.reshape(-1, rows.shape[-1]).T
    known = [column[np.isfinite(column)] for column in columns]
    return np.array([np.quantile(of, _SHARES) if len(of) else np.full(3, np.nan) for of in known], float).T


def _in_words(panels: Mapping[str, Mapping[str, Quartiles]], along: str | None) -> str:
    sentences = []
    for name, lines in panels.items():
        what, scale = _PANELS[name]
        ends = [(of, median[np.isfinite(median)]) for of, (_, median, _) in lines.items()]
        words = (f"{of} {significant(scale * float(line[-1]))}" for of, line in ends if len(line))
        sentences.append(f"Last median of {what}{f' by {along}' if along else ''}: {', '.join(words)}.")
    return " ".join(sentences)


def _draw(
    epochs: NDArray[Any], panels: Mapping[str, Mapping[str, Quartiles]], along: str | None, theme: Theme
) -> Figure:
    drawing = figure(max(3.6 * len(panels), 5.2), 3.6)
    axes = drawing.subplots(1, len(panels), squeeze=False)[0]
    for axis, (name, lines) in zip(axes, panels.items(), strict=True):
        what, scale = _PANELS[name]
        _draw_panel(axis, epochs, {of: scale * line for of, line in lines.items()}, theme)
        axis.set(title=what, xlabel="epoch")
        if scale == 1:
            axis.set_yscale("log")
            tick_logarithms(axis.yaxis)
    handles = axes[0].get_legend_handles_labels()
    drawing.legend(*handles, loc="outside upper left", ncols=4, title=along, alignment="left")
    return drawing


def _draw_panel(axis: Axes, epochs: NDArray[Any], lines: Mapping[str, Quartiles], theme: Theme) -> None:
    for place, (of, (low, median, high)) in enumerate(lines.items()):
        colour = theme.series[place % len(theme.series)]
        style = "-" if place < len(theme.series) else "--"
        axis.fill_between(epochs, low, high, color=colour, alpha=0.15, linewidth=0)
        axis.plot(epochs, median, style, color=colour, linewidth=1.6, label=of)
    steps = np.diff(epochs)
    if len(steps) > 1 and steps[-1] > 4 * steps[0]:
        axis.set_xscale("symlog", linthresh=max(float(epochs[1]), 1.0))
    axis.grid(visible=True)
    axis.tick_params(length=0)
