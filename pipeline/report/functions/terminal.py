"""What the terminal shows of a sweep over named functions."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.functions.summary import summarise
from relusweep.pipeline.report.functions.tables import (
    bound_tables,
    correlation_table,
    extreme_tables,
    family_table,
    size_table,
)

__all__ = ["overview"]


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give success by size and by kind of functions, the correlations, and the extreme functions."""
    summary = summarise(dataset)
    sizes = [size_table(summary), *bound_tables(summary)] if summary.has_sizes else []
    related = [correlation_table(summary)] if summary.has_many_functions else []
    return [*sizes, family_table(summary), *related, *extreme_tables(summary)]
