"""How much of a sweep has run, and what has not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import xarray as xr

from relusweep.pipeline.common.queries import lacking, missing
from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.text import enumeration

__all__ = ["Coverage", "coverage", "missing_table"]


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


def missing_table(dataset: xr.Dataset, nouns: Mapping[str, str] | None = None) -> Table:
    """Make the table of what has not run, without distinguishing problems and trials."""
    counted = missing(dataset)
    words = {dim: (nouns or {}).get(dim, dim) for dim in map(str, counted.columns) if dim != "count"}
    headings = {dim: word.capitalize() for dim, word in words.items()}
    cells = counted.drop(columns="count").map(label).rename(columns=headings)
    title = f"Networks not run, by {enumeration(list(words.values()))}" if words else "Networks not run"
    return Table(title, cells.assign(**{"Networks not run": counted["count"].map("{:,}".format)}))
