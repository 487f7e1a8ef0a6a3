"""The tables of the page and of the terminal: what is shown, cell by cell, as text."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.hypersphere.summary import BARS, LOSSES, SETTING, Summary
from relusweep.pipeline.report.text import NOTHING, intervals
from relusweep.tasks.hypersphere.shapes import Shape

__all__ = ["SHAPES", "dimension_table", "right_table", "setting_table", "shape_table"]

SHAPES = {
    Shape.HYPEROCTAHEDRON: "Near the hyperoctahedron",
    Shape.EXPANDED_SIMPLEX: "Near the expanded simplex",
    Shape.NEITHER: "Bounded, near neither",
    Shape.OPEN: "Not bounded",
}


def dimension_table(summary: Summary) -> Table:
    """Make the table of networks that reach each bar, per leak and dimension, with intervals."""
    frame = summary.reached.to_dataframe(["leak", "n_inputs", "bar"]).reset_index()
    frame["cell"] = intervals(frame)
    wide = frame.pivot_table(
        index=["leak", "n_inputs", "networks"], columns="bar", values="cell", aggfunc="first"
    ).reset_index()
    cells = {
        "Leak": wide["leak"].map("{:g}".format),
        "Dimension": wide["n_inputs"].map(str),
        "Networks": wide["networks"].map("{:,}".format),
        **{f"\N{GREATER-THAN OR EQUAL TO} {100 * bar:g} %": wide[bar] for bar in BARS},
    }
    title = f"Networks with so many of their {summary.judged_by} right, % [95 %]"
    return Table(title, pd.DataFrame(cells))


def setting_table(summary: Summary) -> Table:
    """Make the table of the success of every setting, with intervals."""
    frame = summary.by_setting.to_dataframe(["n_inputs", *SETTING]).reset_index()
    cells = {
        "Dimension": frame["n_inputs"].map(str),
        "Loss": frame["loss"].map(LOSSES),
        "Leak": frame["leak"].map("{:g}".format),
        "Batch": frame["batch"].map("{:,}".format),
        "Inputs": frame["inputs"],
        "Networks": frame["networks"].map("{:,}".format),
        "Success, % [95 %]": intervals(frame),
    }
    return Table("Success of every setting", pd.DataFrame(cells))


def shape_table(summary: Summary) -> Table:
    """Make the table of shapes per dimension, loss and leak: count, and share with its interval."""
    frame = summary.shapes.to_dataframe(["n_inputs", "loss", "leak", "shape"]).reset_index()
    frame["cell"] = _counted(frame)
    names = {int(shape): name for shape, name in SHAPES.items()}
    places = ["n_inputs", "loss", "leak", "networks"]
    wide = frame.pivot_table(index=places, columns="shape", values="cell", aggfunc="first")[list(names)]
    cells = wide.rename(columns=names).rename_axis(columns=None).reset_index()
    cells["loss"] = cells["loss"].map(LOSSES)
    cells["leak"] = cells["leak"].map("{:g}".format)
    headings = {"n_inputs": "Dimension", "loss": "Loss", "leak": "Leak", "networks": "Successful networks"}
    return Table(
        "Shapes of the regions of successful networks: how many, and their share, % [95 %]",
        cells.rename(columns=headings).map(str),
    )


def right_table(summary: Summary) -> Table:
    """Make the table of how much successful networks of each shape get right, by dimension."""
    right = summary.right.where(summary.data["success_epoch"] >= 0)
    frame = xr.Dataset({"right": right, "shape": summary.data["shape"]}).to_dataframe().dropna().reset_index()
    medians = 100 * frame.pivot_table(index="n_inputs", columns="shape", values="right", aggfunc="median")
    cells = {
        "Dimension": medians.index.map(str),
        **{
            name: medians[shape].map("{:.3f}".format).where(medians[shape].notna(), NOTHING)
            for shape, name in SHAPES.items()
            if shape in medians
        },
    }
    title = f"Right {summary.judged_by} of successful networks, median, %, by the shape of their region"
    return Table(title, pd.DataFrame(cells))


def _counted(frame: pd.DataFrame) -> list[str]:
    """Write how many networks a rate is made of, and the rate."""
    counts = (frame["rate"] * frame["networks"]).round()
    return [
        NOTHING if rate == NOTHING else f"{count:,.0f}: {rate}"
        for count, rate in zip(counts, intervals(frame), strict=True)
    ]
