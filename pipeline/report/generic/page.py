"""The page of a sweep of any kind."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.content import Content, KeyFigure, Section
from relusweep.pipeline.report.generic.tables import axes_table, cells_done, groups_of, variables_table
from relusweep.pipeline.report.scale import kind_of

__all__ = ["content"]


def content(data: xr.Dataset | xr.DataTree) -> Content:
    """Give how much is computed, and for every group its axes and variables."""
    groups, kind = groups_of(data), kind_of(data)
    return Content(
        subject=f"a sweep of the kind {kind}",
        heading="What has been computed?",
        lead=f"No report is of sweeps of the kind {kind}: this page says what any does.",
        borrowed="",
        chapter="",
        key_figures=[
            KeyFigure(f"Cells computed {name}".strip(), cells_done(group), "of those in these data")
            for name, group in groups.items()
        ],
        sections=[_section(name, group) for name, group in groups.items()],
        questions=(),
    )


def _section(name: str, group: xr.Dataset) -> Section:
    tables = [axes_table(group, "Axes"), variables_table(group, "Variables")]
    return Section(name.capitalize() or "Axes and variables", tables)
