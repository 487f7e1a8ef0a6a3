"""What pruning has left of networks: numbers over instances, with intervals, by share of the weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from relusweep.pipeline.report.images.stages import OPTIMIZERS, Stages
from relusweep.tasks.outcomes import Outcome

__all__ = ["METHODS", "Mean", "Pruned", "mean", "pruned"]

METHODS = ("structural", "magnitude")
"""Both ways of pruning."""

_POINTS = 80  # shares of the weights, evenly on a logarithmic scale

Line = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Shares of the weights, descending, and a number at each."""


class Mean(NamedTuple):
    """A mean over networks, the ends of its interval, and of how many it is; each of one shape."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n: NDArray[np.int64]


def mean(values: ArrayLike) -> Mean:
    """Give the mean of the first axis with its 95 % interval by Student's t; NaN are left out.

    The interval is missing of fewer than two networks.
    """
    from scipy.special import stdtrit

    array = np.asarray(values, dtype=np.float64)
    known = np.isfinite(array)
    n = known.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = np.where(known, array, 0).sum(axis=0) / n
        squares = np.where(known, (array - middle) ** 2, 0).sum(axis=0)
        half = stdtrit(n - 1.0, 0.975) * np.sqrt(squares / (n - 1) / n)
    half = np.where(n > 1, half, np.nan)
    return Mean(middle, middle - half, middle + half, n)


@dataclass(frozen=True)
class Pruned:
    """Instances of an architecture and optimiser.

    Attributes
    ----------
    name : str
        Of them, in words.
    data : xarray.Dataset
        Of the stage ``pruning``, without parameters; and, where it has run, of ``pruning_similarity``.
    """

    name: str
    data: xr.Dataset

    @cached_property
    def share(self) -> xr.DataArray:
        """Share of the weights left, over (network, pruning, step); NaN where there is no network."""
        weights = self.data["weights"].where(np.isfinite(self.data["test_accuracy"]))
        return weights / weights.isel(step=0)

    @cached_property
    def end(self) -> xr.DataArray:
        """Last step that reaches the threshold, over (network, pruning); NaN where none does."""
        reached = self.data["outcome"] == Outcome.REACHES_THRESHOLD
        return self.data["step"].where(reached).max("step")

    def at_end(self, values: xr.DataArray) -> xr.DataArray:
        """Give what values over steps are at the end; NaN where there is none."""
        return values.where(self.data["step"] == self.end).max("step")

    def lines(self, values: xr.DataArray, method: str) -> Iterator[Line]:
        """Give a number of each network, step by step, by share of the weights; perhaps of no steps."""
        for label in self.data["network"].values:
            at = {"network": label, "pruning": method}
            share, y = self.share.sel(at).values, values.sel(at).values
            known = np.isfinite(share) & np.isfinite(y)
            yield share[known], y[known]

    def along(self, values: xr.DataArray, method: str) -> pd.DataFrame:
        """Give a number of every network at the same shares of the weights, between steps on straight lines.

        Parameters
        ----------
        values : xarray.DataArray
            Over (network, pruning, step).
        method : str

        Returns
        -------
        pandas.DataFrame
            Networks that have it as columns, shares as rows, descending: those that all of them come to.
        """
        lines = [line for line in self.lines(values, method) if len(line[0])]
        least = max((share[-1] for share, _ in lines), default=1.0)
        shares = np.geomspace(1, least, _POINTS)
        return pd.DataFrame({number: _between(shares, line) for number, line in enumerate(lines)}, shares)

    def at(self, values: xr.DataArray, method: str, share: float) -> NDArray[np.float64]:
        """Give a number of every network at a share of the weights; NaN of those that do not come to it."""
        return np.array(
            [
                _between(share, line) if len(line[0]) and share >= line[0][-1] else np.nan
                for line in self.lines(values, method)
            ],
            np.float64,
        )


def pruned(stages: Stages) -> list[Pruned]:
    """Take instances of the same architecture and optimiser together, in the order in which they come."""
    data = stages["pruning"].drop_vars("parameters").load()
    if "pruning_similarity" in stages:
        beside = stages["pruning_similarity"].drop_vars(["done", "fingerprint"]).load()
        data = data.merge(beside, join="left", compat="override")
    kinds = [
        f"{architecture}, {OPTIMIZERS[optimizer]}"
        for architecture, optimizer in zip(data["architecture"].values, data["optimizer"].values, strict=True)
    ]
    return [
        Pruned(kind, data.isel(network=np.flatnonzero(np.array(kinds) == kind)))
        for kind in dict.fromkeys(kinds)
    ]


def _between(at: ArrayLike, line: Line) -> NDArray[np.float64]:
    """Interpolate over the logarithms of shares."""
    return np.interp(-np.log(at), -np.log(line[0]), line[1])
