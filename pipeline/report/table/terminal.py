"""What `relusweep show` prints of a sweep over tables."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.table.page import sections

__all__ = ["overview"]


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give the tables, and how well they are fitted."""
    blocks = (block for section in sections(dataset) for block in section.blocks)
    return [block for block in blocks if isinstance(block, str | Table)]
