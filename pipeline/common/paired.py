"""Comparing the labels along an axis: by pairs where the same trial starts alike at every label."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.common.queries import epochs_of, paired_along, ran
from relusweep.tasks.medians import mann_whitney, median, median_difference
from relusweep.tasks.statistics import (
    difference_interval,
    fisher,
    holm,
    mantel_haenszel,
    mcnemar,
    paired_difference_interval,
)

__all__ = ["compare", "judged_by_loss"]

Found = dict[str, xr.DataArray]
How = dict[str, str]

_NEWCOMBE = "95 %, R. G. Newcombe, Statistics in Medicine 17 (1998)"
_MCNEMAR: How = {"test": "McNemar's exact test", "interval": f"{_NEWCOMBE}, 2635-2650, method 10, of pairs"}
_FISHER: How = {"test": "Fisher's exact test", "interval": f"{_NEWCOMBE}, 873-890, method 10"}
_STRATIFIED: How = {**_FISHER, "test": "Cochran-Mantel-Haenszel test"}
_SIGN: How = {"test": "sign test", "interval": "95 %, of the sign test, whatever the distribution"}
_RANKS: How = {
    "test": "Mann-Whitney test",
    "interval": "95 %, of Zou and Donner (2008) from those of the medians",
}

_WORDS = {
    "rate": "share of networks that succeeded, of those compared",
    "baseline_rate": "share that succeeded at the baseline, of those compared",
    "median": "median, of the networks compared",
    "baseline_median": "median at the baseline, of the networks compared",
    "difference": "this label less the baseline",
    "low": "lower end of the 95 % interval of the difference",
    "high": "upper end of the 95 % interval of the difference",
    "pairs": "complete pairs: both networks ran",
    "alone": "pairs of which the one of this label alone succeeded",
    "baseline_alone": "pairs of which the one of the baseline alone succeeded",
    "lower": "pairs of which the one of this label is lower",
    "higher": "pairs of which the one of this label is higher",
    "incomplete": "pairs left out: only one of the two networks ran",
    "networks": "networks compared",
    "baseline_networks": "networks compared at the baseline",
    "p_value": "two-sided p value, NaN where nothing was tested",
    "p_adjusted": "p value corrected for the number of tests (Holm)",
}
_IN_UNITS = ("median", "baseline_median", "difference", "low", "high")


def compare(
    dataset: xr.Dataset,
    dim: str,
    *,
    over: str | Collection[Hashable] = "trial",
    baseline: Any = None,
    level: float = 0.05,
    variable: str | None = None,
) -> xr.Dataset:
    """Compare every label of an axis with one of them, for each combination of the other axes.

    Parameters
    ----------
    dataset
    dim
        Axis whose labels are compared.
    over
        Dimension or dimensions to take together, as ``"trial"`` or ``["problem", "trial"]``.
    baseline
        Label that the others are compared with; by default the first.
    level
        Of significance, of the p values after their correction.
    variable
        What is compared, as ``"final_loss"``; ``"success_epoch"`` means success. By default success, or the
        final loss where there is no success to tell.

    Returns
    -------
    Dataset
        Over the other dimensions, then `dim` without the baseline; in memory.

        Of success: ``rate`` and ``baseline_rate`` of the networks compared; ``difference``, the first less
        the second, with its 95 % interval from ``low`` to ``high`` (Newcombe's, method 10). Of other
        variables: ``median`` and ``baseline_median`` in the place of rates. By pairs, ``difference`` is then
        the median of the differences of pairs.

        By pairs: how many ``pairs`` are complete, ``alone`` and ``baseline_alone`` (that one of the two
        alone succeeded), or ``lower`` and ``higher``; ``incomplete`` pairs, of which one network ran, are
        left out. Else: how many ``networks`` and ``baseline_networks``.

        ``p_value``, ``p_adjusted`` (for all tests of the result, after Holm) and ``significant``. NaN where
        nothing ran, or no pair is complete.

        Attributes: ``paired`` (1: by pairs), ``test``, ``interval``, ``correction``, ``tests`` (how many),
        ``dim``, ``over``, ``variable``, ``level``. The coordinate ``baseline`` is its label.

    Raises
    ------
    ValueError
        `dim` is no axis of several labels; `over` holds it, or networks that start alike; there is no such
        baseline or variable; or its values mean something else at every label.

    Notes
    -----
    Where the attribute ``paired_along`` names `dim`, the same trial starts from the same weights at each
    label. Then success is compared by McNemar's exact test, and values by the sign test: losses
    differ by orders of magnitude, to which it is indifferent, and it needs no symmetry. Elsewhere, networks
    are taken as independent: success is compared by Fisher's exact test or, over more than trials, by the
    test of Cochran, Mantel and Haenszel, stratum by stratum; values, all together, by that of Mann and
    Whitney. See `relusweep.tasks.statistics` and `relusweep.tasks.medians` for sources.

    A loss that is not a number (the network diverged) counts as infinite.
    """
    dims: list[Hashable] = [over] if isinstance(over, str) else list(dict.fromkeys(over))
    variable = variable or ("final_loss" if judged_by_loss(dataset) else "success_epoch")
    _check_axes(dataset, dim, dims)
    _check_variable(dataset, variable, [dim, *dims])
    if not 0 < level < 1:
        raise ValueError(f"level is a probability, as 0.05; got {level}")
    sides = _Sides(dim, _place(dataset, dim, baseline), dataset.sizes[dim])
    paired = dim in paired_along(dataset)
    bare = dataset.drop_vars(list(dataset.coords))
    if variable == "success_epoch":
        found, how = (_paired_rates if paired else _rates)(bare, sides, dims)
        units = "1"
    else:
        found, how = (_paired_values if paired else _values)(_values_of(bare, variable), sides, dims)
        units = dataset[variable].attrs.get("units", "1")
    tested = _tested(found, dim, level, units)
    attrs = {"dim": dim, "over": dims, "variable": variable, "level": level, "paired": int(paired), **how}
    return tested.assign_coords(sides.labels(dataset, tested.sizes.keys())).assign_attrs(attrs)


def judged_by_loss(dataset: xr.Dataset) -> bool:
    """Tell whether networks only do better or worse, as those that fit a function without a bar to meet."""
    return "final_loss" in dataset and not {"rows_right", "tries"} & set(dataset.data_vars)


@dataclass(frozen=True)
class _Sides:
    """The baseline of an axis, and its other labels."""

    dim: str
    place: int
    size: int

    def __call__(self, array: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
        return array.isel({self.dim: self.place}), array.isel({self.dim: self._others})

    @property
    def _others(self) -> list[int]:
        return [place for place in range(self.size) if place != self.place]

    def labels(self, dataset: xr.Dataset, dims: Collection[Hashable]) -> xr.Coordinates:
        """Give what is known of the labels along dimensions, and the baseline."""
        known = dataset.assign_coords({self.dim: dataset[self.dim]}).coords.to_dataset()
        others = known.isel({self.dim: self._others}).drop_dims(known.sizes.keys() - {*dims})
        return others.assign_coords(baseline=dataset[self.dim][self.place].item()).coords


def _place(dataset: xr.Dataset, dim: str, baseline: Any) -> int:
    labels: list[Any] = dataset[dim].to_numpy().tolist()
    if baseline is None:
        return 0
    if baseline not in labels:
        raise ValueError(f"{dim} has no label {baseline!r} for a baseline; there are {_listed(labels)}")
    return labels.index(baseline)


def _check_axes(dataset: xr.Dataset, dim: str, over: list[Hashable]) -> None:
    axes = epochs_of(dataset).sizes
    several = _listed([name for name, size in axes.items() if size > 1 and name not in over])
    several = f"axes of several labels are {several}"
    if dim not in axes and (dim not in dataset.coords or dataset[dim].ndim):
        raise ValueError(f"no axis {dim!r} here; {several}")
    if axes.get(dim, 1) == 1:
        raise ValueError(
            f"{dim} is fixed at {dataset[dim].to_numpy().ravel()[0]} here: extend the sweep to compare "
            f"(--set {dim}=…,…), or choose more of its labels; {several}"
        )
    if dim in over:
        raise ValueError(f"over holds {dim!r}, whose labels are to be compared; {several}")
    if not over or not {*over} <= axes.keys():
        raise ValueError(f"over is {_listed(over)}; it names one or more of the axes {_listed(axes)}")
    if alike := [name for name in over if name in paired_along(dataset) and axes[name] > 1]:
        raise ValueError(
            f"over holds {alike[0]!r}, along which the same trial starts alike: taken together, its networks "
            "are not independent, and no test would hold. Leave it out of over, or choose one of its labels"
        )


def _check_variable(dataset: xr.Dataset, variable: str, dims: list[Hashable]) -> None:
    fit = [str(name) for name, array in dataset.data_vars.items() if {*dims} <= {*array.dims}]
    if variable not in fit:
        raise ValueError(f"no variable {variable!r} along {_listed(dims)}; there are {_listed(fit)}")
    if dims[0] == "loss" and variable.endswith("loss"):
        raise ValueError(
            f"{variable} is another measure at each label of loss; compare success, or another variable"
        )


def _listed(names: Collection[Any]) -> str:
    return ", ".join(map(str, names)) or "none"


def _counted(kinds: Mapping[str, xr.DataArray], over: list[Hashable]) -> dict[str, xr.DataArray]:
    """Count over dimensions, of all kinds in one go through the data."""
    counts = xr.Dataset({name: kind.sum(over) for name, kind in kinds.items()}).compute()
    return {str(name): count for name, count in zip(counts, xr.broadcast(*counts.values()), strict=True)}


def _paired_rates(dataset: xr.Dataset, sides: _Sides, over: list[Hashable]) -> tuple[Found, How]:
    (ran_a, ran_b), (a, b) = sides(ran(dataset)), sides(dataset["success_epoch"] >= 0)
    pairs = ran_a & ran_b
    n = _counted(
        {
            "pairs": pairs,
            "both": pairs & a & b,
            "alone": pairs & b & ~a,
            "baseline_alone": pairs & a & ~b,
            "incomplete": ran_a ^ ran_b,
        },
        over,
    )
    both, alone, baseline_alone = n.pop("both"), n["alone"], n["baseline_alone"]
    ends = paired_difference_interval(both, baseline_alone, alone, n["pairs"] - both - alone - baseline_alone)
    of = n["pairs"].where(n["pairs"] > 0)
    rates = {"rate": (both + alone) / of, "baseline_rate": (both + baseline_alone) / of}
    p = mcnemar(baseline_alone, alone)
    return _found(rates, (alone - baseline_alone) / of, *ends, n, p), _MCNEMAR


def _rates(dataset: xr.Dataset, sides: _Sides, over: list[Hashable]) -> tuple[Found, How]:
    """Compare independent networks; what is taken together beside trials is strata."""
    strata = [dim for dim in over if dim != "trial"]
    (ran_a, ran_b), (a, b) = sides(ran(dataset)), sides(dataset["success_epoch"] >= 0)
    kinds = {"baseline_right": a, "baseline_networks": ran_a, "right": b, "networks": ran_b}
    n = _counted(kinds, [dim for dim in over if dim == "trial"])
    if strata:
        comparable = (n["networks"] > 0) & (n["baseline_networks"] > 0)
        by_stratum = [
            count.where(comparable, 0).stack(stratum=strata, create_index=False).transpose("stratum", ...)
            for count in n.values()
        ]
        n = {name: count.sum("stratum").astype(int) for name, count in zip(n, by_stratum, strict=True)}
    p = mantel_haenszel(*by_stratum) if strata else fisher(*n.values())
    ends = difference_interval(*n.values())
    right, baseline_right = n.pop("right"), n.pop("baseline_right")
    rate = right / n["networks"].where(n["networks"] > 0)
    baseline_rate = baseline_right / n["baseline_networks"].where(n["baseline_networks"] > 0)
    rates = {"rate": rate, "baseline_rate": baseline_rate}
    return _found(rates, rate - baseline_rate, *ends, n, p), _STRATIFIED if strata else _FISHER


def _paired_values(values: xr.DataArray, sides: _Sides, over: list[Hashable]) -> tuple[Found, How]:
    a, b = xr.broadcast(*sides(values))
    with np.errstate(invalid="ignore"):
        gap = (b - a).where(a != b, 0.0)  # also of two that are infinite
    complete = gap.notnull()
    n = {
        "pairs": complete.sum(over),
        "lower": (gap < 0).sum(over),
        "higher": (gap > 0).sum(over),
        "incomplete": (a.isnull() ^ b.isnull()).sum(over),
    }
    of = (median(_flat(side.where(complete), over)).median for side in (b, a))
    medians = dict(zip(("median", "baseline_median"), of, strict=True))
    return _found(medians, *median(_flat(gap, over)), n, mcnemar(n["higher"], n["lower"])), _SIGN


def _values(values: xr.DataArray, sides: _Sides, over: list[Hashable]) -> tuple[Found, How]:
    a, b = xr.broadcast(*sides(values))
    n = {"networks": b.notnull().sum(over), "baseline_networks": a.notnull().sum(over)}
    flat_a, flat_b = _flat(a, over), _flat(b, over)
    of_a, of_b = median(flat_a), median(flat_b)
    medians = {"median": of_b.median, "baseline_median": of_a.median}
    return _found(medians, *median_difference(of_a, of_b), n, mann_whitney(flat_a, flat_b)), _RANKS


def _values_of(dataset: xr.Dataset, variable: str) -> xr.DataArray:
    """Read a variable of the networks that ran, in memory."""
    values = dataset[variable].astype(float)
    if variable in ("final_loss", "test_loss"):
        values = values.fillna(np.inf)
    return values.where(ran(dataset)).compute()


def _flat(array: xr.DataArray, over: list[Hashable]) -> NDArray[np.float64]:
    """Put dimensions that are taken together last, as one."""
    return array.stack(sample=over, create_index=False).to_numpy()


def _found(of: Mapping[str, Any], difference: Any, low: Any, high: Any, counts: Found, p: Any) -> Found:
    like = next(iter(counts.values()))
    known = {**of, "difference": difference, "low": low, "high": high, **counts, "p_value": p}
    return {name: like.copy(data=np.asarray(values)) for name, values in known.items()}


def _tested(found: Found, dim: str, level: float, units: str) -> xr.Dataset:
    """Correct the p values for their number, and say what everything is."""
    both = ("pairs",) if "pairs" in found else ("networks", "baseline_networks")
    made = reduce(and_, (found[name] > 0 for name in both))
    p = found["p_value"].where(made)
    p_adjusted = p.copy(data=holm(p))
    tested = xr.Dataset({**found, "p_value": p, "p_adjusted": p_adjusted, "significant": p_adjusted <= level})
    for name, array in tested.data_vars.items():
        words = _WORDS.get(str(name), f"p_adjusted of at most {level:g}")
        array.attrs = {"long_name": words, "units": units if name in _IN_UNITS else "1"}
    tests = int(made.sum())
    return tested.transpose(..., dim).assign_attrs(tests=tests, correction=f"Holm, for {tests:,} tests")
