"""What `relusweep show` prints of what the probe `alignment` looked at."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.alignment.claims import decided
from relusweep.pipeline.report.alignment.frame import networks, remedies
from relusweep.pipeline.report.alignment.growth import exponents_table
from relusweep.pipeline.report.alignment.remedies import remedies_table
from relusweep.pipeline.report.claims import claims_table
from relusweep.pipeline.report.content import Table

__all__ = ["overview"]


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give the claims, the exponents, and the remedies."""
    table = networks(dataset) if "n_regions" in dataset else None
    if table is None or not table["end"].notna().any():
        return []
    beside = [remedies_table(table)] if len(remedies(table)) > 1 else []
    return [claims_table(decided(dataset, table)), exponents_table(table), *beside]
