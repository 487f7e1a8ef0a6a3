"""Which report reads which kind of sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import xarray as xr

from pipeline.errors import UnknownKind
from pipeline.report import boolean, functions, hypersphere, sine
from pipeline.report.content import Content, Table
from pipeline.report.scale import kind_of

__all__ = ["REPORTS", "Report", "report_on"]


class Report(Protocol):
    """What the package of a kind offers; see `pipeline.report.content`."""

    def content(self, dataset: xr.Dataset) -> Content:
        """Give what its page says."""

    def overview(self, dataset: xr.Dataset) -> Sequence[str | Table]:
        """Give what ``relusweep show`` prints."""


REPORTS: dict[str, Report] = {
    "boolean": boolean,
    "functions": functions,
    "hypersphere": hypersphere,
    "sine": sine,
}


def report_on(dataset: xr.Dataset) -> Report:
    """Find the report that reads a group.

    Raises
    ------
    UnknownKind
        There is none for its kind.
    """
    kind = kind_of(dataset)
    if kind not in REPORTS:
        raise UnknownKind(
            f"no report reads sweeps of the kind {kind!r}, only of: {', '.join(REPORTS)}; "
            "xarray opens any group: xarray.open_dataset(store, engine='relusweep', group=...)"
        )
    return REPORTS[kind]
