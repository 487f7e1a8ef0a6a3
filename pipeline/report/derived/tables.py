"""Tables of numbers that were found of each network, by one axis at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.scale import kind_of, specification
from relusweep.pipeline.report.text import NOTHING, significant

__all__ = ["HOW", "tables"]

HOW = (
    "Medians over networks, or pairs, and in brackets the span of the middle 90 %. All labels of other "
    "axes are taken together; networks that did not stay finite do not count."
)
_MOST_LABELS, _MOST_COLUMNS = 20, 8
_SHARES = (0.05, 0.5, 0.95)
_OF_PROBES: Mapping[str, tuple[str, ...]] = {
    "dead_units": ("dead_units",),
    "margins": ("margin",),
    "sharpness": ("sharpness",),
    "weight_norms": ("weight_norm",),
}
_OF_THE_STORE = ("done", "fingerprint")


def tables(dataset: xr.Dataset) -> list[Table]:
    """Make a table of each variable that has few numbers a network; of a sweep, of those of some probes."""
    if kind_of(dataset) == "derived":
        names = [str(name) for name in dataset.data_vars if name not in _OF_THE_STORE]
        dims = tuple(map(str, dataset["done"].dims))
    else:
        kinds = [probe["kind"] for probe in specification(dataset).get("probes", [])]
        names = [name for kind in kinds for name in _OF_PROBES.get(kind, ()) if name in dataset]
        dims = tuple(map(str, dataset["success_epoch"].dims))
    return [_table(dataset, name, dims) for name in names if _is_short(dataset[name], dims)]


def _is_short(array: xr.DataArray, dims: tuple[str, ...]) -> bool:
    inner = [size for dim, size in array.sizes.items() if dim not in dims]
    return array.dtype.kind in "iuf" and int(np.prod(inner)) <= _MOST_COLUMNS


def _table(dataset: xr.Dataset, name: str, dims: tuple[str, ...]) -> Table:
    array = dataset[name].transpose(*dims, ...)
    at = _done(dataset, dims)  # of the many cells of some groups few are
    values = array.values[tuple(at.values())]
    rows = [_row(array, values, "all", "")]
    for dim in dims:
        if dim not in ("trial", "other_trial") and 1 < array.sizes[dim] <= _MOST_LABELS:
            for place, value in enumerate(array[dim].values.tolist()):
                rows.append(_row(array, values[at[dim] == place], "" if place else dim, label(value)))
    words = str(array.attrs.get("long_name", array.name))
    return Table(words[:1].upper() + words[1:], pd.DataFrame(rows))


def _done(dataset: xr.Dataset, dims: tuple[str, ...]) -> dict[str, NDArray[np.intp]]:
    """Give the places of what is computed along each dimension; a network and itself are no pair."""
    there = dataset["done"] == 1 if "done" in dataset else dataset["success_epoch"] >= -1
    done = np.nonzero(there.transpose(*dims).values)
    if "other_trial" in dims:
        one, other = (dataset[dim].values[done[dims.index(dim)]] for dim in ("trial", "other_trial"))
        done = tuple(place[one != other] for place in done)
    return dict(zip(dims, done, strict=True))


def _row(array: xr.DataArray, values: NDArray[Any], by: str, of: str) -> dict[str, str]:
    """Write a row of some networks' values: (n_networks, …)."""
    inner = [str(dim) for dim in array.dims[array.ndim - values.ndim + 1 :]]
    cells = {"By": by, "Label": of}
    for place in np.ndindex(*values.shape[1:]):
        at = dict(zip(inner, place, strict=True))
        head = ", ".join(
            f"{dim.replace('_', ' ')} {label(array[dim].values[i].item())}" for dim, i in at.items()
        )
        cells[head or "Median [90 %]"] = _written(values[:, *place])
    return cells


def _written(values: NDArray[Any]) -> str:
    known = values[~np.isnan(values.astype(float))]
    if not len(known):
        return NOTHING
    low, middle, high = (significant(float(value)) for value in np.quantile(known, _SHARES))
    return f"{middle} [{low}, {high}]"
