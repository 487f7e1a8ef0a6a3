"""How errors change with the number of layers and of units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from relusweep.pipeline.report.claims import FEWEST
from relusweep.pipeline.report.compositional.summary import Way, cases, formula
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.text import enumeration, significant
from relusweep.pipeline.report.theme import MARKERS, Picture, Theme, figure
from relusweep.pipeline.report.training.axes import labels
from relusweep.tasks.medians import median

__all__ = ["Gain", "Slope", "by_size", "gains", "gains_table"]

_Z = 1.959963984540054
_WORDS = {"depth": "hidden layers", "width": "units of each layer"}


class Slope(NamedTuple):
    """How the natural logarithm of the error changes with one more layer; the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def factor(self) -> float:
        """By which the error changes with one more layer."""
        return float(np.exp(self.value))

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the interval of the factor."""
        return float(np.exp(self.low)), float(np.exp(self.high))


class Gain(NamedTuple):
    """How the error of a way falls with depth.

    Attributes
    ----------
    end : int
        The least depth whose median error cannot be told from the least of all: its interval begins below
        the end of that one's.
    deepest : int
        Of those that ran.
    slope : Slope
        Over the depths up to the end.
    """

    end: int
    deepest: int
    slope: Slope


Lines = Mapping[Way, Mapping[int, np.ndarray[Any, Any]]]


def _along(dataset: xr.Dataset, dim: str, name: str = "final_loss") -> dict[str, Lines]:
    """Give the losses of each curve, way and label of an axis, at the learning rate of the paper.

    A way of which none is known, as of pretraining where there is none, is left out.
    """
    found: dict[str, dict[Way, dict[int, np.ndarray[Any, Any]]]] = {}
    for size in labels(dataset, dim):
        for case in cases(dataset, **{dim: size}):
            for way, run in case.at_paper_rate.items():
                values = run.data[name].to_numpy().astype(float) if name in run.data else np.zeros(0)
                if np.isfinite(values).any():
                    known = values[np.isfinite(values)]
                    found.setdefault(case.target, {}).setdefault(way, {})[int(size)] = known
    return dict(found)


def gains(dataset: xr.Dataset) -> dict[str, dict[Way, Gain]]:
    """Tell how the errors of each curve and way fall with depth.

    Where there are three depths or more of `FEWEST` networks, of which medians have intervals.
    """
    if len(labels(dataset, "depth")) < 3:
        return {}
    found: dict[str, dict[Way, Gain]] = {}
    for target, lines in _along(dataset, "depth").items():
        for way, sizes in lines.items():
            enough = {depth: loss for depth, loss in sizes.items() if len(loss) >= FEWEST}
            if len(enough) > 2:
                found.setdefault(target, {})[way] = _gain(enough)
    return found


def _gain(sizes: Mapping[int, np.ndarray[Any, Any]]) -> Gain:
    depths = sorted(sizes)
    middle, low, high = np.array([median(sizes[depth]) for depth in depths]).T
    least = int(np.argmin(middle))
    end = next(i for i in range(len(depths)) if i == least or low[i] <= high[least])
    until = {depth: sizes[depth] for depth in depths[: max(end, 1) + 1]}
    return Gain(depths[end], depths[-1], _slope(until))


def gains_table(dataset: xr.Dataset) -> Table:
    """Make the table of where the gain by further layers ends."""
    rows = [
        {
            "Curve": formula(target),
            "Way": way.name,
            "Gain ends at": f"{gain.end} of {gain.deepest} layers",
            "Factor of a layer until then [95 %]": " ".join(
                [significant(gain.slope.factor), "[{}, {}]".format(*map(significant, gain.slope.ends))]
            ),
        }
        for target, found in gains(dataset).items()
        for way, gain in found.items()
    ]
    return Table("Where further layers no longer help", pd.DataFrame(rows))


def _slope(sizes: Mapping[int, np.ndarray[Any, Any]]) -> Slope:
    """Fit by least squares; the interval is that of normal residuals of networks of their own."""
    x = np.concatenate([np.full(len(loss), float(size)) for size, loss in sizes.items()])
    y = np.log(np.maximum(np.concatenate(list(sizes.values())), 1e-30))
    away = x - x.mean()
    value = float(away @ y / (away @ away))
    rest = y - y.mean() - value * away
    reach = _Z * float(np.sqrt(rest @ rest / max(len(x) - 2, 1) / (away @ away)))
    return Slope(value, value - reach, value + reach)


def by_size(dataset: xr.Dataset) -> Iterator[Picture]:
    """Make the pictures of errors against depth and width, where these are axes."""
    for dim, words in _WORDS.items():
        if len(labels(dataset, dim)) > 1:
            found, before = _along(dataset, dim), _along(dataset, dim, "pretraining_loss")
            other = "width" if dim == "depth" else "depth"
            at = _chosen(dataset, other)
            yield Picture(
                name=f"errors-by-{dim}",
                alt=f"Median errors by {words}. " + " ".join(_sentences(found)),
                caption=(
                    f"Median error at the end by {words}, {other} {at}, with its 95 % interval. One line for "
                    "each way; broken ones are medians after pretraining, before all weights are trained. "
                    "Logarithmic."
                ),
                draw=partial(_draw, found, before, words),
            )


def _chosen(dataset: xr.Dataset, dim: str) -> Any:
    from relusweep.pipeline.report.compositional.summary import at_usual

    return at_usual(dataset[["success_epoch"]], {})[dim].item() if dim in dataset.coords else "fixed"


def _sentences(found: Mapping[str, Lines]) -> Iterator[str]:
    for target, lines in found.items():
        ends = [
            f"{way.name} {np.median(sizes[min(sizes)]):.1e} to {np.median(sizes[max(sizes)]):.1e}"
            for way, sizes in lines.items()
        ]
        yield f"{formula(target)}: {enumeration(ends)}."


def _draw(found: Mapping[str, Lines], before: Mapping[str, Lines], words: str, theme: Theme) -> Figure:
    drawing = figure(2.7 * len(found) + 0.4, 3.7)
    axes = drawing.subplots(1, len(found), squeeze=False, sharey=True)[0]
    for axis, (target, lines) in zip(axes, found.items(), strict=True):
        for place, (way, sizes) in enumerate(lines.items()):
            at = np.array(sorted(sizes))
            middle, low, high = np.array([median(sizes[size]) for size in at]).T
            colour = theme.series[place % len(theme.series)]
            known = np.isfinite(low) & np.isfinite(high)
            axis.fill_between(at, low, high, where=known, color=colour, alpha=0.2, linewidth=0)
            marker = MARKERS[place % len(MARKERS)]
            if way in before.get(target, {}):
                line = before[target][way]
                axis.plot(at, [np.median(line[size]) for size in at], "--", color=colour, linewidth=1.2)
            axis.plot(at, middle, f"{marker}-", color=colour, markersize=4, linewidth=1.4, label=way.name)
        axis.set(title=formula(target), xlabel=words, yscale="log", xticks=at)
        axis.grid(visible=True)
        axis.tick_params(length=0)
    axes[0].set_ylabel("mean squared error")
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return drawing
