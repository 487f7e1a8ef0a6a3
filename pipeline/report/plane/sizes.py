"""The networks of a group by their size."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import product

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.common.errors import CannotDraw
from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.text import anchor
from relusweep.pipeline.report.training.axes import varied

__all__ = ["best_network", "by_size", "file_name", "rank", "rows_of"]

_SIZES = ("width", "depth", "widths")
_MOST = 4


def by_size(dataset: xr.Dataset) -> dict[str, xr.Dataset]:
    """Part a group by the sizes of the networks, at most four, spread evenly through all."""
    found = dict(_parts(dataset))
    places = np.unique(np.linspace(0, len(found) - 1, min(len(found), _MOST)).round().astype(int))
    names = list(found)
    return {names[place]: found[names[place]] for place in places}


def file_name(size: str) -> str:
    """Write the name of a size as a part of the name of a file."""
    return anchor(size).removeprefix("section-")


def _parts(dataset: xr.Dataset) -> Iterator[tuple[str, xr.Dataset]]:
    dims = [dim for dim in varied(dataset) if dim in _SIZES]
    for places in product(*(range(dataset.sizes[dim]) for dim in dims)):
        labels = {dim: label(dataset[dim].values[place]) for dim, place in zip(dims, places, strict=True)}
        part = dataset.isel(dict(zip(dims, places, strict=True)))
        if bool(part["success_epoch"].notnull().any()):
            yield ", ".join(f"{dim} {of}" for dim, of in labels.items()) or "all networks", part


def rows_of(values: xr.DataArray, *dims: str) -> NDArray[np.float64]:
    """Give the values of all networks behind some dims: shape (…, n_networks)."""
    moved = values.transpose(..., *dims).to_numpy().astype(float)
    return np.moveaxis(moved.reshape(-1, *(values.sizes[dim] for dim in dims)), 0, -1)


def rank(dataset: xr.Dataset) -> list[dict[Hashable, int]]:
    """Give the places of the networks that stayed finite: most rows right first, then least loss."""
    loss = dataset["final_loss"].load()
    right = dataset["rows_right"].load().transpose(*loss.dims) if "rows_right" in dataset else 0 * loss
    finite = (np.isfinite(loss.values) & (right.values >= 0)).ravel()
    order = np.lexsort((loss.values.ravel(), -right.values.ravel(), ~finite))[: finite.sum()]
    places = (np.unravel_index(int(place), loss.shape) for place in order)
    return [dict(zip(loss.dims, map(int, place), strict=True)) for place in places]


def best_network(dataset: xr.Dataset) -> xr.Dataset:
    """Select the network with the most rows right, and of several the least loss.

    Raises
    ------
    CannotDraw
        None has run and stayed finite, or the dataset has lost what says how they were trained.
    """
    if "specification" not in dataset.attrs:
        raise CannotDraw(
            "the results do not say of which sweep they are: open them with rs.open, and select with sel and "
            "isel, which keep attributes"
        )
    if "final_loss" not in dataset:
        raise CannotDraw(f"only networks that a sweep has trained can be shown; here are {list(dataset)}")
    places = rank(dataset)
    if not places:
        raise CannotDraw("no network of these has run and stayed finite")
    return dataset.isel(places[0])
