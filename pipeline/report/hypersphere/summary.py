"""The numbers of the report: success by setting and by dimension, and the shapes of the regions."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import xarray as xr
from relusweep.pipeline.sweeps.hypersphere.sweep import DIMS, HypersphereSweep

from relusweep.pipeline.common.queries import success_rate
from relusweep.pipeline.report.scale import specification
from relusweep.tasks.hypersphere.shapes import Shape

__all__ = ["BARS", "LOSSES", "SETTING", "Summary", "summarise"]

BARS = (0.95, 0.98, 0.99, 0.9999)
"""Shares of right samples that are asked for."""

SETTING = ("loss", "leak", "batch", "inputs")

LOSSES = {"bce": "BCE", "mse": "MSE"}

_NEEDED = ("success_epoch", "rows_right", "shape", "parameters")


@dataclass(frozen=True)
class Summary:
    """What the report says of a sweep.

    Attributes
    ----------
    data : xarray.Dataset
        The sweep, in memory, with all six dims.
    sweep : HypersphereSweep
        Its specification.
    by_setting : xarray.Dataset
        Success per (n_inputs, loss, leak, batch, inputs), with 95 % Wilson intervals.
    reached : xarray.Dataset
        Networks that reach each bar, per (bar, n_inputs, leak), all else together.
    shapes : xarray.Dataset
        Shapes of the regions of successful networks, per (shape, n_inputs, loss, leak), all else together.
    """

    data: xr.Dataset
    sweep: HypersphereSweep
    by_setting: xr.Dataset
    reached: xr.Dataset
    shapes: xr.Dataset

    @property
    def leaks(self) -> list[float]:
        """Leaks of the sweep."""
        return [float(leak) for leak in self.data["leak"].values]

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
        if self.sweep.test_samples:
            return self.data["test_rows_right"] / self.sweep.test_samples
        return self.data["rows_right"] / self.sweep.samples

    @property
    def judged_by(self) -> str:
        """On what samples the bars are reached."""
        return "test samples" if self.sweep.test_samples else "training samples"


def summarise(dataset: xr.Dataset) -> Summary:
    """Compute the numbers of the report.

    Parameters
    ----------
    dataset : xarray.Dataset
        A group such as ``hypersphere/annulus``. A dim that was selected away may be a scalar coordinate.

    Raises
    ------
    ValueError
        A dim of the sweep is neither a dim nor a coordinate, or the specification is lacking.
    """
    known = specification(dataset)
    if not known:
        raise ValueError(
            "the report needs the attribute 'specification' of the group, from which samples are drawn again"
        )
    sweep = HypersphereSweep.model_validate(known)
    test = ["test_rows_right"] if sweep.test_samples else []
    data = _with_all_dims(dataset[[*_NEEDED, *test]]).compute()
    return Summary(
        data=data,
        sweep=sweep,
        by_setting=success_rate(data, "trial"),
        reached=_reached(data),
        shapes=_shapes(data),
    )


def _with_all_dims(dataset: xr.Dataset) -> xr.Dataset:
    """Give back the dims that a selection has dropped, and put all in the usual order."""
    absent = [dim for dim in DIMS if dim not in dataset.dims]
    if lost := [dim for dim in absent if dim not in dataset.coords]:
        raise ValueError(
            f"the report needs the dims {', '.join(DIMS)}, got {', '.join(map(str, dataset.dims))}; "
            f"select with a list, as in sel({lost[0]}=[…]), to keep {lost[0]!r} as a dim or a coordinate"
        )
    return dataset.expand_dims(absent).transpose(*DIMS, "parameter")


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
