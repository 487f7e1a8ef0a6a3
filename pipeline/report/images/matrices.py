"""How alike networks are: each measure, from the network of the row to that of the column."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr

from relusweep.pipeline.report.images.stages import MATRICES, Stages
from relusweep.pipeline.report.text import NOTHING, exponent, superscript

__all__ = ["Matrix", "matrices"]


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
