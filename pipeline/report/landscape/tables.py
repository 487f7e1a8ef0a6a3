"""The tables of the page and of the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.report.content import Table

__all__ = ["Landscape", "landscapes", "level_tables", "overview_table"]

_HEADINGS = {
    "minima_inside": "Minima inside cells",
    "minima_between": "Minima between cells",
    "saddles_inside": "Saddles inside cells",
    "saddles_between": "Saddles between cells",
    "strict_minima": "Strict minima",
}


class Landscape(NamedTuple):
    """What was counted of a class and a width.

    Attributes
    ----------
    problem : int
    truth_table : str
    width : int
    levels : pandas.DataFrame
        Counts by level, with ``loss`` as a fraction.
    """

    problem: int
    truth_table: str
    width: int
    levels: pd.DataFrame

    @property
    def minima(self) -> pd.DataFrame:
        """The levels at which there are minima."""
        return self.levels[self.levels["minima_inside"] + self.levels["minima_between"] > 0]

    @property
    def poor(self) -> pd.DataFrame:
        """Those of them above the least loss."""
        above: pd.DataFrame = self.minima.loc[self.minima["loss"] > self.levels["loss"].min()]
        return above


def landscapes(dataset: xr.Dataset) -> Iterator[Landscape]:
    """Give what has been counted, class by class and width by width."""
    data = dataset.expand_dims([dim for dim in ("problem", "width") if dim not in dataset.dims]).compute()
    for problem in data["problem"].to_numpy():
        for width in data["width"].to_numpy():
            one = data.sel(problem=problem, width=width)
            if one["levels"] > 0:
                names = ["loss_numerator", "loss_denominator", *_HEADINGS]
                part = one[names].isel(level=slice(int(one["levels"]))).reset_coords(drop=True)
                frame = part.to_dataframe().astype(int)
                ends = zip(frame["loss_numerator"], frame["loss_denominator"], strict=True)
                losses = np.array([Fraction(int(above), int(below)) for above, below in ends], object)
                frame = frame.assign(loss=losses)
                yield Landscape(int(problem), str(one["truth_table"].item()), int(width), frame)


def overview_table(found: list[Landscape]) -> Table:
    """Make the table of one row for each class and width."""
    rows = [
        {
            "Class": f"{one.problem}",
            "Truth table": one.truth_table,
            "Width": f"{one.width}",
            "Least loss": str(one.levels["loss"].min()),
            "Levels": f"{len(one.levels)}",
            "Levels with minima": f"{len(one.minima)}",
            "Minima": f"{one.levels[['minima_inside', 'minima_between']].to_numpy().sum():,}",
            "Saddles": f"{one.levels[['saddles_inside', 'saddles_between']].to_numpy().sum():,}",
            "Poor minimum": "yes" if len(one.poor) else "no",
            "Poor strict minimum": _losses(one.poor[one.poor["strict_minima"] > 0]) or "no",
        }
        for one in found
    ]
    return Table(
        "Families of stationary points by class and width", pd.DataFrame(rows), code=("Truth table",)
    )


def level_tables(found: list[Landscape]) -> Iterator[Table]:
    """Make the table of the levels of each class and width."""
    for one in found:
        cells = one.levels[["loss", *_HEADINGS]].rename(columns={"loss": "Loss", **_HEADINGS})
        yield Table(f"Class {one.problem}, width {one.width}", cells.map(str).reset_index(drop=True))


def _losses(levels: pd.DataFrame) -> str:
    return f"yes, at {', '.join(map(str, levels['loss']))}" if len(levels) else ""
