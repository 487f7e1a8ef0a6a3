"""Groups of training sweeps, joined along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import xarray as xr

from relusweep.pipeline.common.agreement import differing, differing_in_words
from relusweep.pipeline.common.boxes import lengths
from relusweep.pipeline.common.errors import CannotJoin, ResultsDiffer
from relusweep.pipeline.common.queries import ran
from relusweep.pipeline.common.validation import nearest
from relusweep.pipeline.common.wording import axis
from relusweep.pipeline.sweeps.specification import difference
from relusweep.pipeline.sweeps.training.again import described
from relusweep.pipeline.sweeps.training.selection import Selection, selection
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

__all__ = ["joined"]

_OWN = ("done", "fingerprint")  # of a store, and not of what is joined
_IN_MEMORY = 2**26  # bytes; more stays where it is
_ENTRIES = 2**22  # of a chunk


def joined(datasets: Sequence[xr.Dataset], dim: str) -> xr.Dataset:
    """Join parts of groups along an axis of their sweeps.

    Parameters
    ----------
    datasets : sequence of xarray.Dataset
        With the same labels along all other axes, and the same variables. Where `dim` is a scalar coordinate,
        it becomes a dimension.
    dim : str

    Returns
    -------
    xarray.Dataset
        With the labels of `dim` ascending, and the specification of a sweep of all of them.

    Raises
    ------
    CannotJoin
        The sweeps differ in more than their name, their probes and that axis, or the datasets in more than
        its labels.
    ResultsDiffer
        A network stands in two of them with different results.
    """
    if len(datasets) < 2:
        raise CannotJoin(f"two datasets or more are joined, got {len(datasets)}")
    parts = [_along(dataset, dim) for dataset in datasets]
    whole = reduce(lambda one, other: _pair(one, other, dim), parts)
    sweep = reduce(lambda one, other: one.with_extent(one.union(other.extent())), map(described, datasets))
    order = [name for name in sweep.axes if name in whole.dims]
    ordered = whole.sortby(dim).transpose(*order, ...)
    return ordered.assign_attrs(specification=sweep.specification, **sweep.attrs)


def _along(dataset: xr.Dataset, dim: str) -> xr.Dataset:
    """Make the axis a dimension of a dataset, which stays where it is if it is large."""
    sweep = described(dataset)
    if dim not in sweep.axes:
        there = list(sweep.axes)
        raise CannotJoin(
            f"{sweep.name} has no axis {dim!r}{nearest(dim, there)}; there are {', '.join(there)}"
        )
    found = dataset.drop_vars([name for name in _OWN if name in dataset])
    if dim not in found.coords:
        found = found.assign_coords({dim: sweep.axes[dim][0]})
    if not found[dim].dims:
        found = found.expand_dims(dim)
    if dim not in found.dims:
        raise CannotJoin(f"the labels of {dim} do not lie along a dimension {dim}: unstack the dataset first")
    return found.compute() if found.nbytes <= _IN_MEMORY else found.map(_chunked, keep_attrs=True)


def _chunked(array: xr.DataArray) -> xr.DataArray:
    if array.chunks:
        return array
    stored = array.encoding.get("preferred_chunks", {})
    return array.chunk(lengths({str(dim): n for dim, n in array.sizes.items()}, _ENTRIES, stored))


def _pair(one: xr.Dataset, other: xr.Dataset, dim: str) -> xr.Dataset:
    _check_sweeps(described(one), described(other), dim)
    first, second = (selection(part, "success_epoch", described(part).own_code) for part in (one, other))
    _check_labels(first, second, dim)
    if lacking := {*one.data_vars} ^ {*other.data_vars}:
        raise CannotJoin(
            f"{', '.join(sorted(map(str, lacking)))}: in one of the datasets alone; select the variables "
            f"that both have, as {list(map(str, {*one.data_vars} & {*other.data_vars}))}"
        )
    twice = one.indexes[dim].intersection(other.indexes[dim])
    rest = other.sel({dim: other.indexes[dim].difference(twice)})
    if len(twice):
        both = _together(one.sel({dim: twice}), other.sel({dim: twice}))
        one = _concat([one.sel({dim: one.indexes[dim].difference(twice)}), both], dim)
    return _concat([one, rest], dim)


def _concat(parts: Sequence[xr.Dataset], dim: str) -> xr.Dataset:
    some = [part for part in parts if part.sizes[dim]]
    if len(some) == 1:
        return some[0]
    return xr.concat(
        some,
        dim,
        data_vars="minimal",
        coords="different",
        compat="equals",
        join="outer",
        combine_attrs="override",
    )


def _check_sweeps(one: TrainingSweep, other: TrainingSweep, dim: str) -> None:
    """Refuse sweeps whose networks differ otherwise than by their labels."""
    path = one.places[dim].path if dim in one.places else ()
    free = ("name", "probes", ".".join(path))
    changes = [
        f"{change.field} is {change.stored!r} and {change.asked!r}"
        for change in difference(one.identity(), other.identity())
        if not any(change.field == name or change.field.startswith(f"{name}.") for name in free)
    ]
    if changes:
        raise CannotJoin(
            f"{one.name} and {other.name} are not alike but for {dim}: {'; '.join(changes)}. Networks are "
            "joined that could stand in one sweep"
        )


def _check_labels(one: Selection, other: Selection, dim: str) -> None:
    for name in one.labels.keys() - {dim}:
        a, b = one.labels[name], other.labels[name]
        if a.dims != b.dims or not np.array_equal(a.values, b.values):
            words = (axis(np.atleast_1d(of.values).tolist()) for of in (a, b))
            raise CannotJoin(
                f"{name} has other labels in one than in the other: {' and '.join(words)}; select the same "
                "of both with sel"
            )


def _together(one: xr.Dataset, other: xr.Dataset) -> xr.Dataset:
    """Take networks that two datasets have from whichever has them; where both do, they must agree."""
    there, also = ran(one), ran(other)
    dims = tuple(map(str, there.dims))
    both = (there & also).values.reshape(-1)
    names = list(map(str, one.data_vars))
    if wrong := differing(one, other, names, dims, both):
        index = {dim: np.asarray(one.indexes[dim]) for dim in dims}
        grid = np.meshgrid(*index.values(), indexing="ij")
        labels = dict(zip(index, (of.reshape(-1) for of in grid), strict=True))
        a, b = (part.transpose(*dims, ..., missing_dims="ignore") for part in (one, other))
        told = differing_in_words(a, b, wrong, labels, ("in one dataset", "in the other"))
        raise ResultsDiffer(
            f"networks stand in both datasets and are not the same: {told}. Take one of them out with sel"
        )
    return one.where(there, other)
