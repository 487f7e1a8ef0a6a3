"""What `relusweep show` prints of networks of two inputs."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.plane.tables import compression_table, counts_table, maps_table

__all__ = ["overview"]


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give what the probes `regions` and `compression` found."""
    found: list[str | Table] = [counts_table(dataset), maps_table(dataset)] if "n_regions" in dataset else []
    return [*found, *([compression_table(dataset)] if "compressed_rows_right" in dataset else [])]
