"""What the probe `reached` adds to the page of a sweep."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.content import Folded, Section
from relusweep.pipeline.report.reached.tables import reached_table

__all__ = ["sections"]

_HOW = (
    "Share of the networks that come down to each loss, with its 95 % Wilson interval, and the median epoch "
    "at which those that do are first seen there: of the epochs that are looked at, and the end. All labels "
    "of other axes are taken together."
)


def sections(dataset: xr.Dataset) -> list[Section]:
    """Give the table of the losses reached, by one axis at a time."""
    return [Section("Epochs to a loss", [_HOW, Folded("By one axis at a time", [reached_table(dataset)])])]
