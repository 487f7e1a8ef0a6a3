"""What `relusweep show` prints of a sweep of any kind."""

from __future__ import annotations

from collections.abc import Iterator

import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.generic.tables import axes_table, cells_done, groups_of, variables_table
from relusweep.pipeline.report.scale import kind_of

__all__ = ["overview"]


def overview(data: xr.Dataset | xr.DataTree) -> list[str | Table]:
    """Give how much is computed, the axes and the variables."""
    return [f"No report is of sweeps of the kind {kind_of(data)!r}: this is what any says.", *_blocks(data)]


def _blocks(data: xr.Dataset | xr.DataTree) -> Iterator[str | Table]:
    for name, group in groups_of(data).items():
        of = f" of {name}" if name else ""
        yield f"Cells computed{of}: {cells_done(group)}"
        yield axes_table(group, f"Axes{of}")
        yield variables_table(group, f"Variables{of}")
