"""Success of networks: against the dimension, and of every setting."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from relusweep.pipeline.common.queries import success_rate
from relusweep.pipeline.report.drawing import draw_rates
from relusweep.pipeline.report.hypersphere.summary import BARS, LOSSES, Summary
from relusweep.pipeline.report.text import leak_name
from relusweep.pipeline.report.theme import MARKERS, Picture, Theme, figure

__all__ = ["by_dimension", "by_setting"]


def by_dimension(summary: Summary) -> Picture:
    """Make the picture of success against the dimension: a panel for each leak, a line for each bar."""
    best, last = (summary.reached["rate"].sel(bar=bar) for bar in (BARS[0], BARS[-1]))
    return Picture(
        name="dimensions",
        alt=f"Success against the dimension. {_ends(best, BARS[0])} {_ends(last, BARS[-1])}",
        caption=(
            f"Networks that have at least 95, 98, 99 or 99.99 % of their {summary.rows:,} "
            f"{summary.judged_by} right at the end, in percent of all that ran, against the "
            f"dimension n. Bars are 95 % Wilson intervals of up to {_most_networks(summary.reached)} "
            "networks. Lines join the dots of one bar; dots of one dimension are drawn side by side."
            + _together(summary)
        ),
        draw=partial(_draw_dimensions, summary),
    )


def _most_networks(rates: xr.Dataset) -> int:
    return int(rates["networks"].max())


def _together(summary: Summary) -> str:
    several = [dim for dim in ("loss", "batch", "inputs") if summary.data.sizes[dim] > 1]
    return f" All labels of {' and '.join(several)} are taken together." if several else ""


def _ends(rate: xr.DataArray, bar: float) -> str:
    """Say from where to where a line goes, leak by leak."""
    first, last = (rate.isel(n_inputs=end) for end in (0, -1))
    spans = (
        f"{leak_name(float(leak))} {100 * float(a):.0f} percent in dimension {int(first['n_inputs'])}, "
        f"{100 * float(b):.0f} in {int(last['n_inputs'])}"
        for leak, a, b in zip(rate["leak"].values, first, last, strict=True)
    )
    return f"At least {100 * bar:g} percent right: {'; '.join(spans)}."


def _draw_dimensions(summary: Summary, theme: Theme) -> Figure:
    drawing = figure(4.4 * len(summary.leaks) + 0.4, 3.8)
    axes = drawing.subplots(1, len(summary.leaks), squeeze=False, sharey=True)[0]
    dimensions = summary.data["n_inputs"].to_numpy()
    for axis, leak in zip(axes, summary.leaks, strict=True):
        for place, bar in enumerate(BARS):
            rates, colour = summary.reached.sel(bar=bar, leak=leak), theme.series[place]
            at = dimensions + 0.09 * (place - (len(BARS) - 1) / 2)
            axis.plot(at, 100 * rates["rate"].to_numpy(), color=colour, linewidth=1, alpha=0.6)
            draw_rates(axis, at, rates, colour, MARKERS[place], f"at least {100 * bar:g} % right")
        axis.set_title(leak_name(leak))
        axis.set_xlabel("dimension n")
        axis.set_xticks(dimensions)
        axis.set_ylim(-3, 103)
        axis.grid(visible=True, axis="y")
    axes[0].set_ylabel("networks (%)")
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=len(BARS))
    return drawing


def by_setting(summary: Summary) -> Picture:
    """Make the picture of the success of every setting: panels for losses and inputs, dots for leaks."""
    return Picture(
        name="settings",
        alt="Dots with intervals: success of every setting, against the batch, by loss, scaling of the "
        "inputs and leak. The table below has the numbers.",
        caption=(
            f"Networks that have at least {100 * summary.bar:g} % of their "
            f"{summary.samples:,} training samples right at the end, in percent of all that "
            f"ran. Bars are 95 % Wilson intervals of up to {_most_networks(_settings(summary))} networks. "
            "Each dot is a setting; dots of one batch are drawn side by side."
            + (" Dimensions are taken together." if summary.data.sizes["n_inputs"] > 1 else "")
        ),
        draw=partial(_draw_settings, summary),
    )


def _settings(summary: Summary) -> xr.Dataset:
    return success_rate(summary.data, ("n_inputs", "trial"))


def _draw_settings(summary: Summary, theme: Theme) -> Figure:
    rates = _settings(summary)
    losses, inputs, batches = (rates[dim].values for dim in ("loss", "inputs", "batch"))
    drawing = figure(4.2 * len(inputs) + 0.6, 2.7 * len(losses) + 0.5)
    axes = drawing.subplots(len(losses), len(inputs), squeeze=False, sharex=True, sharey=True)
    for row, loss in zip(axes, losses, strict=True):
        for axis, scaling in zip(row, inputs, strict=True):
            for place, leak in enumerate(summary.leaks):
                at = np.arange(len(batches)) + 0.16 * (place - (len(summary.leaks) - 1) / 2)
                colour, marker = (of[place % len(of)] for of in (theme.series, MARKERS))
                of_leak = rates.sel(loss=loss, inputs=scaling, leak=leak)
                draw_rates(axis, at, of_leak, colour, marker, leak_name(leak))
            axis.set_title(f"{LOSSES[loss]}, {scaling} inputs")
            axis.set_xticks(range(len(batches)), labels=[f"{batch:,}" for batch in batches])
            axis.set(xlim=(-0.5, len(batches) - 0.5), ylim=(-3, 103))
            axis.grid(visible=True, axis="y")
        row[0].set_ylabel("networks that succeeded (%)")
    for axis in axes[-1]:
        axis.set_xlabel("batch")
    handles = axes[0, 0].get_legend_handles_labels()
    drawing.legend(*handles, loc="outside upper left", ncols=len(summary.leaks))
    return drawing
