"""Sections of the page of what the probe `alignment` looked at."""

from __future__ import annotations

from collections.abc import Iterator

import xarray as xr

from relusweep.pipeline.report.alignment.claims import decided
from relusweep.pipeline.report.alignment.frame import networks, remedies
from relusweep.pipeline.report.alignment.growth import exponents_table, growth_picture
from relusweep.pipeline.report.alignment.pictures import partitions_picture
from relusweep.pipeline.report.alignment.remedies import (
    errors_picture,
    errors_table,
    remedies_table,
    training_picture,
)
from relusweep.pipeline.report.claims import claims_table
from relusweep.pipeline.report.content import Folded, Section

__all__ = ["sections"]

_FITS = (
    "Exponents are slopes of least squares through the logarithms of all networks; an interval says how sure "
    "the slope is, not that a line fits. The last column compares two laws of growth in depth, at the start "
    "and after training: how far the logarithms are from a power law, and from an exponential (root of the "
    "mean square)."
)


def sections(dataset: xr.Dataset) -> list[Section]:
    """Give claims, growth, partitions and remedies; nothing without counted regions."""
    return list(_sections(dataset)) if "n_regions" in dataset else []


def _sections(dataset: xr.Dataset) -> Iterator[Section]:
    table = networks(dataset)
    if not len(table) or not table["end"].notna().any():
        return
    yield Section("Parameters against regions: the claims", [claims_table(decided(dataset, table))])
    if len((exponents := exponents_table(table)).cells):  # of one size nothing grows
        yield Section("How regions grow", [growth_picture(table), exponents, _FITS])
    partitions = partitions_picture(dataset, table)
    if partitions:
        yield Section("Partitions of the plane", [partitions])
    if len(remedies(table)) > 1:
        pictures = [picture for picture in (errors_picture(table), training_picture(table)) if picture]
        numbers = errors_table(table)
        yield Section(
            "Remedies beside plain networks of as many parameters",
            [remedies_table(table), *pictures, Folded(numbers.title, [numbers])],
        )
