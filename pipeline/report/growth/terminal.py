"""What `relusweep show` prints of constructed networks."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.claims import claims_table
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.growth.claims import claims
from relusweep.pipeline.report.growth.fits import built, fits
from relusweep.pipeline.report.growth.tables import bounds_table, exponents_table, floats_table

__all__ = ["overview"]


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give claims, exponents, bounds, and where floating point breaks."""
    cells = built(dataset)
    if not len(cells):
        return ["Nothing has been built yet."]
    return [
        claims_table(claims(dataset)),
        exponents_table(list(fits(cells))),
        bounds_table(cells),
        floats_table(cells),
    ]
