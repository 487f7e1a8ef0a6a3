"""How much of a sweep has run, what has not, and what did not stay finite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd
import xarray as xr

from relusweep.pipeline.common.asked import summed
from relusweep.pipeline.common.divergence import diverged
from relusweep.pipeline.common.queries import lacking, missing, ran
from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.text import enumeration

__all__ = ["Coverage", "coverage", "diverged_table", "missing_table"]


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
    sums = summed(
        dataset,
        dataset["success_epoch"].dims,
        lambda part: xr.Dataset({"networks": ran(part), "lacking": lacking(part)}),
    )
    return Coverage(int(sums["networks"]), int(sums["networks"]) + int(sums["lacking"]))


def missing_table(dataset: xr.Dataset, nouns: Mapping[str, str] | None = None) -> Table:
    """Make the table of what has not run, without distinguishing problems and trials."""
    return _by_setting(missing(dataset), "Networks not run", {"count": "Networks not run"}, nouns or {})


def diverged_table(dataset: xr.Dataset, nouns: Mapping[str, str] | None = None) -> Table:
    """Make the table of what did not stay finite, without distinguishing problems and trials."""
    headings = {"count": "Not finite", "networks": "Of networks that ran"}
    return _by_setting(diverged(dataset), "Networks that did not stay finite", headings, nouns or {})


def _by_setting(
    counts: pd.DataFrame, title: str, headings: Mapping[str, str], nouns: Mapping[str, str]
) -> Table:
    """Write a table of counts: its columns are dimensions, and then those that `headings` names."""
    words = {dim: nouns.get(dim, dim) for dim in map(str, counts.columns) if dim not in headings}
    cells = counts[list(words)].map(label).rename(columns={dim: of.capitalize() for dim, of in words.items()})
    numbers = {heading: counts[name].map("{:,}".format) for name, heading in headings.items()}
    by = f", by {enumeration(list(words.values()))}" if words else ""
    return Table(f"{title}{by}", cells.assign(**numbers))
