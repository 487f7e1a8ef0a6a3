"""How alike networks are, drawn: a heat map of each measure."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from relusweep.pipeline.report.drawing import draw_numbers, turn_long_labels
from relusweep.pipeline.report.images.matrices import Matrix
from relusweep.pipeline.report.theme import SCALE, Picture, Theme, figure

__all__ = ["heat_map"]

_CELL = (0.56, 0.36)
_WIDE = 20  # times the least number: colours are then logarithmic


def heat_map(matrix: Matrix) -> Picture:
    """Make the picture of a measure of every pair."""
    values = matrix.values
    hatched = " Hatched: has not run, or is not finite." if bool(values.isnull().any()) else ""
    return Picture(
        name=matrix.name,
        alt=f"Heat map of {matrix.title.lower()} between {values.shape[0]} networks, {matrix.unit}: "
        f"{_extremes(matrix)}.",
        caption=f"{matrix.title}, from the network of the row to that of the column. {matrix.explained}"
        f"{' Colour: logarithmic.' if isinstance(_norm(values), LogNorm) else ''}{hatched}",
        draw=partial(_draw, matrix),
    )


def _extremes(matrix: Matrix) -> str:
    if not bool(matrix.values.notnull().any()):
        return "no numbers"
    return f"{matrix.write(float(matrix.values.min()))} to {matrix.write(float(matrix.values.max()))}"


def _draw(matrix: Matrix, theme: Theme) -> Figure:
    values = matrix.values.where(np.isfinite(matrix.values))
    rows, columns = values.shape
    drawing = figure(max(columns * _CELL[0], 3.0) + 2.3, max(rows * _CELL[1], 1.6) + 1.4)
    axis = drawing.subplots()
    norm = _norm(values)
    draw_numbers(axis, values, xr.ones_like(values), theme, norm=norm, write=matrix.write)
    axis.invert_yaxis()
    axis.xaxis.tick_top()
    axis.xaxis.set_label_position("top")
    axis.tick_params(axis="x", length=0)
    turn_long_labels(axis, max(columns * _CELL[0], 3.0) / columns)
    axis.set(xlabel="to", ylabel="from")
    bar = drawing.colorbar(ScalarMappable(norm, SCALE), ax=axis, aspect=30, fraction=0.04, pad=0.02)
    bar.set_label(matrix.unit)
    bar.outline.set_visible(False)
    return drawing


def _norm(values: xr.DataArray) -> Normalize:
    """Span all numbers, where there are any."""
    if not bool(values.notnull().any()):
        return Normalize(0, 1)
    low, high = float(values.min()), float(values.max())
    if 0 < low < high / _WIDE:
        return LogNorm(low, high)
    return Normalize(low, high if high > low else low + 1)
