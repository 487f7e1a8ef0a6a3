"""The numbers of the report: success by setting and by dimension, and the shapes of the regions."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import xarray as xr

from relusweep.pipeline.common.queries import success_rate
from relusweep.pipeline.report.scale import specification
from relusweep.pipeline.report.training.axes import labels
from relusweep.tasks.hypersphere.shapes import Shape

__all__ = ["BARS", "LOSSES", "SETTING", "Summary", "summarise"]

BARS = (0.95, 0.98, 0.99, 0.9999)
"""Shares of right samples that are asked for."""

SETTING = ("loss", "leak", "batch", "inputs")

LOSSES = {"bce": "BCE", "mse": "MSE"}


@dataclass(frozen=True)
class Summary:
    """What the report says of a sweep.

    Attributes
    ----------
    data : xarray.Dataset
        The sweep, in memory, with all six dims, and with its attributes.
    by_setting : xarray.Dataset
        Success per (n_inputs, loss, leak, batch, inputs), with 95 % Wilson intervals.
    reached : xarray.Dataset
        Networks that reach each bar, per (bar, n_inputs, leak), all else together.
    shapes : xarray.Dataset
        Shapes of the regions of successful networks, per (shape, n_inputs, loss, leak), all else together;
        empty where they have not been told.
    """

    data: xr.Dataset
    by_setting: xr.Dataset
    reached: xr.Dataset
    shapes: xr.Dataset

    @property
    def leaks(self) -> list[float]:
        """Leaks of the sweep."""
        return [float(leak) for leak in self.data["leak"].values]

    @property
    def samples(self) -> int:
        """Training samples of a network, at most."""
        return int(self.data["rows"].max())

    @property
    def test_samples(self) -> int:
        """Test samples of a network, at most; 0 where there are none."""
        return int(self.data["test_rows"].max()) if "test_rows_right" in self.data else 0

    @property
    def rows(self) -> int:
        """Samples that a network is judged by."""
        return self.test_samples or self.samples

    @property
    def bar(self) -> float:
        """Least share of right training samples that was called a success."""
        return float(min(labels(self.data, "success")))

    @property
    def seed(self) -> int:
        """Root of all random streams."""
        return int(specification(self.data)["seed"])

    @property
    def has_settings(self) -> bool:
        """Whether networks of one dimension and leak differ in more than their trial."""
        return any(self.data.sizes[dim] > 1 for dim in ("loss", "batch", "inputs"))

    @property
    def has_dimensions(self) -> bool:
        """Whether there are some dimensions, or nothing else to compare."""
        return self.data.sizes["n_inputs"] > 1 or not self.has_settings

    @property
    def right(self) -> xr.DataArray:
        """Share of right samples of every network, of those that it is judged by."""
        if self.test_samples:
            return self.data["test_rows_right"] / self.data["test_rows"]
        return self.data["rows_right"] / self.data["rows"]

    @property
    def judged_by(self) -> str:
        """On what samples the bars are reached."""
        return "test samples" if self.test_samples else "training samples"


def summarise(dataset: xr.Dataset) -> Summary:
    """Compute the numbers of the report.

    Parameters
    ----------
    dataset : xarray.Dataset
        A group such as ``hypersphere/annulus`` with all six dims.
    """
    data = dataset.compute()
    return Summary(
        data=data,
        by_setting=success_rate(data, "trial"),
        reached=_reached(data),
        shapes=_shapes(data) if "shape" in data else xr.Dataset(),
    )


def _reached(data: xr.Dataset) -> xr.Dataset:
    others = ("loss", "batch", "inputs", "trial")
    rates = [success_rate(data, others, at_least=bar) for bar in BARS]
    reached: xr.Dataset = xr.concat(rates, pd.Index(BARS, name="bar"), combine_attrs="drop")
    return reached


def _shapes(data: xr.Dataset) -> xr.Dataset:
    """Give the share of each shape among the networks that succeeded."""
    codes = xr.DataArray(list(Shape), {"shape": list(map(int, Shape))}, ["shape"])
    found = (data["shape"] == codes).where(data["success_epoch"] >= 0)
    as_success = xr.Dataset({"success_epoch": found - 1})
    rates = success_rate(as_success, ("batch", "inputs", "trial"))
    return rates.transpose("shape", "n_inputs", ...)
