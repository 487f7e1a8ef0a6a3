"""What `relusweep show` prints of numbers that were found of networks."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.derived.tables import tables
from relusweep.pipeline.report.generic.tables import axes_table, cells_done, variables_table
from relusweep.pipeline.report.scale import kind_of

__all__ = ["overview"]


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give the tables; of a derived group also what it is of, and what it holds."""
    found: list[str | Table] = [*tables(dataset)]
    if kind_of(dataset) != "derived":
        return found
    of = f"Derived of {dataset.attrs.get('derived_of')}; computed: {cells_done(dataset)}"
    return [of, axes_table(dataset, "Axes"), variables_table(dataset, "Variables"), *found]
