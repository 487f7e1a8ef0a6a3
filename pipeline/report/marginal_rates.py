"""Success by every dim in turn, all others taken together."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from relusweep.pipeline.common.queries import success_rate
from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.text import intervals

__all__ = ["marginal_table"]

_MOST_LABELS = 20


def marginal_table(dataset: xr.Dataset) -> Table:
    """Make the table of success by the labels of every dim but the trials, with 95 % Wilson intervals.

    Dims of a single label, which tell nothing, and those of more than 20 are left out.
    """
    epochs = dataset["success_epoch"]
    shown = [dim for dim in epochs.dims if dim != "trial" and 1 < epochs.sizes[dim] <= _MOST_LABELS]
    rows = [_margin(dataset, None), *(_margin(dataset, str(dim)) for dim in shown)]
    return Table("Success by one dim at a time, all others together", pd.concat(rows, ignore_index=True))


def _margin(dataset: xr.Dataset, dim: str | None) -> pd.DataFrame:
    """Write the rows of a dim; of none, the row of all networks."""
    others = [other for other in dataset["success_epoch"].dims if other != dim]
    success = success_rate(dataset, others).compute().reset_coords(drop=True)
    frame = success.to_dataframe() if dim else success.expand_dims(all=[""]).to_dataframe()
    return pd.DataFrame(
        {
            "By": [dim or "all networks", *[""] * (len(frame) - 1)],
            "Label": frame.index.map(label),
            "Networks": frame["networks"].map("{:,}".format).to_numpy(),
            "Success, % [95 %]": intervals(frame),
        }
    )
