"""What the terminal shows of a sweep over networks of images."""

from __future__ import annotations

from collections.abc import Iterator
from shutil import get_terminal_size

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.images.matrices import Matrix, matrices
from relusweep.pipeline.report.images.pruning_tables import tables
from relusweep.pipeline.report.images.sections import section_findings, section_tables
from relusweep.pipeline.report.images.stages import read
from relusweep.pipeline.report.images.tables import accuracy_table, compression_tables

__all__ = ["overview"]


def overview(tree: xr.DataTree) -> list[str | Table]:
    """Give what has not run, accuracy, compression, how alike networks are, their regions, and pruning."""
    stages = read(tree)
    shown: list[str | Table] = [*stages.missing]
    if stages.groups:
        shown.append(accuracy_table(stages))
    if "compression" in stages:
        shown += compression_tables(stages)
    for matrix in matrices(stages):
        shown += _as_table(matrix) if _fits(matrix) else _extremes(matrix)
    if "sections" in stages:
        shown += [*section_tables(stages), *section_findings(stages)]
    if "pruning" in stages:
        shown += tables(stages)
    return shown


def _as_table(matrix: Matrix) -> Iterator[Table]:
    """Give all numbers; columns are numbered like rows, or no terminal would be wide enough."""
    values = matrix.values
    labels = [f"{place} {label}" for place, label in enumerate(values["network_from"].values, start=1)]
    columns = {f"{place}": _written(matrix, row) for place, row in enumerate(values.values.T, start=1)}
    title = f"{matrix.title}: {matrix.unit} (from row to column)"
    yield Table(title, pd.DataFrame({"": labels, **columns}))


def _written(matrix: Matrix, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[str]:
    return [matrix.write(float(value)) for value in values]


def _fits(matrix: Matrix) -> bool:
    """Tell whether all numbers fit side by side into the terminal."""
    (table,) = _as_table(matrix)
    cells = [table.cells.columns.tolist(), *table.cells.to_numpy().tolist()]
    widths = [max(map(len, map(str, column))) + 2 for column in zip(*cells, strict=True)]
    return sum(widths) <= get_terminal_size().columns


def _extremes(matrix: Matrix) -> Iterator[Table]:
    """Give the least and the largest number of two networks, and the span of those of one with itself."""
    pairs = matrix.values.to_series().dropna()
    same = pairs.index.get_level_values("network_from") == pairs.index.get_level_values("network_to")
    rows = []
    for what, of_these in (("two networks", pairs[~same]), ("a network and itself", pairs[same])):
        if len(of_these):
            ordered = of_these.sort_values()
            for which, place in (("least", 0), ("largest", -1)):
                number = matrix.write(float(ordered.iloc[place]))
                rows.append([f"{which}, of {what}", number, *ordered.index[place]])
    yield Table(f"{matrix.title}: {matrix.unit}", pd.DataFrame(rows, columns=["", "number", "from", "to"]))
