"""How many classes each shape solves: by training, and by constructions."""

from __future__ import annotations

from functools import partial

import xarray as xr
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from relusweep.pipeline.report.drawing import CELL, draw_numbers
from relusweep.pipeline.report.frontier.summary import Frontier
from relusweep.pipeline.report.text import leak_name
from relusweep.pipeline.report.theme import Picture, Theme, figure

__all__ = ["shapes"]


def shapes(frontier: Frontier) -> Picture:
    """Make the picture of how many classes each shape solves, a panel for each leak."""
    total = frontier.first.sizes["problem"]
    return Picture(
        name="frontier",
        alt="Maps of the number of classes that a shape solves. " + " ".join(_in_words(frontier)),
        caption=(
            f"Of {total:,} classes, those that at least one network of the shape solved, by width and "
            "depth; last panel: those for which a construction gives the weights. Hatched: nothing has "
            "run. Asterisk: some classes have not run, or are excluded by an argument."
        ),
        draw=partial(_draw, frontier),
    )


def _in_words(frontier: Frontier) -> list[str]:
    return [
        f"{name}: {int(counts.min()):,} to {int(counts.max()):,}." for name, counts, _ in _panels(frontier)
    ]


def _panels(frontier: Frontier) -> list[tuple[str, xr.DataArray, xr.DataArray]]:
    """Give titles, numbers of classes, and shares of the classes that ran."""
    found, ran = frontier.found.sum("problem"), (frontier.starts > 0).mean("problem")
    by_leak = [
        (leak_name(leak), found.sel(leak=leak).where(ran.sel(leak=leak) > 0), ran.sel(leak=leak))
        for leak in frontier.leaks
    ]
    constructed = frontier.constructed.sum("problem").astype(float)
    return [*by_leak, ("constructed", constructed, xr.ones_like(constructed))]


def _draw(frontier: Frontier, theme: Theme) -> Figure:
    panels, sizes = _panels(frontier), frontier.first.sizes
    drawing = figure(
        len(panels) * (max(sizes["width"] * CELL[0], 2.6) + 0.3) + 0.5, max(sizes["depth"] * CELL[1], 1.8) + 1
    )
    axes = drawing.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axis, (title, counts, ran) in zip(axes, panels, strict=True):
        grid = counts.transpose("depth", "width")
        draw_numbers(
            axis, grid, ran, theme, norm=Normalize(0, sizes["problem"]), write=lambda number: f"{number:.0f}"
        )
        axis.set_title(title)
        axis.set_xlabel("width")
    axes[0].set_ylabel("depth")
    return drawing
