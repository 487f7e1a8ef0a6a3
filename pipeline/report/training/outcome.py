"""What came of the networks of a training sweep, along any of its axes: success, or the final loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.common.queries import lacking, success_rate
from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.text import NOTHING, intervals, percent, significant
from relusweep.pipeline.report.training.axes import varied

__all__ = ["MOST_LABELS", "Outcome", "marginal_table", "outcome_of", "pair_table"]

MOST_LABELS = 20
"""Of an axis of maps, and of tables."""

_MOST_PROBLEMS = 8  # that are compared like any other labels

_QUARTILES = {"low": 0.25, "value": 0.5, "high": 0.75}


@dataclass(frozen=True)
class Outcome:
    """What networks are compared by.

    Attributes
    ----------
    data : xarray.Dataset
        ``success_epoch`` and, where there is no success, ``final_loss``, over the axes; in memory.
    by_loss : bool
        Whether networks can only do better or worse, as those that fit a function without a bar to meet.
    """

    data: xr.Dataset
    by_loss: bool

    @property
    def what(self) -> str:
        """Its name, in words."""
        return "Final loss" if self.by_loss else "Success"

    @property
    def spread(self) -> str:
        """What stands in brackets behind a value."""
        return "quartiles" if self.by_loss else "95 %"

    @cached_property
    def axes(self) -> list[str]:
        """Axes of more than one label and of so few that each can be shown; those that tell most first."""
        most = {"problem": _MOST_PROBLEMS}
        shown = [dim for dim in varied(self.data) if self.data.sizes[dim] <= most.get(dim, MOST_LABELS)]
        return sorted(shown, key=lambda dim: -self.reach(dim))

    def over(self, *dims: str) -> xr.Dataset:
        """Give the outcome over some axes, all others taken together.

        Returns
        -------
        xarray.Dataset
            ``value``: the share of the networks that succeeded, or the median of the final losses that are
            finite; ``low`` and ``high``: its 95 % Wilson interval, or the quartiles; NaN where nothing ran.
            ``networks`` that ran, and ``ran``, their share of those that were asked for.
        """
        others = [dim for dim in self.data["success_epoch"].dims if dim not in dims]
        success = success_rate(self.data, others).rename(rate="value")
        if self.by_loss:
            success = success.assign(_quartiles(self.data["final_loss"], [str(dim) for dim in others]))
        networks = success["networks"]
        ran = networks / (networks + lacking(self.data).sum(others))
        return success.assign(ran=ran.fillna(0)).transpose(*dims)

    def reach(self, dim: str) -> float:
        """Say how far the values of the labels of an axis are apart; 0 where nothing ran."""
        values = self.over(dim)["value"].to_numpy()
        values = values[~np.isnan(values) & ((values > 0) | (not self.by_loss))]
        if not len(values):
            return 0.0
        return float(np.ptp(np.log(values) if self.by_loss else values))

    def write(self, value: float) -> str:
        """Write a value, as a number alone."""
        return significant(value) if self.by_loss else percent(value)

    def written(self, frame: pd.DataFrame) -> list[str]:
        """Write values with what stands in brackets."""
        if not self.by_loss:
            return intervals(frame.rename(columns={"value": "rate"}))
        rows = frame[["value", "low", "high"]].to_numpy()
        return [
            NOTHING if np.isnan(value) else f"{significant(value)} [{significant(low)}, {significant(high)}]"
            for value, low, high in rows
        ]

    @property
    def heading(self) -> str:
        """The heading of a column of values."""
        return f"Final loss, median [{self.spread}]" if self.by_loss else f"Success, % [{self.spread}]"


def outcome_of(dataset: xr.Dataset) -> Outcome:
    """Find what the networks of a sweep are compared by."""
    by_loss = not {"rows_right", "tries"} & set(dataset.data_vars) and "final_loss" in dataset
    names = ["success_epoch", *(["final_loss"] if by_loss else [])]
    return Outcome(dataset[names].compute(), by_loss)


def _quartiles(loss: xr.DataArray, dims: Sequence[str]) -> dict[str, xr.DataArray]:
    """Give quartiles of what is finite; NaN where nothing is."""

    def of(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        flat = values.reshape(-1, prod(values.shape[values.ndim - len(dims) :]))
        known = [np.sort(row[np.isfinite(row)]) for row in flat]
        shares = list(_QUARTILES.values())
        rows = [np.quantile(row, shares) if len(row) else np.full(3, np.nan) for row in known]
        return np.array(rows).reshape(*values.shape[: values.ndim - len(dims)], 3)

    found = xr.apply_ufunc(of, loss, input_core_dims=[list(dims)], output_core_dims=[["quartile"]])
    return {name: found.isel(quartile=place) for place, name in enumerate(_QUARTILES)}


def marginal_table(outcome: Outcome) -> Table:
    """Make the table of the outcome by the labels of every axis but the trials.

    Axes of a single label, which tell nothing, and those of very many are left out.
    """
    shown = [dim for dim in varied(outcome.data) if dim in outcome.axes]
    rows = [_margin(outcome, None), *(_margin(outcome, dim) for dim in shown)]
    title = f"{outcome.what} by one axis at a time, all others together"
    return Table(title, pd.concat(rows, ignore_index=True))


def _margin(outcome: Outcome, dim: str | None) -> pd.DataFrame:
    """Write the rows of an axis; of none, the row of all networks."""
    found = outcome.over(*([dim] if dim else [])).reset_coords(drop=True)
    frame = found.to_dataframe() if dim else found.expand_dims(all=[""]).to_dataframe()
    return pd.DataFrame(
        {
            "By": [dim or "all networks", *[""] * (len(frame) - 1)],
            "Label": frame.index.map(label),
            "Networks": frame["networks"].map("{:,}".format).to_numpy(),
            outcome.heading: outcome.written(frame),
        }
    )


def pair_table(outcome: Outcome, pair: tuple[str, str]) -> Table:
    """Make the table of the outcome over two axes."""
    frame = outcome.over(*pair).reset_coords(drop=True).to_dataframe(list(pair)).reset_index()
    cells = {
        **{dim: frame[dim].map(label) for dim in pair},
        "Networks": frame["networks"].map("{:,}".format),
        outcome.heading: outcome.written(frame),
    }
    return Table(f"{outcome.what} by {pair[0]} and {pair[1]}", pd.DataFrame(cells))
