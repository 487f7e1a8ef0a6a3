"""The numbers of the report: everything the pictures and tables show, computed once."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.common.queries import hardest, minimum_width, missing, success_rate

__all__ = ["SIZE_DIMS", "Summary", "by_swaps", "summarise"]

SIZE_DIMS = ("width", "depth")
_DIMS = ("problem", "leak", "width", "depth", "trial")


@dataclass(frozen=True)
class Summary:
    """What the report says of a sweep.

    Attributes
    ----------
    data : xarray.Dataset
        The sweep, in memory, with all five dims.
    by_class : xarray.Dataset
        Success per (problem, leak, width, depth), with 95 % Wilson intervals.
    over_sizes : xarray.Dataset
        Success per (problem, leak), all sizes and trials together.
    by_leak : xarray.Dataset
        Success per leak, all networks together.
    mean : xarray.DataArray
        Success per (leak, width, depth), mean over classes.
    worst : xarray.Dataset
        Success of the least successful class per (leak, width, depth); the coordinate ``problem`` names it.
    ran : xarray.DataArray
        Share of the networks that ran, per (leak, width, depth).
    hardest : pandas.DataFrame
        The classes that are among the hardest at any size, counted per leak, largest count first.
    minimum_width : xarray.DataArray or None
        Least width that succeeded with one hidden layer, per (problem, leak), -1 where none did; None for a
        sweep without depth 1.
    missing : pandas.DataFrame
        What has not run.
    """

    data: xr.Dataset
    by_class: xr.Dataset
    over_sizes: xr.Dataset
    by_leak: xr.Dataset
    mean: xr.DataArray
    worst: xr.Dataset
    ran: xr.DataArray
    hardest: pd.DataFrame
    minimum_width: xr.DataArray | None
    missing: pd.DataFrame

    @property
    def n_inputs(self) -> int:
        """Inputs of the Boolean functions."""
        return int(np.log2(len(str(self.data["truth_table"].values[0]))))

    @property
    def leaks(self) -> list[float]:
        """Leaks of the sweep, in its order."""
        return [float(leak) for leak in self.data["leak"].values]

    @property
    def networks(self) -> int:
        """Networks that ran."""
        return int(self.by_leak["networks"].sum())

    @property
    def planned(self) -> int:
        """Networks of the sweep as it is laid out in the store."""
        return int(np.prod([self.data.sizes[dim] for dim in _DIMS]))

    def uncertainty(self, success: xr.Dataset) -> str:
        """Say how wide the intervals of some success rates are at most, to be put after a noun."""
        half = float((success["high"] - success["low"]).max()) / 2
        return "" if np.isnan(half) else f" (95 % Wilson intervals of at most ±{100 * half:.1f} points)"


def summarise(dataset: xr.Dataset) -> Summary:
    """Compute the numbers of the report.

    Parameters
    ----------
    dataset : xarray.Dataset
        A group such as ``boolean/npn4`` with all five dims.
    """
    data = dataset[["success_epoch"]].transpose(*_DIMS).compute()
    by_class = success_rate(data, "trial")
    sizes = [data.sizes[dim] for dim in ("problem", "trial")]
    rate = by_class["rate"]
    return Summary(
        data=data,
        by_class=by_class,
        over_sizes=success_rate(data, (*SIZE_DIMS, "trial")),
        by_leak=success_rate(data, ("problem", *SIZE_DIMS, "trial")),
        mean=rate.mean("problem"),
        worst=by_class.isel(problem=rate.fillna(2).argmin("problem")),
        ran=by_class["networks"].sum("problem") / np.prod(sizes),
        hardest=hardest(data, data.sizes["problem"]),
        minimum_width=minimum_width(data) if bool((data["depth"] == 1).any()) else None,
        missing=missing(data),
    )


def by_swaps(data: xr.Dataset, rate: xr.DataArray) -> pd.DataFrame:
    """Summarise the success of the classes of each number of swaps.

    Parameters
    ----------
    data : xarray.Dataset
        With ``swaps`` and ``class_size`` along ``problem``.
    rate : xarray.DataArray
        Success of every class, over ``problem``; NaN where nothing ran.

    Returns
    -------
    pandas.DataFrame
        Indexed by swaps, ascending: ``classes`` and ``functions`` that have so many; ``mean``, ``least``,
        ``low`` (5 %), ``median`` and ``high`` (95 %) of the success of those that ran, each class weighing
        the same; the id ``hardest`` of the first class of least success, and how many are ``tied`` there.
    """
    names = ("swaps", "problem", "class_size")
    frame = pd.DataFrame({name: data[name].to_numpy() for name in names} | {"rate": rate.to_numpy()})
    groups = frame.groupby("swaps")
    hardest = frame[frame["rate"] == groups["rate"].transform("min")].groupby("swaps")["problem"]
    return pd.DataFrame(
        {
            "classes": groups.size(),
            "functions": groups["class_size"].sum(),
            "mean": groups["rate"].mean(),
            "least": groups["rate"].min(),
            "low": groups["rate"].quantile(0.05),
            "median": groups["rate"].median(),
            "high": groups["rate"].quantile(0.95),
            "hardest": hardest.first(),
            "tied": hardest.size(),
        }
    )
