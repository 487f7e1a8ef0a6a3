"""What the page of a training sweep says: the axes, what changes along them, what problem and probes add."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import xarray as xr

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.common.wording import counted, label
from relusweep.pipeline.report.content import Block, Content, Folded, KeyFigure, Section
from relusweep.pipeline.report.coverage import coverage
from relusweep.pipeline.report.scale import less_than_named, scale, specification
from relusweep.pipeline.report.text import NOTHING, enumeration
from relusweep.pipeline.report.training.axes import NOUNS, axes_table, fixed, fixed_table, varied
from relusweep.pipeline.report.training.comparison import (
    HOW,
    HOW_BY_LOSS,
    best,
    compared,
    comparison_table,
    paired_axes,
)
from relusweep.pipeline.report.training.curves import curves
from relusweep.pipeline.report.training.differences import differences
from relusweep.pipeline.report.training.families import Family, family_of, of_probes, of_problem, prepared
from relusweep.pipeline.report.training.maps import dots, pair_map
from relusweep.pipeline.report.training.outcome import Outcome, marginal_table, outcome_of, pair_table

__all__ = ["content"]

_MOST_MAPS = 6
_MOST_ROWS = 15
_NUMBERS = "The numbers, with intervals"


def content(dataset: xr.Dataset) -> Content:
    """Give what the page of a training sweep says.

    Parameters
    ----------
    dataset : xarray.Dataset
        A group, or a selection from it. Axes of one label may be scalar coordinates.

    Raises
    ------
    ValueError
        The data lack what the figures of their problem need.
    """
    outcome, family = outcome_of(dataset), family_of(dataset)
    own = _of_family(dataset, family) if family else _of_any(dataset, outcome)
    nouns = {**NOUNS, **own.nouns}
    return replace(
        own,
        nouns=nouns,
        smaller=own.smaller or less_than_named(dataset, nouns),
        sections=[
            Section("What was asked", _axes(dataset, outcome)),
            *(section for part in outcome.parted for section in _by_axes(part, family)),
            *_pairs(outcome),
            *(section for part in outcome.parted for section in _curves(dataset, part)),
            *(section for page in of_probes(dataset, "page") for section in _of_probe(page, dataset)),
            *own.sections,
        ],
    )


def _of_probe(page: Any, dataset: xr.Dataset) -> list[Section]:
    try:
        return list(page.sections(dataset))
    except InvalidSweep as error:  # they need code that only the store names
        return [Section("Not drawn", [f"{error}."])]


def _of_family(dataset: xr.Dataset, family: Family) -> Content:
    """Give what a family says, its first section with a note where axes have become trials."""
    data, note, of = prepared(dataset, family)
    own: Content = family.module("page").content(data)
    if not note:
        return own
    if of:
        own = replace(
            own, lead=f"{own.lead} The key figures are of networks of {of}, the best of their axes."
        )
    first, *others = own.sections
    return replace(own, sections=[replace(first, blocks=[note, *first.blocks]), *others])


def _of_any(dataset: xr.Dataset, outcome: Outcome) -> Content:
    """Give what can be said of networks trained on whatever problem."""
    own = of_problem(dataset, "page")
    kind = str(specification(dataset).get("problem", {}).get("kind", "a problem")).replace("_", " ")
    learned = own.problem_of(dataset) if own else f"the problem {kind}"
    axes = varied(dataset)
    asked = f"depend on {enumeration(axes)}" if axes else "come out"
    many = coverage(dataset).planned
    some = "some of the combinations" if specification(dataset).get("where") else "each combination"
    return Content(
        subject=f"networks trained on {learned}",
        heading=f"How does the {outcome.measure.what.lower()} of networks {asked}?",
        lead=f"{counted(many, 'network')} trained on {learned}, one for {some} of {scale(dataset, NOUNS)}.",
        borrowed="",
        chapter="",
        key_figures=[
            *(figure for part in outcome.parted for figure in _key_figures(part)),
            *(own.key_figures(dataset) if own else []),
        ],
        sections=[],
        questions=own.questions(dataset) if own else Content.questions,
    )


def _key_figures(outcome: Outcome) -> list[KeyFigure]:
    """Give the outcome of all networks, and the best label of those axes that tell most of how to learn."""
    found = outcome.over()
    ends = ("median_low", "median_high") if outcome.by_loss else ("low", "high")
    value, low, high = (float(found[name]) for name in ("value", *ends))
    what = outcome.what if outcome.by_loss else "Succeeded"
    if np.isnan(value):
        return [KeyFigure(what, NOTHING, "no network has run")]
    unit = outcome.measure.unit
    scaled = 100 if unit else 1
    middle = "median of" if outcome.by_loss else "of"
    chosen = [dim for dim in outcome.axes if outcome.data[dim].attrs.get("part") != "problem"]
    note = f"{middle} all networks; 95 %: {scaled * low:.4g} to {scaled * high:.4g}"
    return [
        KeyFigure(what, outcome.write(value) + unit, note),
        *(_best(outcome, dim, unit) for dim in chosen[:2]),
    ]


def _best(outcome: Outcome, dim: str, unit: str) -> KeyFigure:
    values = outcome.over(dim)["value"].to_series().dropna()
    least, most = outcome.write(values.min()), outcome.write(values.max())
    note = f"{most}{unit}; the least success is {least}{unit}"
    if outcome.by_loss:
        note = f"median {least}{unit}; the largest median is {most}{unit}"
    of = f" ({outcome.kind})" if outcome.kind else ""
    return KeyFigure(f"Best {dim}{of}", label(best(outcome, dim)), note)


def _axes(dataset: xr.Dataset, outcome: Outcome) -> list[Block]:
    ran = coverage(dataset)
    sentence = (
        f"{ran.networks:,} of {counted(ran.planned, 'network')} ran, one for each combination of the labels "
        f"of these axes{_chosen(dataset)}."
    )
    same = [Folded("What is the same for all networks", [fixed_table(dataset)])] if fixed(dataset) else []
    margins = [marginal_table(part) for part in outcome.parted]
    shown = [Folded(one.title, [one]) if len(one.cells) > _MOST_ROWS else one for one in margins]
    return [sentence, axes_table(dataset), *same, *shown]


def _chosen(dataset: xr.Dataset) -> str:
    """Say which combinations were asked for, where it is not all."""
    condition = specification(dataset).get("where")
    if not condition:
        return ""
    return f" where {condition}. Labels of one axis may so stand beside different labels of another"


def _by_axes(outcome: Outcome, family: Family | None) -> list[Section]:
    """Show two axes at a time, or the only one, but for what the family shows itself."""
    covered = set(family.dims) if family else set()
    pairs = [pair for pair in combinations(outcome.axes, 2) if not covered.issuperset(pair)]
    heading = f"{outcome.what} by {'two axes at a time' if pairs else 'the axis'}"
    if not pairs:
        alone = [dim for dim in outcome.axes if dim not in covered]
        return [Section(heading, [dots(outcome, dim) for dim in alone])] if alone else []
    blocks: list[Block] = [pair_map(outcome, pair) for pair in pairs[:_MOST_MAPS]]
    if left := pairs[_MOST_MAPS:]:
        names = "; ".join(f"{a} and {b}" for a, b in left)
        blocks.append(f"Not drawn, but in the tables: {names}.")
    return [Section(heading, [*blocks, Folded(_NUMBERS, [pair_table(outcome, pair) for pair in pairs])])]


def _pairs(outcome: Outcome) -> list[Section]:
    """Compare the labels of the axes along which networks start alike."""
    frames = {dim: compared(outcome, dim) for dim in paired_axes(outcome)}
    picture = differences(outcome, frames)
    if picture is None:
        return []
    tables = [comparison_table(outcome, dim, frame) for dim, frame in frames.items()]
    long = [table for table in tables if len(table.cells) > _MOST_ROWS]
    short = [table for table in tables if len(table.cells) <= _MOST_ROWS]
    folded = [Folded("All pairs of labels", long)] if long else []
    how = HOW_BY_LOSS.format(lower=outcome.lower) if outcome.by_loss else HOW
    return [Section("Pairs that differ in one label alone", [how, picture, *short, *folded])]


def _curves(dataset: xr.Dataset, outcome: Outcome) -> list[Section]:
    picture = curves(dataset.sel(loss=[outcome.kind]) if outcome.kind else dataset, outcome)
    heading = f"Learning curves ({outcome.kind})" if outcome.kind else "Learning curves"
    return [Section(heading, [picture])] if picture else []
