"""What `relusweep show` prints of the probe `reached`."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.reached.tables import reached_table

__all__ = ["overview"]


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give the table of the losses reached."""
    return [reached_table(dataset)]
