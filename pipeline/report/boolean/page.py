"""What the page of a Boolean sweep says."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from relusweep.pipeline.report.boolean.coverage import not_in_sweep, not_run
from relusweep.pipeline.report.boolean.heatmaps import heatmaps
from relusweep.pipeline.report.boolean.strip_plots import strip_plots
from relusweep.pipeline.report.boolean.summary import Summary, summarise
from relusweep.pipeline.report.boolean.swaps import distribution
from relusweep.pipeline.report.boolean.tables import (
    hardest_tables,
    most_swaps_table,
    size_table,
    swaps_tables,
    width_tables,
)
from relusweep.pipeline.report.boolean.widths import widths
from relusweep.pipeline.report.content import Block, Content, Folded, KeyFigure, Section
from relusweep.pipeline.report.text import NOTHING, leak_name, percent, span
from relusweep.pipeline.report.training.axes import labels

__all__ = ["content"]

_HARDEST = (
    "At each size, every class whose success rate is within one percentage point of the lowest one "
    "counts once; the tables count over the sizes that ran, the ten largest counts first. Where all"
    " classes do equally well all count, and equal counts are listed by id. A class is named by the"
    " smallest id in it: its truth table, first row (all inputs \N{MINUS SIGN}1) first, read as a binary "
    "number. Swaps is the least number of class changes along a line onto which the inputs can be "
    "projected; degree, influence and entropy describe the Fourier\N{EN DASH}Walsh spectrum. The success "
    "over all sizes has its 95 % Wilson interval in brackets."
)
_SWAPS = (
    "Success by swaps: all sizes and trials of a class together, then summarised over the classes, "
    "each weighing the same. Quantiles of the rates of single classes include the noise of few "
    "trials."
)
_NO_DEPTH_1 = (
    "Not shown: the least width is that of networks with one hidden layer, and no network of depth 1 has run."
)


def content(dataset: xr.Dataset) -> Content:
    """Give what the page of a Boolean sweep says.

    Parameters
    ----------
    dataset : xarray.Dataset
        A group such as ``boolean/npn4``, or a selection from it: dims ``problem``, ``leak``, ``width``,
        ``depth`` and ``trial``.
    """
    summary = summarise(dataset)
    n = summary.n_inputs
    return Content(
        subject=f"Boolean functions of {n} inputs",
        heading=f"Which Boolean functions of {n} inputs do small networks learn?",
        lead=_lead(summary),
        borrowed="Functions, measures and protocol",
        chapter="chapter 3",
        key_figures=_key_figures(summary),
        not_run=not_run(summary),
        smaller=not_in_sweep(summary),
        sections=_sections(summary),
        questions=(
            'results.sweep.success_rate("trial")   # rate, low, high per class and size (95 % Wilson)',
            "results.sweep.hardest(10)             # the tables of this page, as pandas",
            "results.sweep.missing()               # what has not run",
        ),
        nouns={"problem": "class"},
    )


def _lead(summary: Summary) -> str:
    """Say in a sentence what was trained on what."""
    sizes = summary.data.sizes
    trials = len(labels(summary.data, "trial"))
    spans = (span(summary.data[dim].to_numpy()) for dim in ("width", "depth"))
    return (
        f"Networks of width {next(spans)} and depth {next(spans)}, with "
        f"{' and '.join(map(leak_name, summary.leaks))}, each started from {trials:,} random "
        f"initialisations and trained on each of {sizes['problem']:,} classes of functions that differ by "
        "more than negating and permuting inputs and negating the output (NPN classes)."
    )


def _key_figures(summary: Summary) -> list[KeyFigure]:
    """Give the success of every leak."""
    figures = []
    for column, leak in enumerate(summary.leaks):
        rate, low, high = (float(summary.by_leak[name][column]) for name in ("rate", "low", "high"))
        note = f"over all classes and sizes; 95 %: {100 * low:.2f} to {100 * high:.2f}"
        value, note = (f"{percent(rate)} %", note) if rate >= 0 else (NOTHING, "no network has run")
        figures.append(KeyFigure(f"Learned with {leak_name(leak)}", value, note))
    return figures


def _sections(summary: Summary) -> list[Section]:
    hardest: list[Block] = [table for table in hardest_tables(summary) if not table.cells.empty]
    sizes = Folded("The numbers behind the maps, with intervals", [size_table(summary)])
    swaps: list[Block] = [distribution(summary), _SWAPS, *swaps_tables(summary), most_swaps_table(summary)]
    return [
        Section("Success by width and depth", [heatmaps(summary), sizes]),
        Section("Hardest classes", [_HARDEST, *(hardest or ["No network has run yet."])]),
        Section("What makes a function hard", [strip_plots(summary)]),
        Section("Swaps", swaps),
        Section("Least width of a single hidden layer", _least_widths(summary)),
    ]


def _least_widths(summary: Summary) -> Sequence[Block]:
    picture = widths(summary)
    if picture is None:
        return [_NO_DEPTH_1]
    return [picture, Folded("The numbers behind the figure", width_tables(summary))]
