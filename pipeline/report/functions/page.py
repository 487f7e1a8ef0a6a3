"""What the page of a sweep over named functions says."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.common.queries import success_rate
from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.report.content import Block, Content, Folded, KeyFigure, Section
from relusweep.pipeline.report.functions.dimensions import dimensions
from relusweep.pipeline.report.functions.heatmaps import heatmaps
from relusweep.pipeline.report.functions.scatter_plots import scatter_plots
from relusweep.pipeline.report.functions.summary import Summary, family_name, summarise
from relusweep.pipeline.report.functions.tables import (
    bound_tables,
    correlation_table,
    extreme_tables,
    family_table,
    function_table,
    size_table,
)
from relusweep.pipeline.report.text import NOTHING, enumeration, leak_name, percent, span
from relusweep.pipeline.report.training.axes import labels

__all__ = ["content"]

_NOUNS = {"problem": "function", "n_inputs": "input count"}
_KINDS = {
    "parity": "Parity is 1 where an odd number of inputs is +1.",
    "random": "A random function is drawn uniformly from all truth tables.",
    "class xor parity": "Class XOR parity is the function of the first four inputs that names an NPN class, "
    "XOR the parity of all inputs; class 00000 is constant, so that this is parity itself, trained from "
    "other starts.",
    "own": "Functions of your own have no measures where they have several outputs, or rows that do not "
    "matter; these rows count as right.",
}
_MEASURES = "Degree, influence and entropy describe the Fourier\N{EN DASH}Walsh spectrum"
_TURNED = ", which XOR with parity turns over: every coefficient moves to those inputs that it did not have"
_EXTREMES = (
    "By the percentage of rows right at the end, mean over the networks of all sizes and trials; ties in the "
    "order of the names. Intervals are 95 % Wilson intervals of success; epochs are those before success, "
    "mean over the networks that succeeded."
)
_CORRELATIONS = (
    "Correlations over all functions mix kinds that differ in much else; those within a kind do not. A dash "
    "stands where a measure, or what it is compared with, is the same for all functions that it is known of."
)


def content(dataset: xr.Dataset) -> Content:
    """Give what the page of a sweep over named functions says.

    Parameters
    ----------
    dataset : xarray.Dataset
        A group such as ``boolean/parity10``, or a selection from it, with all dims: ``problem``,
        ``n_inputs``, ``leak``, ``width``, ``depth`` and ``trial``.
    """
    summary = summarise(dataset)
    inputs = span(summary.data["n_inputs"].values)
    return Content(
        subject=f"Boolean functions of {inputs} inputs",
        heading=f"How well do small networks learn functions of {inputs} inputs?",
        lead=_lead(summary),
        borrowed="Functions, measures and protocol",
        chapter="chapter 3",
        key_figures=[_key_figure(summary, family) for family in summary.families],
        sections=_sections(summary),
        questions=(
            'results.sweep.success_rate("trial")   # rate, low, high per function and size (95 % Wilson)',
            'results.rows_right.mean("trial") / 2**results.n_inputs   # share of the rows right',
            "results.sweep.missing()               # what has not run",
        ),
        nouns=_NOUNS,
    )


def _lead(summary: Summary) -> str:
    """Say in a sentence what was trained on what."""
    data = summary.data
    kinds = [_counted(family, summary.functions(family)) for family in summary.families]
    return (
        f"Networks of width {span(data['width'].values)} and depth {span(data['depth'].values)}, with "
        f"{enumeration([leak_name(float(leak)) for leak in data['leak'].values])}, each started from "
        f"{len(labels(data, 'trial'))} random initialisations and trained on {enumeration(kinds)}, of "
        f"{span(data['n_inputs'].values)} inputs."
    )


def _counted(family: str, count: int) -> str:
    if family == "parity":
        return "parity"
    if family == "random":
        return counted(count, "random function")
    if family == "own":
        return f"{counted(count, 'function')} of your own"
    return f"{counted(count, 'NPN class')} of four inputs XOR parity"


def _kinds(summary: Summary) -> str:
    """Say of the kinds that there are what they are."""
    turned = _TURNED if "class xor parity" in summary.families else ""
    words = [text for family, text in _KINDS.items() if family in summary.families]
    return " ".join([*words, f"{_MEASURES}{turned}."])


def _key_figure(summary: Summary, family: str) -> KeyFigure:
    """Give the success of a kind of functions."""
    part = summary.data.isel(problem=(summary.data["family"] == family).values)
    success = success_rate(part, list(part["success_epoch"].dims))
    rate, low, high = (float(success[name]) for name in ("rate", "low", "high"))
    what = f"Learned, {family_name(family)}"
    if not rate >= 0:
        return KeyFigure(what, NOTHING, "no network has run")
    right = percent(float(part["share"].mean()))
    note = f"of all its networks; 95 %: {100 * low:.2f} to {100 * high:.2f}; {right} % of the rows right"
    return KeyFigure(what, f"{percent(rate)} %", note)


def _sections(summary: Summary) -> list[Section]:
    sections = []
    if maps := heatmaps(summary):
        numbers = Folded("The numbers behind the maps, with intervals", [size_table(summary)])
        sections.append(Section("Success by width and depth", [*maps, *bound_tables(summary), numbers]))
    if by_inputs := dimensions(summary):
        sections.append(Section("By the number of inputs", [by_inputs]))
    sections.append(Section("By kind of functions", [_kinds(summary), family_table(summary)]))
    if points := scatter_plots(summary):
        blocks: list[Block] = [*points, correlation_table(summary), _CORRELATIONS]
        sections.append(Section("What makes a function hard", blocks))
    extremes = extreme_tables(summary)
    every = [Folded("Every function", [function_table(summary)])] if len(extremes) > 1 else []
    sections.append(Section("Hardest and easiest functions", [_EXTREMES, *extremes, *every]))
    return sections
