"""How much of a sweep has run, and what has not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr

from relusweep.pipeline.common.queries import missing
from relusweep.pipeline.common.where import names_in, satisfied
from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.scale import specification
from relusweep.pipeline.report.text import enumeration

__all__ = ["Coverage", "coverage", "lacking", "missing_table"]


class Coverage(NamedTuple):
    """How many networks have run.

    Attributes
    ----------
    networks, planned : int
        That ran, and with them those that have been asked for and did not.
    """

    networks: int
    planned: int

    def sentences(self) -> list[str]:
        """Say that not all have run; nothing where all have."""
        if self.networks == self.planned:
            return []
        if not self.networks:
            return [f"No network has run yet, of {self.planned:,}."]
        share = 100 * self.networks / self.planned
        return [f"{self.networks:,} of {self.planned:,} networks have run ({share:.1f} %)."]


def coverage(dataset: xr.Dataset) -> Coverage:
    """Count the networks that ran."""
    networks = int((dataset["success_epoch"] >= -1).sum())
    return Coverage(networks, networks + int(lacking(dataset).sum()))


def lacking(dataset: xr.Dataset) -> xr.DataArray:
    """Tell which networks have not run of those that were asked for: all, or those that ``where`` chooses."""
    absent = ~(dataset["success_epoch"] >= -1)
    condition = specification(dataset).get("where") or ""
    names = sorted(names_in(condition)) if condition else []
    if not names or any(name not in dataset.coords for name in names):
        return absent
    found = satisfied(condition, {name: np.atleast_1d(dataset[name].to_numpy()) for name in names})
    asked = xr.DataArray(found, dims=names)
    return absent & asked.squeeze([name for name in names if not dataset[name].ndim])


def missing_table(dataset: xr.Dataset, nouns: Mapping[str, str] | None = None) -> Table:
    """Make the table of what has not run, without distinguishing problems and trials."""
    absent = lacking(dataset)
    counted = missing(dataset.assign(success_epoch=dataset["success_epoch"].where(absent, -1)))
    words = {dim: (nouns or {}).get(dim, dim) for dim in map(str, counted.columns) if dim != "count"}
    headings = {dim: word.capitalize() for dim, word in words.items()}
    cells = counted.drop(columns="count").map(label).rename(columns=headings)
    title = f"Networks not run, by {enumeration(list(words.values()))}" if words else "Networks not run"
    return Table(title, cells.assign(**{"Networks not run": counted["count"].map("{:,}".format)}))
