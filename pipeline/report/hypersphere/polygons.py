"""Regions of successful networks of two inputs as exact polygons: counted, and drawn over the data."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.hypersphere.summary import LOSSES, SETTING, Summary
from relusweep.pipeline.report.hypersphere.tables import SHAPES
from relusweep.pipeline.report.text import leak_name, percent
from relusweep.pipeline.report.theme import Picture, Theme, figure
from relusweep.pipeline.sweeps.training.again import network_of
from relusweep.tasks.hypersphere.outlines import Outline, outline, outline_kind
from relusweep.tasks.hypersphere.problems import BallAndShell as Bodies
from relusweep.tasks.problems.ball_and_shell import BallAndShell
from relusweep.tasks.regions import Curve
from relusweep.tasks.training_block import TrainingBlock

__all__ = ["outlines", "polygon_tables", "polygons"]

_NAMES = {
    Outline.QUADRILATERAL: "Quadrilateral",
    Outline.HEXAGON: "Hexagon",
    Outline.OTHER: "Another polygon",
    Outline.NOT_CLOSED: "Not closed",
}
_COLUMNS = 4
_MOST_POINTS = 500
_PANEL = (2.3, 2.6)  # inches


def outlines(summary: Summary) -> pd.DataFrame:
    """Trace the regions of all successful networks of two inputs.

    Returns
    -------
    pandas.DataFrame
        A row each: its setting, its ``place`` among the trials, ``right`` (share of the training samples),
        ``outline`` (code of `Outline`) and ``shape`` as in the data.
    """
    known = "parameters" in summary.data and summary.shapes and 2 in summary.data["n_inputs"]
    return pd.DataFrame(
        list(_traced(summary)) if known else [], columns=[*SETTING, "place", "right", "outline", "shape"]
    )


def _traced(summary: Summary) -> Iterator[tuple[Any, ...]]:
    for setting in product(*(summary.data[dim].values.tolist() for dim in SETTING)):
        of_setting = _of_setting(summary, setting)
        for place in np.flatnonzero(of_setting["success_epoch"] >= 0).tolist():
            network = of_setting.isel(trial=place)
            right = float(network["rows_right"] / network["rows"])
            curves = _boundary(network_of(network), network)
            yield *setting, place, right, int(outline_kind(curves)), int(network["shape"])


def _of_setting(summary: Summary, setting: tuple[Any, ...]) -> xr.Dataset:
    return summary.data.sel(dict(zip(SETTING, setting, strict=True)) | {"n_inputs": 2})


def _boundary(block: TrainingBlock, network: xr.Dataset) -> list[Curve]:
    """Trace where a network decides."""
    protocol = block.protocol
    return outline(
        _bodies(block), protocol.network, network["parameters"].values, threshold=protocol.threshold
    )


def _bodies(block: TrainingBlock) -> Bodies:
    problem = block.problem
    assert isinstance(problem, BallAndShell)  # for the type checker: the family has no other
    return problem.bodies(block.setting, problem.n_rows_of(block.setting))


def polygons(summary: Summary, traced: pd.DataFrame) -> Picture | None:
    """Make the picture of some boundaries over the data; None where no network of two inputs succeeded."""
    if traced.empty:
        return None
    chosen = pd.concat([_spread(of_kind) for _, of_kind in traced.groupby("outline")])
    points = f"the first {_MOST_POINTS:,}" if summary.samples > 2 * _MOST_POINTS else "all"
    return Picture(
        name="polygons",
        alt="Small pictures of decision boundaries over samples of ball and shell. " + _in_words(traced),
        caption=(
            "Where networks of two inputs decide, over their own training samples: "
            f"{points} of each class, drawn again from the seed; the ball is the inner class. Every line is "
            "exact: straight between its corners, computed from the weights, within the square that just "
            "holds the shell. Up to four networks of each kind, spread evenly through all that succeeded, in "
            f"the order of the axes. {_in_words(traced)} The kind is that of the closed line around the "
            "middle; other lines, mostly across corners of the square, are drawn but do not count. Some "
            "that are not closed in the square close outside it. Inputs are drawn as the network sees them, "
            "scaled or raw, in squares of one size."
        ),
        draw=partial(_draw, summary, chosen),
    )


def _spread(of_kind: pd.DataFrame) -> pd.DataFrame:
    count = min(len(of_kind), _COLUMNS)
    return of_kind.iloc[np.linspace(0, len(of_kind) - 1, count).round().astype(int)]


def _in_words(traced: pd.DataFrame) -> str:
    counts = traced["outline"].value_counts()
    words = (f"{name.lower()} {counts.get(int(kind), 0):,}" for kind, name in _NAMES.items())
    return f"Of {len(traced):,} successful networks: {', '.join(words)}."


def _draw(summary: Summary, chosen: pd.DataFrame, theme: Theme) -> Figure:
    kinds = [kind for kind in _NAMES if (chosen["outline"] == kind).any()]
    drawing = figure(_COLUMNS * _PANEL[0], len(kinds) * _PANEL[1])
    axes = drawing.subplots(len(kinds), _COLUMNS, squeeze=False)
    for row, kind in zip(axes, kinds, strict=True):
        for axis in row:
            axis.set_axis_off()
        networks = chosen[chosen["outline"] == kind].itertuples(index=False)
        for axis, network in zip(row, networks, strict=False):
            _draw_network(axis, summary, network, theme)
        row[0].text(
            -0.06, 0.5, _NAMES[kind], rotation=90, va="center", ha="right", transform=row[0].transAxes
        )
    return drawing


def _draw_network(axis: Axes, summary: Summary, network: Any, theme: Theme) -> None:
    setting = network[: len(SETTING)]
    one = _of_setting(summary, setting).isel(trial=network.place)
    block = network_of(one)
    drawn = block.problem.draw(block.setting, block.labels, block.trials, block.seed)
    inside = drawn.targets[0] < block.protocol.threshold
    for of_class, colour in zip((inside, ~inside), theme.series, strict=False):
        x, y = drawn.inputs[0][of_class][:_MOST_POINTS].T
        axis.scatter(x, y, s=2.5, color=colour, alpha=0.55, linewidths=0, rasterized=True)
    for curve in _boundary(block, one):
        corners = np.concatenate([curve.corners, curve.corners[:1]]) if curve.closed else curve.corners
        axis.plot(*corners.T, color=theme.ink, linewidth=1.4)
    bodies = _bodies(block)
    reach = 1.04 * bodies.radii.shell_outer / bodies.scale
    axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    loss, leak, batch, inputs = setting
    axis.set_title(
        f"{LOSSES[loss]}, {leak_name(leak)}\nbatch {batch}, {inputs}, trial {int(one['trial'])}: "
        f"{percent(network.right)} %",
        fontsize=7,
        loc="center",
    )


def polygon_tables(traced: pd.DataFrame) -> list[Table]:
    """Make the tables of kinds per loss and leak, and of kinds beside the shapes told from the weights."""
    kinds = {int(kind): name for kind, name in _NAMES.items()}
    shapes = {int(shape): name for shape, name in SHAPES.items()}
    names = traced["outline"].map(kinds)
    settings = [traced["loss"].map(LOSSES).rename("Loss"), traced["leak"].map("{:g}".format).rename("Leak")]
    counts = pd.crosstab(settings, names).reindex(columns=list(kinds.values()), fill_value=0)
    beside = pd.crosstab(names, traced["shape"].map(shapes)).reindex(
        index=list(kinds.values()), columns=list(shapes.values()), fill_value=0
    )
    return [
        Table("Regions of successful networks of two inputs, by loss and leak", _written(counts)),
        Table(
            "The same, by polygon and by the shape told from the weights",
            _written(beside.rename_axis("Polygon")),
        ),
    ]


def _written(counts: pd.DataFrame) -> pd.DataFrame:
    return counts.map("{:,}".format).rename_axis(columns=None).reset_index()
