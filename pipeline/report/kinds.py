"""Which report reads which kind of sweep."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple, Protocol

import xarray as xr

from relusweep.pipeline.report.content import Content, Table
from relusweep.pipeline.report.scale import kind_of

__all__ = ["GENERIC", "REPORTS", "Report", "report_on"]


class Report(Protocol):
    """What the package of a kind offers for its group, or its tree; see `report.content`."""

    def content(self, data: Any, /) -> Content:
        """Give what its page says."""

    def overview(self, data: Any, /) -> Sequence[str | Table]:
        """Give what ``relusweep show`` prints."""


class _Package(NamedTuple):
    """A package in this folder, loaded as far as it is used: what is printed needs nothing that draws."""

    name: str

    def content(self, data: Any, /) -> Content:
        page: Content = self._module("page").content(data)
        return page

    def overview(self, data: Any, /) -> Sequence[str | Table]:
        printed: Sequence[str | Table] = self._module("terminal").overview(data)
        return printed

    def _module(self, name: str) -> Any:
        return import_module(f"relusweep.pipeline.report.{self.name}.{name}")


_WITHOUT_RATES = ("derived", "growth", "landscape")
REPORTS: dict[str, Report] = {kind: _Package(kind) for kind in ("training", "images", *_WITHOUT_RATES)}

GENERIC: Report = _Package("generic")


def report_on(data: xr.Dataset | xr.DataTree) -> Report:
    """Find the report that reads a group, or the tree of the stages of a sweep: `GENERIC` for other kinds."""
    kind = kind_of(data)
    told = isinstance(data, xr.DataTree) or "success_epoch" in data or kind in _WITHOUT_RATES
    return REPORTS.get(kind, GENERIC) if told else GENERIC
