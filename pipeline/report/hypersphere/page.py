"""What the page of a sweep of balls and shells says."""

from __future__ import annotations

import numpy as np
import xarray as xr

from relusweep.pipeline.common.queries import success_rate
from relusweep.pipeline.report.content import Block, Content, Folded, KeyFigure, Section
from relusweep.pipeline.report.hypersphere.orthogonality import cosine_figures, cosine_table, cosines
from relusweep.pipeline.report.hypersphere.polygons import outlines, polygon_tables, polygons
from relusweep.pipeline.report.hypersphere.polytopes import polytope_figures, polytope_table, polytopes
from relusweep.pipeline.report.hypersphere.shapes import shapes
from relusweep.pipeline.report.hypersphere.success import by_dimension, by_setting
from relusweep.pipeline.report.hypersphere.summary import LOSSES, Summary, summarise
from relusweep.pipeline.report.hypersphere.tables import (
    dimension_table,
    right_table,
    setting_table,
    shape_table,
)
from relusweep.pipeline.report.text import NOTHING, enumeration, leak_name, percent, span
from relusweep.pipeline.report.training.axes import labels, said

__all__ = ["content"]

_NOUNS = {"n_inputs": "dimension", "batch": "batch size", "inputs": "scaling"}

_NUMBERS = "The numbers behind the figure"

_ORTHOGONALITY = (
    "The normals of a hyperoctahedron are orthogonal. Random directions, such as those of hidden units "
    "before training, come closer to that as the dimension grows."
)

_BOUNDARY = """
# A network of two inputs: what it was trained on, drawn again, and the exact polygons where it decides
from relusweep.pipeline.sweeps.training.again import network_of
from relusweep.tasks.hypersphere.outlines import outline

one = results.isel(dict.fromkeys(results["success_epoch"].dims, 0))
network = network_of(one)
points, targets = network.problem.draw(network.setting, network.labels, network.trials, network.seed)[:2]
protocol, ball_and_shell = network.protocol, network.problem.bodies(network.setting, len(targets[0]))
curves = outline(ball_and_shell, protocol.network, one["parameters"], threshold=protocol.threshold)"""


def content(dataset: xr.Dataset) -> Content:
    """Give what the page of a sweep of balls and shells says.

    Parameters
    ----------
    dataset : xarray.Dataset
        A group such as ``hypersphere/annulus``, or a selection from it, with all six dims.
    """
    summary = summarise(dataset)
    return Content(
        subject="a ball and the shell around it",
        heading=f"What do {'the smallest ' * _smallest(summary)}networks close around a ball, and how often?",
        lead=_lead(summary),
        borrowed="Problem, settings and polytopes",
        chapter="chapter 4",
        key_figures=_key_figures(summary),
        sections=_sections(summary),
        questions=(
            'results.sweep.success_rate("trial")   # rate, low, high of every setting (95 % Wilson)',
            "results.sweep.missing()               # what has not run",
            *([_BOUNDARY] if 2 in summary.data["n_inputs"] and "parameters" in summary.data else []),
        ),
        nouns=_NOUNS,
    )


def _smallest(summary: Summary) -> bool:
    """Tell whether all networks are the least that can close a region: one layer of n + 1 units."""
    width, depth = (labels(summary.data, name) for name in ("width", "depth"))
    least = [int(n) + 1 for n in summary.data["n_inputs"]]
    return depth in ([], [1]) and (width in ([], [0], ["auto"]) or width == least)


def _lead(summary: Summary) -> str:
    """Say what was trained on what."""
    dimensions = span(summary.data["n_inputs"].to_numpy())
    losses = enumeration([LOSSES[loss] for loss in summary.data["loss"].values])
    tested = f", and then shown {summary.test_samples:,} others" if summary.test_samples else ""
    width, depth, epochs = (said(summary.data, name) for name in ("width", "depth", "epochs"))
    networks = f"Networks of width {width} and depth {depth}"
    if _smallest(summary):
        networks = (
            "Networks of one hidden layer of n + 1 units, the fewest that can close a region in n dimensions"
        )
    leaks = enumeration([leak_name(leak) for leak in summary.leaks])
    return (
        f"{networks}, with {leaks}, trained with {losses} to tell points of a ball from points of the shell "
        f"around it (n = {dimensions}). Each network has its own {summary.samples:,} samples, half of each "
        "class, its own start and its own order of batches, and is trained for "
        f"{epochs} epochs{tested}."
    )


def _key_figures(summary: Summary) -> list[KeyFigure]:
    """Give the success of every leak, and of every loss where there are some."""
    figures = [_key_figure(summary, "leak", leak, leak_name(leak)) for leak in summary.leaks]
    losses = summary.data["loss"].values
    return figures + [_key_figure(summary, "loss", loss, LOSSES[loss]) for loss in losses if len(losses) > 1]


def _key_figure(summary: Summary, dim: str, label: object, name: str) -> KeyFigure:
    others = [other for other in summary.data["success_epoch"].dims if other != dim]
    success = success_rate(summary.data, others).sel({dim: label})
    rate, low, high = (float(success[end]) for end in ("rate", "low", "high"))
    if np.isnan(rate):
        return KeyFigure(f"Succeeded with {name}", NOTHING, "no network has run")
    note = f"at least {100 * summary.bar:g} % of the training samples right"
    note += f"; 95 %: {100 * low:.1f} to {100 * high:.1f}"
    return KeyFigure(f"Succeeded with {name}", f"{percent(rate)} %", note)


def _sections(summary: Summary) -> list[Section]:
    fit, directions = polytope_figures(), cosine_figures(summary.seed)
    return [
        Section("Success", _success(summary)),
        *([Section("Shapes of the regions", _shapes(summary))] if summary.shapes else []),
        *_plane(summary),
        Section("The two polytopes", [polytopes(fit), Folded(_NUMBERS, [polytope_table(fit)])]),
        Section(
            "Orthogonal directions",
            [_ORTHOGONALITY, cosines(directions), Folded(_NUMBERS, [cosine_table(directions)])],
        ),
    ]


def _success(summary: Summary) -> list[Block]:
    """Show success against the dimension where there are some, of settings where there are some."""
    blocks: list[Block] = []
    if summary.has_dimensions:
        blocks += [by_dimension(summary), dimension_table(summary)]
    if summary.has_settings:
        blocks += [by_setting(summary), setting_table(summary)]
    return blocks


def _shapes(summary: Summary) -> list[Block]:
    return [shapes(summary), shape_table(summary), right_table(summary)]


def _plane(summary: Summary) -> list[Section]:
    """Show polygons, where networks of two inputs succeeded."""
    traced = outlines(summary)
    picture = polygons(summary, traced)
    return [] if picture is None else [Section("In the plane", [picture, *polygon_tables(traced)])]
