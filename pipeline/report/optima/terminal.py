"""What `relusweep show` prints of the probe `optimum`."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.optima.summary import cases
from relusweep.pipeline.report.optima.tables import landscape_table, level_table, reached_table

__all__ = ["overview"]


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give the levels of the loss, the shares that end at each, and the families that were reached."""
    found: list[str | Table] = []
    for case in cases(dataset):
        blocks = landscape_table(case), level_table(case), reached_table(case, case.source)
        found += [table for table in blocks if table]
    return found
