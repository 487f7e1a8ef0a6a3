"""Which report reads which kind of sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import xarray as xr

from pipeline.report import boolean, hypersphere
from pipeline.report.content import Content, Table

__all__ = ["REPORTS", "Report", "report_on"]


class Report(Protocol):
    """What the package of a kind offers; see `pipeline.report.content`."""

    def content(self, dataset: xr.Dataset) -> Content:
        """Give what its page says."""

    def overview(self, dataset: xr.Dataset) -> Sequence[str | Table]:
        """Give what ``relusweep show`` prints."""


REPORTS: dict[str, Report] = {"boolean": boolean, "hypersphere": hypersphere}


def report_on(dataset: xr.Dataset) -> Report:
    """Find the report that reads a group.

    Raises
    ------
    ValueError
        There is none for its kind.
    """
    kind = dataset.attrs.get("kind", "boolean")  # the first stores did not say: there was one kind
    if kind not in REPORTS:
        raise ValueError(
            f"no report reads sweeps of the kind {kind!r}, only of: {', '.join(REPORTS)}; "
            "of other groups the data can be opened with xarray"
        )
    return REPORTS[kind]
