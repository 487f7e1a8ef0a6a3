"""Labels of axes as a command writes them: ``width=2,3``."""

from __future__ import annotations

from collections.abc import Iterable

import xarray as xr

from relusweep.pipeline.common.errors import UnknownLabel
from relusweep.pipeline.common.validation import nearest
from relusweep.pipeline.common.wording import axis, label
from relusweep.tasks.axes import listed

__all__ = ["selected"]


def selected(dataset: xr.Dataset, written: Iterable[str]) -> xr.Dataset:
    """Select labels of axes: one label, which takes the axis away, or several, as ``2,3`` or ``2..10``.

    Parameters
    ----------
    dataset : xarray.Dataset
        With ``success_epoch``.
    written : iterable of str
        As ``axis=label``.

    Raises
    ------
    UnknownLabel
        There is no such axis or label.
    """
    for text in written:
        dim, equals, labels = (part.strip() for part in text.partition("="))
        if not equals:
            raise UnknownLabel(f"--label {text}: write axis=label, as --label trial=3")
        dims = list(map(str, dataset["success_epoch"].dims))
        if dim not in dims:
            raise UnknownLabel(f"no axis {dim!r}{nearest(dim, dims)}; there are {', '.join(dims)}")
        words = [label(value) for value in dataset[dim].values.tolist()]
        some = _listed(labels)
        if strange := [part for part in some if part not in words]:
            there = axis(dataset[dim].values.tolist())
            raise UnknownLabel(f"{dim} has no label {strange[0]!r}; there are {there}")
        places = [words.index(part) for part in some]
        dataset = dataset.isel({dim: places[0] if len(places) == 1 else places})
    return dataset


def _listed(text: str) -> list[str]:
    try:
        return [str(part) for part in listed(text)]
    except ValueError as error:
        raise UnknownLabel(f"--label …={text}: {error}") from None
