"""What came of the networks of a training sweep, along any of its axes: success, or the loss at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.common.asked import summed
from relusweep.pipeline.common.queries import lacking, success_rate
from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.scale import specification
from relusweep.pipeline.report.text import NOTHING, intervals, percent, significant
from relusweep.pipeline.report.training.axes import labels, varied

__all__ = ["MOST_LABELS", "Outcome", "marginal_table", "outcome_of", "pair_table"]

MOST_LABELS = 20
"""Of an axis of maps, and of tables."""

_MOST_PROBLEMS = 8  # that are compared like any other labels

_QUARTILES = {"low": 0.25, "value": 0.5, "high": 0.75}


class Measure(NamedTuple):
    """How values are called and written.

    Attributes
    ----------
    what : str
    write : callable
        Writes a value, as a number alone.
    unit : str
        Of what is written, with a space before it.
    logarithmic : bool
        Whether the ratio of two values tells how far they are apart, not their difference.
    """

    what: str
    write: Callable[[float], str]
    unit: str = ""
    logarithmic: bool = False


def _three_decimals(value: float) -> str:
    return NOTHING if np.isnan(value) else f"{value:.3f}".replace("-", "\N{MINUS SIGN}")


_LOSSES: dict[str | None, Measure] = {
    "test_loss": Measure("Test loss", significant, logarithmic=True),
    "final_loss": Measure("Final loss", significant, logarithmic=True),
}
_MEASURES: dict[str | None, Measure] = {
    None: Measure("Success", percent, " %"),
    "test_error": Measure("Test error", percent, " %"),
    "training_error": Measure("Training error", percent, " %"),
    "explained": Measure("R²", _three_decimals),
    **_LOSSES,
}


@dataclass(frozen=True)
class Outcome:
    """What networks are compared by.

    Attributes
    ----------
    data : xarray.Dataset
        ``success_epoch`` and, where there is no success, the loss, over the axes; in memory.
    loss : {'test_error', 'training_error', 'test_loss', 'final_loss', 'explained'}, optional
        By which they are compared that can only do better or worse, as those that fit a function without a
        bar to meet: at the test rows, where there are some; of classes of a table the share of wrong ones.
        Tables may also be of the share of the variance that outputs explain, which is higher the better.
    kind : str
        Of several losses that cannot be compared the one that this is of, as `parted` gives it.
    """

    data: xr.Dataset
    loss: str | None
    kind: str = ""

    @property
    def by_loss(self) -> bool:
        """Whether networks can only do better or worse."""
        return self.loss is not None

    @property
    def measure(self) -> Measure:
        """How its values are called and written."""
        return _MEASURES[self.loss]

    @property
    def what(self) -> str:
        """Its name, in words."""
        return f"{self.measure.what} ({self.kind})" if self.kind else self.measure.what

    @property
    def suffix(self) -> str:
        """What its pictures are told from those of other kinds by."""
        return f"-{self.kind}" if self.kind else ""

    @property
    def parted(self) -> list[Outcome]:
        """What can be compared: of several losses, such as mse and huber, one outcome for each."""
        kinds = labels(self.data, "loss")
        if self.loss not in _LOSSES or len(kinds) < 2:
            return [self]
        return [replace(self, data=self.data.sel(loss=[kind]), kind=str(kind)) for kind in kinds]

    @property
    def lower(self) -> str:
        """What of two networks is lower in the better one, where they are compared by loss."""
        return self.measure.what.lower() if self.measure.unit else "loss"

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
            ``value``: the share of the networks that succeeded, or the median of the losses that are finite;
            ``low`` and ``high``: its 95 % Wilson interval, or the quartiles; NaN where nothing ran. Of losses
            also ``median_low`` and ``median_high``, the 95 % interval of the median. ``networks`` that ran,
            and ``ran``, their share of those that were asked for.
        """
        others = [dim for dim in self.data["success_epoch"].dims if dim not in dims]
        success = success_rate(self.data, others).rename(rate="value")
        if self.loss:
            success = success.assign(_quartiles(self.data[self.loss], [str(dim) for dim in others]))
        networks = success["networks"]
        lacks = summed(self.data, others, lambda part: lacking(part).to_dataset(name="count"))["count"]
        ran = networks / (networks + lacks)
        return success.assign(ran=ran.fillna(0)).transpose(*dims)

    def reach(self, dim: str) -> float:
        """Say how far the values of the labels of an axis are apart; 0 where nothing ran."""
        values = self.over(dim)["value"].to_numpy()
        values = values[~np.isnan(values) & ((values > 0) | (not self.measure.logarithmic))]
        if not len(values):
            return 0.0
        return float(np.ptp(np.log(values) if self.measure.logarithmic else values))

    def write(self, value: float) -> str:
        """Write a value, as a number alone."""
        return self.measure.write(value)

    def columns(self, frame: pd.DataFrame) -> dict[str, list[str]]:
        """Write values with their intervals, and of losses the quartiles, under their headings."""
        if not self.by_loss:
            return {"Success, % [95 %]": intervals(frame.rename(columns={"value": "rate"}))}
        rows = frame[["value", "median_low", "median_high", "low", "high"]].to_numpy()
        unit = f",{self.measure.unit}" if self.measure.unit else ""
        return {
            f"{self.what}{unit}, median [95 %]": [self._with_ends(*row[:3]) for row in rows],
            f"Quartiles{unit}": [
                NOTHING if np.isnan(row[0]) else f"{self.write(row[3])} to {self.write(row[4])}"
                for row in rows
            ],
        }

    def _with_ends(self, value: float, low: float, high: float) -> str:
        """Write a median; a few values bound it on no side."""
        if np.isnan(value):
            return NOTHING
        ends = f" [{self.write(low)}, {self.write(high)}]" if np.isfinite(low) else ""
        return self.write(value) + ends


def outcome_of(dataset: xr.Dataset) -> Outcome:
    """Find what the networks of a sweep are compared by."""
    if (error := _error_of(dataset)) is not None:
        known = dataset[["success_epoch"]].assign({str(error.name): error})
        return Outcome(known.compute(), str(error.name))
    by_loss = not {"rows_right", "tries"} & set(dataset.data_vars)
    loss = next((name for name in _LOSSES if by_loss and name in dataset), None)
    return Outcome(dataset[["success_epoch", *([loss] if loss else [])]].compute(), loss)


def _error_of(dataset: xr.Dataset) -> xr.DataArray | None:
    """Give the share of wrong rows of classes of a table; NaN of networks that did not stay finite.

    Of test rows; where there are none, and training does not end at success, of training rows.
    """
    if specification(dataset).get("problem", {}).get("kind") != "table" or "rows_right" not in dataset:
        return None
    test = "test_rows_right" in dataset
    if not test and "first_success" in labels(dataset, "stop"):
        return None
    right, rows, loss = (
        ("test_rows_right", "test_rows", "test_loss") if test else ("rows_right", "rows", "final_loss")
    )
    error = (1 - dataset[right] / dataset[rows]).where(np.isfinite(dataset[loss]))
    return error.transpose(*dataset["success_epoch"].dims).rename("test_error" if test else "training_error")


def _quartiles(loss: xr.DataArray, dims: Sequence[str]) -> dict[str, xr.DataArray]:
    """Give quartiles of what is finite, and the interval of the median; NaN where nothing is."""
    from relusweep.tasks.medians import median

    def of(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        kept = values.shape[: values.ndim - len(dims)]
        flat = values.reshape(-1, prod(values.shape[len(kept) :])).astype(float)
        flat[~np.isfinite(flat)] = np.nan
        known = [row[~np.isnan(row)] for row in flat]
        shares = list(_QUARTILES.values())
        rows = [np.quantile(row, shares) if len(row) else np.full(3, np.nan) for row in known]
        _, low, high = median(flat)
        return np.column_stack([rows, low, high]).reshape(*kept, 5)

    found = xr.apply_ufunc(of, loss, input_core_dims=[list(dims)], output_core_dims=[["of"]])
    names = (*_QUARTILES, "median_low", "median_high")
    return {name: found.isel(of=place) for place, name in enumerate(names)}


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
            **outcome.columns(frame),
        }
    )


def pair_table(outcome: Outcome, pair: tuple[str, str]) -> Table:
    """Make the table of the outcome over two axes."""
    frame = outcome.over(*pair).reset_coords(drop=True).to_dataframe(list(pair)).reset_index()
    cells = {
        **{dim: frame[dim].map(label) for dim in pair},
        "Networks": frame["networks"].map("{:,}".format),
        **outcome.columns(frame),
    }
    return Table(f"{outcome.what} by {pair[0]} and {pair[1]}", pd.DataFrame(cells))
