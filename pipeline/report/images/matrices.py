"""How alike networks are: a heat map of each measure, from the network of the row to that of the column."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from relusweep.pipeline.report.drawing import draw_numbers
from relusweep.pipeline.report.images.stages import MATRICES, Stages
from relusweep.pipeline.report.text import NOTHING, exponent, superscript
from relusweep.pipeline.report.theme import SCALE, Picture, Theme, figure

__all__ = ["Matrix", "heat_map", "matrices"]

_CELL = (0.56, 0.36)
_WIDE = 20  # times the least number: colours are then logarithmic


class Matrix(NamedTuple):
    """A measure of every pair of networks, as it is shown.

    Attributes
    ----------
    name, title, unit : str
        Its stage, what it is, and in what the numbers are.
    values : xarray.DataArray of shape (network_from, network_to)
        In that unit.
    decimals : int
    explained : str
        What it means, and its direction.
    """

    name: str
    title: str
    unit: str
    values: xr.DataArray
    decimals: int
    explained: str

    def write(self, value: float) -> str:
        """Write a number of it."""
        return NOTHING if np.isnan(value) else f"{value:.{self.decimals}f}".replace("-", "\N{MINUS SIGN}")


def matrices(stages: Stages) -> list[Matrix]:
    """Give the measures that have run."""
    return [_OF[name](stages[name]) for name in MATRICES if name in stages]


def _values(group: xr.Dataset, name: str) -> xr.DataArray:
    return group[name].transpose("network_from", "network_to").load()


def _affine(group: xr.Dataset) -> Matrix:
    return Matrix(
        "affine",
        "Affine maps",
        "accuracy, %",
        100 * _values(group, "accuracy"),
        1,
        "Percentage of test images that are classified right by coefficients of the row's network, mapped by "
        "the affine map that on the training images comes nearest to those of the column's network. "
        "The column's own accuracy is on the diagonal where the map is exact.",
    )


def _distance(group: xr.Dataset) -> Matrix:
    values = _values(group, "distance")
    power = exponent(values)
    return Matrix(
        "distance",
        "Distances",
        f"distance, {superscript(power)}" if power else "distance",
        values / 10.0**power,
        2,
        "Mean squared difference of the coefficients on test images, those of each network in units of its "
        f"largest{f', in {superscript(power)}' if power else ''}. The same in both directions.",
    )


def _cka(group: xr.Dataset) -> Matrix:
    return Matrix(
        "cka",
        "Centred kernel alignment",
        "CKA",
        _values(group, "cka"),
        2,
        "Linear CKA of the coefficients on test images, mean over the outputs: 1 where they are the same up "
        "to rotation, translation and scale; 0 with a network whose coefficients are the same at all images, "
        "as those of a linear one. The same in both directions.",
    )


def _cross_entropy(group: xr.Dataset) -> Matrix:
    return Matrix(
        "cross_entropy",
        "Cross-entropies",
        "cross-entropy, nats",
        _values(group, "cross_entropy"),
        2,
        "Mean over test images of \N{MINUS SIGN}Σ p log q, p being the softmax of the outputs of the row's "
        "network and q of the column's, in nats. On the diagonal is the mean entropy of a network.",
    )


_OF: dict[str, Callable[[xr.Dataset], Matrix]] = {
    "affine": _affine,
    "distance": _distance,
    "cka": _cka,
    "cross_entropy": _cross_entropy,
}


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
    axis.tick_params(axis="x", rotation=90 if columns > 5 else 0, length=0)
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
