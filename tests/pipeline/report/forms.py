"""Data of training sweeps as the engine opens them, made without training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

PARTS = {
    "problem": ("problem", "n_inputs", "samples", "test_samples", "ball", "shell_volume", "inputs", "points"),
    "network": ("leak", "width", "depth", "init", "bias", "activation"),
    "protocol": (
        *("loss", "optimizer", "learning_rate", "beta1", "beta2", "epsilon", "momentum", "batch", "epochs"),
        *("stop", "success", "bar", "most", "further_epochs"),
    ),
    "trial": ("trial",),
}
_PART_OF = {name: part for part, names in PARTS.items() for name in names}
_PROTOCOL = {"loss": "bce", "batch": 0, "success": 1.0, "learning_rate": 0.025}
_FIXED = {"init": "he_normal", "activation": "relu", **_PROTOCOL}


def training(
    dataset: xr.Dataset,
    problem: Mapping[str, Any],
    fixed: Mapping[str, Any] | None = None,
    **specification: Any,
) -> xr.Dataset:
    """Say of data what a training sweep says: parts of axes, fixed axes, kind and specification."""
    given = {**_FIXED, **(fixed or {})}
    new = dataset.assign_coords({name: label for name, label in given.items() if name not in dataset.coords})
    for name in new.coords.keys() & _PART_OF.keys():
        new[name].attrs = {"long_name": f"meaning of {name}", **new[name].attrs, "part": _PART_OF[name]}
    known = {"name": "mine", "seed": 0, **specification, "problem": dict(problem)}
    return new.assign_attrs(kind="training", specification=json.dumps(known))


def laid_out(sweep: TrainingSweep) -> xr.Dataset:
    """Give the coordinates of a sweep as its group opens, without results."""
    layout = sweep.layout("")
    return layout.coords.isel(dict.fromkeys(sweep.fixed, 0)).assign_attrs(layout.attrs)


def own_sweep(*, by_loss: bool = False, trials: int = 20) -> xr.Dataset:
    """Make a sweep of one's own: three learning rates × two initialisations × two widths, with curves.

    Of trial t a network succeeds where t is below ten times the place of its learning rate, with `pytorch`
    one more, so that pairs along both axes can be counted by hand.
    """
    rates, starts, widths = np.array([0.01, 0.025, 0.05]), np.array(["he_normal", "pytorch"], object), [4, 8]
    dims = ("width", "init", "learning_rate", "trial")
    labels = {"width": widths, "init": starts, "learning_rate": rates, "trial": np.arange(trials)}
    bound = xr.DataArray([0, 5, 10], {"learning_rate": rates}) + xr.DataArray([0, 1], {"init": starts})
    bound = bound.expand_dims(width=widths)
    trial = xr.DataArray(np.arange(trials), {"trial": np.arange(trials)})
    met = (trial < bound).transpose(*dims)
    epoch = xr.DataArray([0, 10, 20, 40], {"curve_epoch": [0, 10, 20, 40]})
    loss = (2.0 ** -(bound / 5) * np.exp(-epoch / 40) * (1 + trial / 100)).transpose(*dims, "curve_epoch")
    variables = {
        "success_epoch": xr.where(met & (not by_loss), 12.0, -1.0),
        "final_loss": loss.isel(curve_epoch=-1, drop=True),
        "curve_loss": loss.where(~met | (epoch < 15)),
        "curve_gradient_norm": loss / 10,
    }
    if not by_loss:
        variables["rows_right"] = xr.where(met, 16.0, 12.0)
        variables["curve_rows_right"] = (1 - loss / 8).clip(0, 1)
    data = xr.Dataset(variables).assign_coords(labels)
    data.attrs["paired_along"] = ["learning_rate"]
    return training(data, {"kind": "mine"}, {"depth": 1, "leak": 0.0})
