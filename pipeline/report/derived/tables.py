"""Tables of numbers that were found of each network, by one axis at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import xarray as xr

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
    return [_table(dataset[name], dims) for name in names if _is_short(dataset[name], dims)]


def _is_short(array: xr.DataArray, dims: tuple[str, ...]) -> bool:
    inner = [size for dim, size in array.sizes.items() if dim not in dims]
    return array.dtype.kind in "iuf" and int(np.prod(inner)) <= _MOST_COLUMNS


def _table(array: xr.DataArray, dims: tuple[str, ...]) -> Table:
    known = array.load()
    if "other_trial" in dims:  # a network and itself are no pair
        known = known.where(known["trial"] != known["other_trial"])
    rows = [_row(known, dims, "all", "")]
    for dim in dims:
        if dim not in ("trial", "other_trial") and 1 < known.sizes[dim] <= _MOST_LABELS:
            rows += list(_margin(known, dims, dim))
    words = str(array.attrs.get("long_name", array.name))
    return Table(words[:1].upper() + words[1:], pd.DataFrame(rows))


def _margin(array: xr.DataArray, dims: tuple[str, ...], dim: str) -> Iterator[dict[str, str]]:
    for place, value in enumerate(array[dim].values.tolist()):
        yield _row(array.isel({dim: [place]}), dims, "" if place else dim, label(value))


def _row(array: xr.DataArray, dims: tuple[str, ...], by: str, of: str) -> dict[str, str]:
    flat = array.stack(network=dims, create_index=False)  # noqa: PD013  (of xarray)
    inner = [str(dim) for dim in flat.dims if dim != "network"]
    cells = {"By": by, "Label": of}
    for place in np.ndindex(*(flat.sizes[dim] for dim in inner)):
        one = flat.isel(dict(zip(inner, place, strict=True)))
        head = ", ".join(f"{dim.replace('_', ' ')} {label(one[dim].item())}" for dim in inner)
        cells[head or "Median [90 %]"] = _written(one.values)
    return cells


def _written(values: np.ndarray) -> str:
    known = values[~np.isnan(values.astype(float))]
    if not len(known):
        return NOTHING
    low, middle, high = (significant(float(value)) for value in np.quantile(known, _SHARES))
    return f"{middle} [{low}, {high}]"
