"""What `relusweep show` prints of networks that start as composed waves."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.claims import claims_table
from relusweep.pipeline.report.compositional.claims import claims
from relusweep.pipeline.report.compositional.summary import cases
from relusweep.pipeline.report.compositional.tables import errors_table, pieces_table
from relusweep.pipeline.report.content import Table

__all__ = ["overview"]


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give the claims, the errors at the best learning rate of each way, and the pieces."""
    if not bool(dataset["spread"].notnull().any()):
        return []
    found = [case for case in cases(dataset) if case.at_paper_rate]
    return [claims_table(claims(dataset)), errors_table(found, best=True), pieces_table(found)]
