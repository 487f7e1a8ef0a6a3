"""What the terminal shows of the frontier."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.frontier.summary import summarise
from relusweep.pipeline.report.frontier.tables import power_table, shape_table

__all__ = ["overview"]


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give the classes by shape, and whether swaps below width to the depth suffice."""
    frontier = summarise(dataset)
    return [shape_table(frontier), power_table(frontier)]
