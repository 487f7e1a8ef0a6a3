"""What `relusweep show` prints of a training sweep."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.training.axes import axes_table
from relusweep.pipeline.report.training.comparison import compared, comparison_table, paired_axes
from relusweep.pipeline.report.training.families import family_of, of_probes, prepared
from relusweep.pipeline.report.training.outcome import marginal_table, outcome_of

__all__ = ["overview"]


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give the axes, the outcome along them, comparisons by pairs, and what problem and probes add."""
    outcome, family = outcome_of(dataset), family_of(dataset)
    paired = paired_axes(outcome)
    blocks: list[str | Table] = [
        axes_table(dataset),
        *map(marginal_table, outcome.parted),
        *(comparison_table(outcome, dim, compared(outcome, dim)) for dim in paired),
    ]
    if family:
        data, note, _ = prepared(dataset, family)
        blocks += [*([note] if note else []), *family.module("terminal").overview(data)]
    for terminal in of_probes(dataset, "terminal"):
        try:
            blocks += terminal.overview(dataset)
        except InvalidSweep as error:  # it needs code that only the store names
            blocks.append(f"Not shown: {error}.")
    return blocks
