"""Which report reads which kind of sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import xarray as xr

from relusweep.pipeline.common.errors import UnknownKind
from relusweep.pipeline.report import boolean, functions, hypersphere, images, sine
from relusweep.pipeline.report.content import Content, Table
from relusweep.pipeline.report.scale import kind_of

__all__ = ["REPORTS", "Report", "report_on"]


class Report(Protocol):
    """What the package of a kind offers for its group, or its tree; see `report.content`."""

    def content(self, data: Any, /) -> Content:
        """Give what its page says."""

    def overview(self, data: Any, /) -> Sequence[str | Table]:
        """Give what ``relusweep show`` prints."""


REPORTS: dict[str, Report] = {
    "boolean": boolean,
    "functions": functions,
    "hypersphere": hypersphere,
    "images": images,
    "sine": sine,
}


def report_on(data: xr.Dataset | xr.DataTree) -> Report:
    """Find the report that reads a group, or the tree of the stages of a sweep.

    Raises
    ------
    UnknownKind
        There is none for its kind.
    """
    kind = kind_of(data)
    if kind not in REPORTS:
        raise UnknownKind(
            f"no report reads sweeps of the kind {kind!r}, only of: {', '.join(REPORTS)}; "
            "xarray opens any group: xarray.open_dataset(store, engine='relusweep', group=...)"
        )
    return REPORTS[kind]
