"""What xarray calls for ``engine="relusweep"``: the store's engine, with `.sweep` on what it opens."""

from __future__ import annotations

from collections.abc import Collection, Hashable

import pandas as pd
import xarray as xr

from relusweep.pipeline.common.queries import hardest, minimum_width, missing, success_rate
from relusweep.storage.engine import CheckedArray, CheckedStore, RelusweepBackend

__all__ = ["SweepAccessor", "SweepBackend"]


@xr.register_dataset_accessor("sweep")  # type: ignore[no-untyped-call]  # xarray leaves it untyped
class SweepAccessor:
    """Questions to the results of a sweep; needs ``success_epoch``.

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

    def hardest(self, n: int) -> pd.DataFrame:
        """Problems that are most often within one percentage point of the lowest rate of a size: `n` rows."""
        return hardest(self._dataset, n)

    def minimum_width(self) -> xr.DataArray:
        """Least width whose networks of one hidden layer succeeded at least once; −1 where none did."""
        return minimum_width(self._dataset)

    def missing(self) -> pd.DataFrame:
        """Networks not run, counted by the dimensions other than problem and trial."""
        return missing(self._dataset)


class _Array(CheckedArray):
    """Pickled with the name of this module: a lazy dataset has `.sweep` in whatever process it comes to."""

    __slots__ = ()


class _Store(CheckedStore):
    __slots__ = ()
    array_type = _Array


class SweepBackend(RelusweepBackend):
    """The engine that xarray finds."""

    store_type = _Store
