"""What the terminal shows of a sweep of balls and shells."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.hypersphere.summary import LOSSES, Summary, summarise
from relusweep.pipeline.report.hypersphere.tables import SHAPES, dimension_table, setting_table

__all__ = ["overview"]


def overview(dataset: xr.Dataset) -> list[str | Table]:
    """Give success by dimension and of every setting, and the shapes of the regions."""
    summary = summarise(dataset)
    return [
        *([dimension_table(summary)] if summary.has_dimensions else []),
        *([setting_table(summary)] if summary.has_settings else []),
        *([_shapes(summary)] if summary.shapes else []),
    ]


def _shapes(summary: Summary) -> Table:
    """Count the shapes, without the intervals that the page has room for."""
    counts = (summary.shapes["rate"] * summary.shapes["networks"]).fillna(0).rename("count").to_dataframe()
    wide = counts.pivot_table(index=["n_inputs", "loss", "leak"], columns="shape", values="count")
    places = wide.index.to_frame(index=False)
    cells = {
        "Dimension": places["n_inputs"].map(str),
        "Loss": places["loss"].map(LOSSES),
        "Leak": places["leak"].map("{:g}".format),
        **{name: wide[int(shape)].map("{:,.0f}".format).to_numpy() for shape, name in SHAPES.items()},
    }
    return Table("Successful networks by the shape of their region", pd.DataFrame(cells))
