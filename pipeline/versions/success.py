"""How often networks succeeded in either version, counted, and whether that differs by more than chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.versions.bits import CHANGED, Cells
from relusweep.tasks.statistics import (
    benjamini_hochberg,
    difference_interval,
    fisher,
    mantel_haenszel,
    mcnemar,
    paired_difference_interval,
)

__all__ = ["compare_success"]

_MCNEMAR, _FISHER, _MANTEL_HAENSZEL = 1, 2, 3  # flags of `test`

_AT_ONCE = 20_000_000
_NOT_RUN = -2
_COUNTS = (
    "networks_a", "succeeded_a", "networks_b", "succeeded_b",
    "both", "a_alone", "b_alone", "neither", "differs",
)  # fmt: skip
_INDEPENDENT = ("succeeded_a", "networks_a", "succeeded_b", "networks_b")
_SHARE = {"units": "1"}


def compare_success(cells: Cells, status: xr.DataArray, *, paired: bool, level: float) -> xr.Dataset:
    """Compare rates of success of every combination of labels but the trials, and of all problems together.

    Parameters
    ----------
    cells : Cells
        Of a group with ``success_epoch`` and the dimension ``trial``.
    status : xarray.DataArray
        As `Cells.status` gives it.
    paired : bool
        Whether trials of one number began with the same random numbers in both versions.
    level : float
        Of significance, of the p values after their correction.

    Returns
    -------
    xarray.Dataset
        See `relusweep.pipeline.versions.compare.compare`: what is there of rates.
    """
    counts = xr.concat(list(_counted(cells, status)), next(iter(cells.axes)))
    tested = _tested(counts, paired=paired, level=level)
    if "problem" not in counts.dims:
        return tested
    together = _together(counts, paired=paired, level=level)
    return tested.merge(together.rename({name: f"size_{name}" for name in together}))


def _counted(cells: Cells, status: xr.DataArray) -> Iterator[xr.Dataset]:
    """Count over the trials, some labels of the first axis at a time: all at once they may not fit."""
    (first, axis), *others = cells.axes.items()
    step = max(1, _AT_ONCE // max(1, int(np.prod([len(labels) for _, labels in others]))))
    for start in range(0, len(axis), step):
        labels = {**cells.axes, first: axis[start : start + step]}
        a, b = (_epochs(version, labels) for version in (cells.a, cells.b))
        ran_a, ran_b, right_a, right_b = a > _NOT_RUN, b > _NOT_RUN, a >= 0, b >= 0
        pairs = ran_a & ran_b
        kinds = (
            ran_a, right_a, ran_b, right_b,
            pairs & right_a & right_b, pairs & right_a & ~right_b,
            pairs & ~right_a & right_b, pairs & ~right_a & ~right_b,
            (status.isel({first: slice(start, start + step)}) == CHANGED),
        )  # fmt: skip
        yield xr.Dataset({name: kind.sum("trial") for name, kind in zip(_COUNTS, kinds, strict=True)})


def _epochs(version: xr.Dataset, labels: Mapping[str, pd.Index[Any]]) -> xr.DataArray:
    (first, wanted), *_ = labels.items()
    epochs = version["success_epoch"].reset_coords(drop=True).drop_attrs(deep=False)
    there = epochs.indexes[first].intersection(wanted)
    return epochs.sel({first: there}).load().reindex(labels, fill_value=_NOT_RUN)


def _tested(counts: xr.Dataset, *, paired: bool, level: float) -> xr.Dataset:
    """Test every combination in which something differs, or whose trials are others in the two versions."""
    pairs, by_pairs, differs = _pairs(counts, paired)
    apart = (counts["networks_a"] > 0) & (counts["networks_b"] > 0) & ~by_pairs
    p = xr.full_like(pairs, np.nan, float)
    test = xr.zeros_like(pairs, np.int8)
    for which, name in ((differs & by_pairs, _MCNEMAR), (differs & apart, _FISHER)):
        at = which.to_numpy()
        chosen = {key: counts[key].to_numpy()[at] for key in counts}
        independent = (chosen[key] for key in _INDEPENDENT)
        found = mcnemar(chosen["a_alone"], chosen["b_alone"]) if name == _MCNEMAR else fisher(*independent)
        p.to_numpy()[at], test.to_numpy()[at] = found, name
    return _described(counts, pairs, by_pairs, test, p, level)


def _together(counts: xr.Dataset, *, paired: bool, level: float) -> xr.Dataset:
    """Test all problems of a size together: pairs of all of them, or stratum by stratum."""
    comparable = (counts["networks_a"] > 0) & (counts["networks_b"] > 0)
    strata = counts.where(comparable, 0).astype(int).transpose("problem", ...)
    pooled = strata.sum("problem")
    pairs, by_pairs, differs = _pairs(pooled, paired)
    tested = differs & (pooled["networks_a"] > 0) & (pooled["networks_b"] > 0)
    by_problem = mantel_haenszel(*(strata[key] for key in _INDEPENDENT))
    found = np.where(by_pairs, mcnemar(pooled["a_alone"], pooled["b_alone"]), by_problem)
    p = xr.full_like(pairs, np.nan, float).copy(data=np.where(tested, found, np.nan))
    test = pairs.copy(data=np.where(tested, np.where(by_pairs, _MCNEMAR, _MANTEL_HAENSZEL), 0))
    return _described(pooled, pairs, by_pairs, test.astype(np.int8), p, level)


def _pairs(counts: xr.Dataset, paired: bool) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Count the pairs of trials; tell which combinations are compared by them, and which may differ."""
    pairs = counts["both"] + counts["a_alone"] + counts["b_alone"] + counts["neither"]
    return pairs, (pairs > 0) & paired, (counts["differs"] > 0) | (pairs == 0)


def _described(
    counts: xr.Dataset,
    pairs: xr.DataArray,
    by_pairs: xr.DataArray,
    test: xr.DataArray,
    p: xr.DataArray,
    level: float,
) -> xr.Dataset:
    """Put rates, their difference with its interval, and what the test says together."""
    ran_a, ran_b = (counts[f"networks_{which}"] for which in "ab")
    of_a = (counts["both"] + counts["a_alone"]).where(by_pairs, counts["succeeded_a"])
    of_b = (counts["both"] + counts["b_alone"]).where(by_pairs, counts["succeeded_b"])
    rate_a = of_a / pairs.where(by_pairs, ran_a).where(ran_a > 0)
    rate_b = of_b / pairs.where(by_pairs, ran_b).where(ran_b > 0)
    difference = rate_b - rate_a
    of_pairs = paired_difference_interval(
        *(counts[name] for name in ("both", "a_alone", "b_alone", "neither"))
    )
    apart = difference_interval(counts["succeeded_a"], ran_a, counts["succeeded_b"], ran_b)
    low, high = (
        xr.where(  # type: ignore[no-untyped-call]  # untyped in xarray
            by_pairs, one, other
        ).where(~np.isnan(difference))
        for one, other in zip(of_pairs, apart, strict=True)
    )
    q = p.copy(data=benjamini_hochberg(p))
    flags = [0, _MCNEMAR, _FISHER, _MANTEL_HAENSZEL]
    meanings = "none mcnemar fisher cochran_mantel_haenszel"
    alone = "pairs of trials of which only this version's succeeded"
    known: dict[str, tuple[xr.DataArray, str, dict[str, Any]]] = {
        "networks_a": (ran_a, "networks that ran in a", _SHARE),
        "networks_b": (ran_b, "networks that ran in b", _SHARE),
        "rate_a": (rate_a, "share that succeeded in a, of those compared", _SHARE),
        "rate_b": (rate_b, "share that succeeded in b, of those compared", _SHARE),
        "a_alone": (counts["a_alone"], alone, _SHARE),
        "b_alone": (counts["b_alone"], alone, _SHARE),
        "difference": (difference, "rate in b less rate in a", _SHARE),
        "low": (low, "lower end of its 95 % interval (Newcombe)", _SHARE),
        "high": (high, "upper end of its 95 % interval (Newcombe)", _SHARE),
        "test": (test, "test used", {"flag_values": flags, "flag_meanings": meanings}),
        "p_value": (p, "two-sided p value, NaN where nothing was tested", {}),
        "q_value": (q, "p value corrected after Benjamini and Hochberg", {}),
        "significant": (q <= level, f"q_value of at most {level:g}", {}),
    }
    return xr.Dataset(
        {
            name: array.assign_attrs(long_name=long_name, **attrs)
            for name, (array, long_name, attrs) in known.items()
        }
    )
