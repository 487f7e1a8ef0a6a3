"""What `relusweep show` prints of counted stationary points."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.landscape.tables import landscapes, overview_table

__all__ = ["overview"]


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give levels, minima and saddles by class and width."""
    found = list(landscapes(dataset))
    return [overview_table(found)] if found else ["Nothing has been counted yet."]
