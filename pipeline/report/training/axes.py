"""The axes of a training sweep: which there are, what is fixed, and how both are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.common.wording import axis, label
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.text import NOTHING

__all__ = ["NOUNS", "axes_table", "fixed", "fixed_table", "labels", "one", "said", "varied"]

NOUNS = {
    "batch": "batch size",
    "beta1": "beta1 value",
    "beta2": "beta2 value",
    "clip_norm": "longest gradient",
    "epochs": "epoch count",
    "further_epochs": "extension",
    "init": "initialisation",
    "inputs": "scaling",
    "learning_rate": "learning rate",
    "most_restarts": "restart limit",
    "min_improvement": "least improvement",
    "most_loss": "highest loss",
    "n_inputs": "input count",
    "optimizer": "optimiser",
    "path": "table",
    "samples": "sample count",
    "schedule": "schedule of the rate",
    "schedule_every": "length of a step or cosine",
    "schedule_factor": "factor of the rate",
    "schedule_floor": "least factor of the rate",
    "schedule_patience": "patience of the rate",
    "schedule_threshold": "threshold of the rate",
    "stop": "stopping rule",
    "success": "share of success",
    "target_loss": "target loss",
    "warmup": "warm-up",
    "weight_decay": "weight decay",
    "widths": "layout",
}
"""What one label is called, where it is not called like its axis."""

_WORDS = {("batch", 0): "all rows"}


def varied(dataset: xr.Dataset) -> list[str]:
    """Name the axes of more than one label, but for the trials, in the order of the data."""
    sizes = dataset["success_epoch"].sizes
    return [str(dim) for dim, size in sizes.items() if size > 1 and dim != "trial"]


def fixed(dataset: xr.Dataset) -> list[str]:
    """Name the axes of one label: scalar coordinates that are a part of the specification, and short dims."""
    sizes = dataset["success_epoch"].sizes
    scalars = [str(name) for name, of in dataset.coords.items() if not of.ndim and "part" in of.attrs]
    short = [str(dim) for dim, size in sizes.items() if size == 1 and dim != "trial"]
    return [*short, *(name for name in scalars if name != "trial")]


def labels(dataset: xr.Dataset, name: str) -> list[Any]:
    """List the labels of an axis, each once, as Python's own; none where the data do not say them."""
    return list(dict.fromkeys(np.ravel(dataset[name].values).tolist())) if name in dataset.coords else []


def one(dataset: xr.Dataset, name: str) -> Any:
    """Give the label of an axis that has only one; None where there are several, or it is not known."""
    known = labels(dataset, name)
    return known[0] if len(known) == 1 else None


def said(dataset: xr.Dataset, name: str) -> str:
    """Write the labels of an axis, or a dash where they are not known."""
    return _written(name, labels(dataset, name))


def _written(name: str, values: Sequence[Any]) -> str:
    words = [_WORDS.get((name, value), value) for value in values]
    return axis(words) if words else NOTHING


def axes_table(dataset: xr.Dataset) -> Table:
    """Make the table of the axes of more than one label, and of the trials."""
    shown = [*varied(dataset), *(["trial"] if "trial" in dataset.coords else [])]
    return Table("Axes", _described(dataset, shown, count=True), code=("Axis",))


def fixed_table(dataset: xr.Dataset) -> Table:
    """Make the table of what is the same for all networks, though it could be an axis."""
    return Table("Fixed", _described(dataset, fixed(dataset), count=False), code=("Axis",))


def _described(dataset: xr.Dataset, names: Sequence[str], *, count: bool) -> pd.DataFrame:
    attrs = [dataset[name].attrs for name in names]
    cells = {
        "Axis": names,
        "Of the": [of.get("part", NOTHING) for of in attrs],
        **({"Labels": [f"{dataset[name].size:,}" for name in names]} if count else {}),
        "Values" if count else "Value": [said(dataset, name) for name in names],
        "What it is": [of.get("long_name", NOTHING) for of in attrs],
    }
    return pd.DataFrame(
        {heading: np.array(list(map(label, column)), object) for heading, column in cells.items()}
    )
