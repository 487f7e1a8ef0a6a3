"""What xarray calls for ``engine="relusweep"``: the store's engine, with `.sweep` on what it opens."""

from __future__ import annotations

import os
from collections.abc import Collection, Hashable
from typing import Any

import pandas as pd
import xarray as xr

from relusweep.pipeline.common.divergence import diverged
from relusweep.pipeline.common.earlier import brought_up
from relusweep.pipeline.common.frames import frame
from relusweep.pipeline.common.paired import compare
from relusweep.pipeline.common.queries import hardest, minimum_width, missing, success_rate
from relusweep.storage.engine import CheckedArray, CheckedStore, RelusweepBackend
from relusweep.storage.repository import Url

__all__ = ["SweepAccessor", "SweepBackend", "as_opened", "open_results", "open_tree"]


@xr.register_dataset_accessor("sweep")  # type: ignore[no-untyped-call]  # xarray leaves it untyped
class SweepAccessor:
    """Questions to the results of a sweep.

    Most need ``success_epoch``; `diverged` also takes images, and `missing` any group.

    They work on any part of a group (after ``sel``, with dimensions missing), in memory or lazy. Details are
    in `relusweep.pipeline.common.queries`.
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        self._dataset = dataset

    def success_rate(self, dim: str | Collection[Hashable], at_least: float | None = None) -> xr.Dataset:
        """Share of the networks that succeeded, of those that ran, taking dimensions `dim` together.

        Gives ``rate``, its 95 % Wilson interval from ``low`` to ``high``, and the number of ``networks``.
        With `at_least`, a share of right rows counts as success: of the test set where there is one.
        """
        return success_rate(self._dataset, dim, at_least)

    def compare(
        self,
        dim: str,
        *,
        over: str | Collection[Hashable] = "trial",
        baseline: Any = None,
        level: float = 0.05,
        variable: str | None = None,
    ) -> xr.Dataset:
        """Compare every label of an axis with a baseline: by pairs where the same trial starts alike at each.

        Gives rates of success, or medians of a `variable` as ``"final_loss"``, their ``difference`` from
        ``low`` to ``high`` (95 %), and p values, corrected for their number.
        """
        return compare(self._dataset, dim, over=over, baseline=baseline, level=level, variable=variable)

    def hardest(self, n: int) -> pd.DataFrame:
        """Problems that are most often within one percentage point of the lowest rate of a size: `n` rows."""
        return hardest(self._dataset, n)

    def minimum_width(self) -> xr.DataArray:
        """Least width whose networks of one hidden layer succeeded at least once; −1 where none did."""
        return minimum_width(self._dataset)

    def missing(self) -> pd.DataFrame:
        """Networks not run of those asked for, counted by the dimensions other than problem and trial.

        Of a derived group, those of its labels that are not computed.
        """
        return missing(self._dataset)

    def frame(self, *, inner: Collection[str] = (), missing: bool = False) -> pd.DataFrame:
        """One row a network: its labels, and every variable but those with dimensions of their own.

        Of these, `inner` names some: a column for each entry, as ``parameters_0``. Networks that have not run
        have rows only where `missing` is true. `relusweep.export` writes the same to a file, part by part.
        """
        return frame(self._dataset, inner=inner, missing=missing)

    def diverged(self) -> pd.DataFrame:
        """Networks that did not stay finite, counted by the dimensions other than problem and trial."""
        return diverged(self._dataset)


class _Array(CheckedArray):
    """Pickled with the name of this module: a lazy dataset has `.sweep` in whatever process it comes to."""

    __slots__ = ()


class _Store(CheckedStore):
    __slots__ = ()
    array_type = _Array


class SweepBackend(RelusweepBackend):
    """The engine that xarray finds.

    Axes of a sweep that have one value open as scalar coordinates; groups of earlier versions open in the
    form of today.
    """

    store_type = _Store

    def open_dataset(  # type: ignore[override]  # as the class below
        self, filename_or_obj: Url, **options: Any
    ) -> xr.Dataset:
        """Open one group."""
        return as_opened(super().open_dataset(filename_or_obj, **options))

    def open_groups_as_dict(  # type: ignore[override]  # as the class below
        self, filename_or_obj: Url, **options: Any
    ) -> dict[str, xr.Dataset]:
        """Open all groups, or those under one."""
        opened = super().open_groups_as_dict(filename_or_obj, **options)
        return {path: as_opened(group) for path, group in opened.items()}


def open_results(url: Url, group: str, **options: Any) -> xr.Dataset:
    """Open one group as users do; `relusweep.storage.open_dataset` gives it as it is stored."""
    return xr.open_dataset(os.fspath(url), engine=SweepBackend, group=group, **options)


def open_tree(url: Url, **options: Any) -> xr.DataTree:
    """Open all groups, or those under one, as users do."""
    return xr.open_datatree(os.fspath(url), engine=SweepBackend, **options)


def as_opened(stored: xr.Dataset, fixed: Collection[str] | None = None) -> xr.Dataset:
    """Make axes of one value scalar coordinates; bring groups of earlier versions to the form of today.

    Parameters
    ----------
    stored : xarray.Dataset
        A group as it is stored.
    fixed : collection of str, optional
        The axes, by default those that the group names.
    """
    named = stored.attrs.get("fixed", ()) if fixed is None else fixed
    chosen = stored.isel({dim: 0 for dim in named if stored.sizes.get(dim) == 1})
    for name in stored.variables:
        _forget(chosen[name], stored[name].dims)
    return brought_up(chosen)


def _forget(array: xr.DataArray, dims: tuple[Hashable, ...]) -> None:
    """Take the dimensions that are gone from what an array knows of its chunks."""
    kept = [dim in array.dims for dim in dims]
    for key in array.encoding.keys() & {"chunks", "shards"}:
        sizes = array.encoding[key]
        array.encoding[key] = sizes and tuple(
            size for size, is_kept in zip(sizes, kept, strict=True) if is_kept
        )
    if preferred := array.encoding.get("preferred_chunks"):
        array.encoding["preferred_chunks"] = {dim: preferred[dim] for dim in array.dims if dim in preferred}
