"""Any part of a group of networks: the labels of each, wherever a selection has put them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.sweeps.training.again import sweep_of_results
from relusweep.pipeline.sweeps.training.of_setting import network_of
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks.axes import Setting
from relusweep.tasks.networks import Network

__all__ = ["Selection", "selection"]


@dataclass(frozen=True)
class Selection:
    """Networks of a training sweep, over the dimensions of a selection.

    Attributes
    ----------
    sweep : TrainingSweep
        That they are of.
    sizes : mapping of str to int
        The dimensions that networks lie along: axes of the sweep, and others that the selection has made.
    labels : mapping of str to xarray.DataArray
        Of every axis of the sweep, over some of the dimensions.
    settings : tuple of mapping
        The combinations of labels that there are, without problems and trials.
    setting : xarray.DataArray
        Which of them each network has, over some of the dimensions.
    """

    sweep: TrainingSweep
    sizes: dict[str, int]
    labels: dict[str, xr.DataArray]
    settings: tuple[Setting, ...]
    setting: xr.DataArray

    def networks(self) -> list[Network]:
        """Give the network of each setting."""
        return [network_of(self.sweep.problem, self.sweep.setting(labels)) for labels in self.settings]

    def everywhere(self, array: xr.DataArray) -> xr.DataArray:
        """Give what lies along some of the dimensions along all of them, in their order."""
        others = {dim: size for dim, size in self.sizes.items() if dim not in array.dims}
        return array.expand_dims(others).transpose(*self.sizes)


def selection(dataset: xr.Dataset, variable: str, imports: Collection[str] = ()) -> Selection:
    """Find the labels of the networks that a dataset holds.

    Parameters
    ----------
    dataset : xarray.Dataset
        A part of a group of a training sweep: after ``sel``, ``isel``, ``stack`` or ``where``.
    variable : str
        What there is of every network.
    imports : collection of str
        Code of the user's own that the sweep may import.

    Raises
    ------
    ValueError
        It is of no training sweep, does not say a label of its networks, or has none.
    """
    sweep = sweep_of_results(dataset, imports)
    sizes = {str(dim): n for dim, n in dataset[variable].sizes.items() if dim not in sweep.inner}
    if empty := [dim for dim, n in sizes.items() if not n]:
        raise ValueError(f"no networks are selected: {empty[0]} has 0 labels; select at least one")
    labels = {dim: _labels(dataset, dim, own, sizes) for dim, own in sweep.axes.items()}
    settings, setting = _combinations({dim: labels[dim] for dim in sweep.places})
    return Selection(sweep, sizes, labels, tuple(settings), setting)


def _labels(dataset: xr.Dataset, dim: str, own: NDArray[Any], sizes: Mapping[str, int]) -> xr.DataArray:
    if dim in dataset.coords and {*dataset.variables[dim].dims} <= {*sizes}:
        known = dataset.variables[dim]
        return xr.DataArray(np.asarray(known.values.tolist()), dims=known.dims)
    if len(own) == 1:
        return xr.DataArray(own[0])
    raise ValueError(
        f"the dataset does not say which {dim} its networks have: keep the coordinate {dim}, and take no "
        "means or maxima along it"
    )


def _combinations(labels: Mapping[str, xr.DataArray]) -> tuple[list[dict[str, Any]], xr.DataArray]:
    """Give the combinations of labels that there are, and which one stands where."""
    distinct, together = {}, xr.DataArray(0)
    for dim, own in labels.items():
        values, inverse = np.unique(own.values, return_inverse=True)
        distinct[dim] = values.tolist()
        if len(values) > 1:
            together = together * len(values) + own.copy(data=inverse.reshape(own.shape))
    numbers, inverse = np.unique(together.values, return_inverse=True)
    places = np.unravel_index(numbers, [len(values) for values in distinct.values()])
    found = [
        {dim: distinct[dim][i] for dim, i in zip(distinct, place, strict=True)}
        for place in zip(*places, strict=True)
    ]
    return found, together.copy(data=inverse.reshape(together.shape))
