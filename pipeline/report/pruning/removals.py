"""Pictures of heuristic pruning: how many units are left, and of which layers, removal by removal."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from relusweep.pipeline.report.pruning.summary import PLACES, Deep, layers_in_words
from relusweep.pipeline.report.theme import Picture, Theme, figure

__all__ = ["chains", "sizes_left"]

_MOST_PANELS = 3
_DOT = 500  # square points of all prunings


def sizes_left(deep: Deep, *, parity: bool) -> Picture | None:
    """Make the picture of how many units prunings leave; None where no network was pruned."""
    if deep.shapes.empty:
        return None
    rows = [row for row in deep.table.to_dict("records") if row["prunings"]]
    told = "; ".join(f"{_size(row)}: {row['least']:.0f} to {row['most']:.0f}" for row in rows)
    line = (
        " Line: the conjectured width in all layers, which a pruning may leave less than." if parity else ""
    )
    return Picture(
        name="units_left",
        alt=f"Prunings by how many units they leave. {told}.",
        caption=(
            "Prunings by the units that they leave in all layers together; the area of a dot is the share of "
            f"the prunings of originals of that size.{line}"
        ),
        draw=partial(_draw_sizes, deep, rows, parity),
    )


def _size(row: Any) -> str:
    layers = row["widths"] or f"{row['width']} \N{MULTIPLICATION SIGN} {row['depth']}"
    return f"n = {row['n_inputs']}, {layers}"


def _draw_sizes(deep: Deep, rows: list[Any], parity: bool, theme: Theme) -> Figure:
    drawing = figure(max(1.1 * len(rows) + 1, 4), 3.4)
    axis = drawing.subplots()
    for place, row in enumerate(rows):
        of_size = deep.shapes.set_index(list(PLACES)).sort_index()
        here = of_size.loc[[tuple(row[dim] for dim in PLACES)]]
        shares = here.groupby("units")["prunings"].sum() / row["prunings"]
        at = np.full(len(shares), place)
        axis.scatter(at, shares.index, s=_DOT * shares, color=theme.series[0], linewidth=0, zorder=3)
        if parity:
            most = row["conjectured"] * row["depth"]
            axis.hlines(most, place - 0.4, place + 0.4, color=theme.series[1], linewidth=1.4)
    axis.set_xticks(range(len(rows)), labels=[_size(row).replace(", ", "\n") for row in rows])
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(ylabel="units left", ylim=(0, 1.08 * axis.get_ylim()[1]), xlim=(-0.6, len(rows) - 0.4))
    axis.grid(visible=True, axis="y")
    axis.tick_params(length=0)
    return drawing


class _Chain(NamedTuple):
    """Units of each layer after each removal: (depth, 1 + n_removals)."""

    of: str
    left: NDArray[np.int64]


def chains(deep: Deep) -> Picture | None:
    """Make the picture of the removals of the smallest pruning of some sizes; None where there is none."""
    rows = [row for row in deep.table.to_dict("records") if row["prunings"]]
    found = [_smallest(deep, row) for row in rows[-_MOST_PANELS:]]
    if not found:
        return None
    told = "; ".join(f"{chain.of}: {layers_in_words(chain.left[:, -1])}" for chain in found)
    return Picture(
        name="chains",
        alt=f"Units of each layer, removal by removal. At the end: {told}.",
        caption="Units of each layer along the pruning that leaves the fewest units, for the largest sizes.",
        draw=partial(_draw_chains, found),
    )


def _smallest(deep: Deep, row: Any) -> _Chain:
    cell = deep.data.sel({dim: row[dim] for dim in PLACES})
    units = cell["layer_units"].sum("layer", min_count=1)
    place = {str(dim): int(index) for dim, index in units.argmin(("trial", "pruning")).items()}
    end = cell["layer_units"].isel(place).to_numpy()
    end = end[np.isfinite(end)].astype(int)
    layer = cell["removed_layer"].isel(place).to_numpy()
    gone = layer[np.isfinite(layer)] == np.arange(len(end))[:, None]
    before = np.cumsum(gone[:, ::-1], axis=1)[:, ::-1]  # units that a later removal takes
    return _Chain(_size(row), end[:, None] + np.hstack([before, np.zeros((len(end), 1), int)]))


def _draw_chains(found: list[_Chain], theme: Theme) -> Figure:
    drawing = figure(max(3.3 * len(found) + 0.5, 5), 3.3)
    axes = drawing.subplots(1, len(found), squeeze=False)[0]
    for axis, chain in zip(axes, found, strict=True):
        _draw_chain(axis, chain, theme)
    axes[0].set_ylabel("units of a layer")
    depth = max(len(chain.left) for chain in found)
    layers = [f"layer {number}" for number in range(1, depth + 1)]
    handles = [Line2D([], [], color=theme.series[i % 6], label=name) for i, name in enumerate(layers)]
    drawing.legend(handles=handles, loc="outside upper left", ncols=6)
    return drawing


def _draw_chain(axis: Axes, chain: _Chain, theme: Theme) -> None:
    for layer, units in enumerate(chain.left):
        axis.step(np.arange(len(units)), units, where="post", color=theme.series[layer % 6], linewidth=1.3)
    axis.set(title=chain.of, xlabel="removals", ylim=(0, None))
    for along in (axis.xaxis, axis.yaxis):
        along.set_major_locator(MaxNLocator(integer=True))
    axis.grid(visible=True)
    axis.tick_params(length=0)
