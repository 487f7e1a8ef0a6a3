"""What pages show of numbers that were found of networks."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.content import Content, KeyFigure, Section
from relusweep.pipeline.report.derived.tables import HOW, tables
from relusweep.pipeline.report.generic.tables import axes_table, cells_done, variables_table

__all__ = ["content", "sections"]


def sections(dataset: xr.Dataset) -> list[Section]:
    """Give the tables of what probes found, for the page of a sweep."""
    found = tables(dataset)
    return [Section("What probes found of the networks", [HOW, *found])] if found else []


def content(dataset: xr.Dataset) -> Content:
    """Give what the page of a derived group says."""
    of = str(dataset.attrs.get("derived_of"))
    found = tables(dataset)
    return Content(
        subject=f"numbers derived of the networks of {of}",
        heading=f"What was found of the networks of {of}?",
        lead=f"{cells_done(dataset)} cells are computed, each of stored networks.",
        borrowed="",
        chapter="",
        key_figures=[KeyFigure("Computed", cells_done(dataset), f"of the networks of {of}")],
        sections=[
            *([Section("What was found", [HOW, *found])] if found else []),
            Section(
                "What the group holds", [axes_table(dataset, "Axes"), variables_table(dataset, "Variables")]
            ),
        ],
        questions=(),
    )
