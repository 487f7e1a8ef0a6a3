"""The losses that networks reach, and after how many epochs, as a table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.text import NOTHING, count, intervals, significant
from relusweep.pipeline.report.training.axes import varied

__all__ = ["reached_table", "written"]

_MOST_LABELS = 20
_NEVER = -1


def reached_table(dataset: xr.Dataset) -> Table:
    """Make the table by one axis at a time: a column for each loss, the largest first."""
    epochs = dataset["reached_epoch"].compute()
    rows = [_row(epochs, "all networks", "")]
    for dim in varied(dataset):
        if dataset.sizes[dim] <= _MOST_LABELS:
            rows += list(_margin(epochs, dim))
    return Table("Share that reaches a loss, % [95 %], and their median epoch", pd.DataFrame(rows))


def _margin(epochs: xr.DataArray, dim: str) -> Iterator[dict[str, str]]:
    for place, value in enumerate(epochs[dim].values):
        yield _row(epochs.isel({dim: place}), "" if place else dim, label(value))


def _row(epochs: xr.DataArray, by: str, of: str) -> dict[str, str]:
    losses = epochs["reached_loss"].values[::-1]
    cells = {
        f"Loss {significant(float(loss))}": written(epochs.sel(reached_loss=loss).values) for loss in losses
    }
    return {"By": by, "Label": of, **cells}


def written(epochs: NDArray[np.generic]) -> str:
    """Write the share of networks that reached a loss, and their median epoch; NaN has not run."""
    from relusweep.tasks.statistics import wilson

    known = np.asarray(epochs, float).ravel()
    known = known[~np.isnan(known)]
    if not len(known):
        return NOTHING
    there = known[known != _NEVER]
    share = wilson(len(there), len(known))
    rate = intervals(pd.DataFrame({name: [float(value)] for name, value in share._asdict().items()}))[0]
    return f"{rate}: {count(float(np.median(there)))}" if len(there) else rate
