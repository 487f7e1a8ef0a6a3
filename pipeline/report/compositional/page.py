"""Sections of the page of networks that start as composed waves, and of those they are compared with."""

from __future__ import annotations

from collections.abc import Iterator

import xarray as xr

from relusweep.pipeline.report.claims import claims_table
from relusweep.pipeline.report.compositional.claims import claims
from relusweep.pipeline.report.compositional.depth import by_size, gains, gains_table
from relusweep.pipeline.report.compositional.errors import errors
from relusweep.pipeline.report.compositional.layers import layers
from relusweep.pipeline.report.compositional.seen import waves_by_layer
from relusweep.pipeline.report.compositional.summary import Case, cases
from relusweep.pipeline.report.compositional.tables import (
    counts_table,
    errors_table,
    has_pretraining,
    pieces_table,
    pretraining_table,
)
from relusweep.pipeline.report.content import Block, Folded, Section

__all__ = ["sections"]

_WAYS = (
    "Networks start as PyTorch's default, by RAAI, or as composed waves of random peaks. Of waves, nothing "
    "is trained before all weights are, or the peaks and free scales, or the peaks with the scales that they "
    "tie. The three start from the same peaks. Errors are mean squared ones, over the points."
)


def sections(dataset: xr.Dataset) -> list[Section]:
    """Give the claims, errors, pieces, waves, and errors by size, of what ran."""
    if not bool(dataset["spread"].notnull().any()):
        return []
    found = [case for case in cases(dataset) if case.at_paper_rate]
    return [
        Section("What the source claims of composed waves", [claims_table(claims(dataset))]),
        Section("Errors by way of starting and pretraining", list(_errors(found))),
        Section("Pieces, and layers that hold their wave", [layers(found), pieces_table(found)]),
        *_seen(dataset),
        *_sizes(dataset),
    ]


def _errors(found: list[Case]) -> Iterator[Block]:
    yield _WAYS
    yield errors(found)
    yield errors_table(found, best=False)
    if any(len({run.rate for run in case.runs}) > 1 for case in found):
        yield errors_table(found, best=True)
    tables = [*([pretraining_table(found)] if has_pretraining(found) else []), counts_table(found)]
    yield Folded("Errors after pretraining, and how many networks ran", tables)


def _seen(dataset: xr.Dataset) -> Iterator[Section]:
    if pictures := list(waves_by_layer(dataset)):
        first, *others = pictures
        more: list[Block] = [Folded("The other curves", others)] if others else []
        yield Section("Waves layer by layer", [first, *more])


def _sizes(dataset: xr.Dataset) -> Iterator[Section]:
    if pictures := list(by_size(dataset)):
        tables = [gains_table(dataset)] if gains(dataset) else []
        yield Section("Errors by depth and width", [*pictures, *tables])
