"""What the probe `optimum` adds to the page of a sweep."""

from __future__ import annotations

from collections.abc import Iterator

import xarray as xr

from relusweep.pipeline.report.content import Block, Folded, Section
from relusweep.pipeline.report.optima.pictures import functions, sign_cells
from relusweep.pipeline.report.optima.summary import Case, cases
from relusweep.pipeline.report.optima.tables import (
    class_table,
    families_table,
    landscape_table,
    level_table,
    reached_table,
)

__all__ = ["sections"]

_MOST_LISTED = 200
_WHAT = (
    "The loss is the sum of squared errors. Stationary points come in families: units of each have given "
    "signs at all rows, and output weights of given signs. All points of a family have the same outputs. "
    "Families that exchanging units or negating inputs takes into one another count once, with the number of "
    "their images. All of this is rational arithmetic, nothing is rounded."
)
_KINDS = (
    "A minimum has no point of less loss around it; from a saddle some step goes down. A minimum is strict "
    "if every step but a change of scale of a unit goes up. Inside a cell, where no unit is zero at a row, "
    "the gradient is zero; between cells points are stationary in Clarke's sense: zero is a mean of the "
    "gradients around."
)
_READ = (
    "Of unit 1, w1 is the weight, b1 the bias and o1 the output weight; c is the output bias. What is not "
    "said is free as far as the signs of the units allow. Free: how many numbers can be chosen, the scale of "
    "each unit among them."
)
_RATE = (
    "Training minimises the mean over the rows: of n rows, learning rate n·r there is rate r on the sum. Of "
    "four rows, 0.4 is the rate 0.1 of the source, and the networks are the same bit for bit. Shares are of "
    "the networks that stayed finite."
)
_SYMMETRY = (
    "Classes by how many rows each unit is on at take no notice of the sign of each weight. Cells of signs "
    "have this symmetry, unit by unit; the loss has it only for all units together. So a class may hold "
    "families of several losses, and is then shown once for each."
)


def sections(dataset: xr.Dataset) -> list[Section]:
    """Give the stationary points there are, and how many networks came to which."""
    return [section for case in cases(dataset) for section in _sections(case)]


def _sections(case: Case) -> Iterator[Section]:
    of = f" of {case.name}" if case.name else ""
    yield Section(f"Stationary points reached{of}", list(_reached(case)))
    if case.every is not None:
        yield Section(f"All stationary points{of}", list(_every(case)))


def _reached(case: Case) -> Iterator[Block]:
    yield _WHAT
    yield level_table(case)
    yield _RATE
    classes, reached = class_table(case, case.source), reached_table(case, case.source)
    if classes and reached:
        yield from (classes, _SYMMETRY, reached, _READ)
    yield from functions(case)
    yield from sign_cells(case)
    others = [reached_table(case, setting) for setting in case.settings if setting is not case.source]
    if any(others):
        yield Folded("Families reached in the other settings", [table for table in others if table])


def _every(case: Case) -> Iterator[Block]:
    counted = landscape_table(case)
    if counted and case.every:
        yield counted
        yield _KINDS
        if len(case.every) <= _MOST_LISTED:
            inside = [family for family in case.every if family.inside]
            between = [family for family in case.every if not family.inside]
            yield Folded("All families inside cells", [families_table(case, inside, "Inside cells")])
            yield Folded("All families between cells", [families_table(case, between, "Between cells")])
