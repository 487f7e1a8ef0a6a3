"""Questions to the results of a sweep, on any part of a group: after ``sel``, in memory or lazy.

Each takes a dataset with ``success_epoch`` (−1: never; masked or below: not run).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Hashable
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.common.asked import ASKED, summed
from relusweep.pipeline.common.where import names_in, satisfied
from relusweep.storage import specification_of
from relusweep.tasks.blocks import not_finite
from relusweep.tasks.statistics import Rate, anytime, wilson

__all__ = [
    "epochs_of",
    "hardest",
    "lacking",
    "minimum_width",
    "missing",
    "paired_along",
    "ran",
    "success_rate",
]

_POINT = 0.01 + 1e-9  # one percentage point, whatever the rounding of 0.06 - 0.05


def paired_along(dataset: xr.Dataset) -> list[str]:
    """Name the axes along which the same trial starts from the same weights."""
    known = dataset.attrs.get("paired_along", ())
    if isinstance(known, str):
        known = json.loads(known) if known.startswith(("[", '"')) else known
    return [str(dim) for dim in np.ravel(known)]


def success_rate(
    dataset: xr.Dataset, dim: str | Collection[Hashable], at_least: float | None = None
) -> xr.Dataset:
    """Share of the networks that succeeded, of those that ran.

    Parameters
    ----------
    dataset
    dim
        Dimension or dimensions to take together, as ``"trial"`` or ``["problem", "trial"]``.
    at_least
        Share of right rows that counts as success, above 0 and up to 1: of the test set where there is one
        (``test_rows_right``), else of the training rows (``rows_right``), at the end of the training, by
        networks that stayed finite. By default what the sweep itself called success.

    Returns
    -------
    Dataset
        Over the other dimensions: ``rate``, its 95 % Wilson interval from ``low`` to ``high`` (float64, NaN
        where nothing ran), and how many ``networks`` ran (int64). Networks that start alike, at several
        labels of an axis of ``paired_along``, count as one in the interval: they are not independent. Where
        trials went on until a rule held, also ``anytime_low`` and ``anytime_high``, a 95 % interval that
        holds whatever the rule; Wilson's is for a number of trials fixed beforehand.

    Raises
    ------
    ValueError
        There is no such dimension, `at_least` is no share, or the dataset does not say how many rows were
        right, of how many.
    """
    dims: list[Hashable] = [dim] if isinstance(dim, str) else list(dim)
    epochs = epochs_of(dataset)
    if strangers := [name for name in dims if name not in epochs.dims]:
        from relusweep.pipeline.common.validation import nearest

        raise ValueError(
            f"no dimension {strangers[0]!r}{nearest(str(strangers[0]), map(str, epochs.dims))}; "
            f"there are {', '.join(map(str, epochs.dims))}"
        )
    if alike := [name for name in paired_along(dataset) if name in dims and epochs.sizes.get(name, 1) > 1]:
        there = ran(dataset)
        networks, succeeded = there.sum(dims), _succeeded(dataset, at_least).sum(dims)
        counted = there.any(alike).sum([name for name in dims if name not in alike])
        succeeded = succeeded * (counted / networks.where(networks > 0, 1))
    else:
        sums = summed(
            dataset,
            dims,
            lambda part: xr.Dataset({"networks": ran(part), "succeeded": _succeeded(part, at_least)}),
        )
        networks = counted = sums["networks"]
        succeeded = sums["succeeded"]
    rate, low, high = _interval(wilson, succeeded, counted)
    those = "that succeeded" if at_least is None else f"with {at_least:g} of the rows right, or more"
    found = xr.Dataset(
        {
            "rate": rate.assign_attrs(long_name=f"share of networks {those}", units="1"),
            "low": low.assign_attrs(long_name="lower end of the 95 % Wilson interval", units="1"),
            "high": high.assign_attrs(long_name="upper end of the 95 % Wilson interval", units="1"),
            "networks": networks.assign_attrs(long_name="networks that ran", units="1"),
        }
    )
    if ASKED not in dataset.coords or "trial" not in dims:
        return found
    _, low, high = _interval(anytime, succeeded, counted)
    words = "of the 95 % interval that holds at whatever number of trials one stops"
    return found.assign(
        anytime_low=low.assign_attrs(long_name=f"lower end {words}", units="1"),
        anytime_high=high.assign_attrs(long_name=f"upper end {words}", units="1"),
    )


def _interval(
    of: Callable[..., Rate], succeeded: xr.DataArray, counted: xr.DataArray
) -> tuple[xr.DataArray, ...]:
    found: tuple[xr.DataArray, ...] = xr.apply_ufunc(
        of,
        succeeded,
        counted,
        output_core_dims=[[], [], []],
        dask="parallelized",
        output_dtypes=[float] * 3,
    )
    return found


def hardest(dataset: xr.Dataset, n: int) -> pd.DataFrame:
    """Problems that are most often among the hardest of a size.

    For each size (width, depth, and whatever else varies but leaks and trials), every problem whose success
    rate is within one percentage point of the lowest counts once.

    Parameters
    ----------
    dataset
    n
        Rows at most (for each leak).

    Returns
    -------
    DataFrame
        Columns ``problem`` and ``count`` (of sizes), and ``leak`` before them where it is a dimension;
        largest count first, then by id. Problems that never count are left out.
    """
    epochs = epochs_of(dataset, "problem")
    rate = success_rate(dataset, _among(epochs, "trial"))["rate"].compute()
    hard = rate <= rate.min("problem") + _POINT
    count = hard.astype(np.int64).sum([dim for dim in hard.dims if dim not in ("leak", "problem")])
    leaks = _among(count, "leak")
    table = count.transpose(*leaks, "problem").to_series().reset_index(name="count")
    order = [*leaks, "count", "problem"]
    table = table[table["count"] > 0].sort_values(order, ascending=[name != "count" for name in order])
    return (table.groupby("leak") if leaks else table).head(n).reset_index(drop=True)


def minimum_width(dataset: xr.Dataset) -> xr.DataArray:
    """Least width whose networks of a single hidden layer succeeded at least once.

    Returns
    -------
    DataArray
        int64 over the dimensions other than width, depth and trial; −1 where none succeeded.

    Raises
    ------
    ValueError
        The dataset holds no networks of depth 1.
    """
    epochs = epochs_of(dataset, "width", "depth")
    single = epochs["depth"] == 1
    if not single.any():
        raise ValueError(
            "no networks of depth 1 here: minimum_width() asks for those of a single hidden layer"
        )
    succeeded = ((epochs >= 0) & single).any(_among(epochs, "depth", "trial"))
    none = np.iinfo(np.int64).max
    least = epochs["width"].where(succeeded, none).min(_among(succeeded, "width"))
    least = least.where(least != none, -1).drop_vars(["depth", "width"], errors="ignore")
    words = "least width that succeeded with one hidden layer"
    least.attrs = {"long_name": words, "units": "1", "comment": "-1: none"}
    return least.rename("minimum_width")


def missing(dataset: xr.Dataset) -> pd.DataFrame:
    """Networks not run of those that were asked for, counted; of derived groups those not computed.

    Returns
    -------
    DataFrame
        One row for each combination of the dimensions other than problem and trial of which networks are
        missing; those dimensions, then ``count``. No rows when all have run. A derived group does not say
        which networks were asked for: all of its labels count.
    """
    cells = dataset["done"] if _is_untrained(dataset) else epochs_of(dataset)
    together = _among(cells, "problem", "trial", "other_trial")
    count = summed(dataset, together, lambda part: lacking(part).to_dataset(name="count"))["count"].compute()
    if not count.ndim:
        return pd.DataFrame({"count": [int(count)] if count else []}, dtype=np.int64)
    table = count.to_series().reset_index(name="count")
    return table[table["count"] > 0].reset_index(drop=True)


def lacking(dataset: xr.Dataset) -> xr.DataArray:
    """Tell which networks have not run of those that were asked for: all, or those that ``where`` chooses.

    Where settings have numbers of trials of their own, those that no round has asked for are not lacking.
    """
    absent = ~_computed(dataset)
    if ASKED in dataset.coords and "trial" in dataset.coords:
        return absent & (dataset["trial"] < dataset[ASKED]).drop_attrs(deep=False)
    condition = specification_of(dataset.attrs).get("where") or ""
    names = sorted(names_in(condition)) if condition else []
    if not names or any(name not in dataset.coords for name in names):
        return absent
    found = satisfied(condition, {name: np.atleast_1d(dataset[name].to_numpy()) for name in names})
    asked = xr.DataArray(found, dims=names)
    return absent & asked.squeeze([name for name in names if not dataset[name].ndim])


def epochs_of(dataset: xr.Dataset, *coords: str) -> xr.DataArray:
    """Give success_epoch, with these coordinates (as dimensions or selected).

    Raises
    ------
    ValueError
        It is not there, or lacks one of the coordinates.
    """
    if "success_epoch" not in dataset:
        raise ValueError(f"no success_epoch here, only {list(dataset.data_vars)}: open a group of a sweep")
    epochs: xr.DataArray = dataset["success_epoch"]
    if lacking := [name for name in coords if name not in epochs.coords]:
        raise ValueError(f"success_epoch has no coordinate {lacking}, only {list(epochs.coords)}")
    return epochs


def ran(dataset: xr.Dataset) -> xr.DataArray:
    """Tell which networks ran."""
    there: xr.DataArray = epochs_of(dataset) >= -1  # false where masked (NaN) and where raw (-2)
    return there.drop_attrs(deep=False)  # of epochs: what is counted has others


def _computed(dataset: xr.Dataset) -> xr.DataArray:
    """Tell which networks ran; where nothing is trained, which are done."""
    if _is_untrained(dataset):
        return (dataset["done"] == 1).drop_attrs(deep=False)  # NaN where masked
    return ran(dataset)


def _is_untrained(dataset: xr.Dataset) -> bool:
    return "success_epoch" not in dataset and "done" in dataset


def _succeeded(dataset: xr.Dataset, at_least: Any) -> xr.DataArray:
    if at_least is None:
        return (epochs_of(dataset) >= 0).drop_attrs(deep=False)
    if isinstance(at_least, str):
        raise ValueError(
            f"at_least is a share of the rows, got {at_least!r}; several dimensions are given as a list, as "
            "success_rate(['problem', 'trial'])"
        )
    if not 0 < at_least <= 1:
        raise ValueError(f"at_least is a share of the rows, above 0 and up to 1; got {at_least}")
    right, rows = _rows_right(dataset)
    share = Fraction(str(at_least))  # 0.07 of 100 is 7, which 0.07 * 100 is not
    least = [ceil(share * int(count)) for count in rows.values.flat]
    enough = (right >= rows.copy(data=np.reshape(least, rows.shape))).drop_attrs(deep=False)
    lost = not_finite(dataset)  # infinite outputs may lie on the right side
    return enough if lost is None else enough & ~lost


def _rows_right(dataset: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    """Find the right rows of every network, and of how many: of the test set if there is one."""
    for name, rows in (("test_rows_right", "test_rows"), ("rows_right", "rows")):
        if name in dataset and rows in dataset.coords:
            return dataset[name], dataset[rows]
        if name in dataset and rows in dataset[name].attrs:
            return dataset[name], xr.DataArray(dataset[name].attrs[rows])
    raise ValueError(
        "at_least needs test_rows_right with the coordinate test_rows, or rows_right with the coordinate "
        f"rows, which say how many rows there are; here are only {list(dataset.data_vars)}"
    )


def _among(array: xr.DataArray, *dims: str) -> list[str]:
    return [dim for dim in dims if dim in array.dims]
