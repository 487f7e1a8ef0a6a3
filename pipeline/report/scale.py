"""At which scale a sweep was run, beside the named sweep at full scale."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.common.wording import counted, label, plural
from relusweep.pipeline.report.text import enumeration
from relusweep.storage import specification_of

if TYPE_CHECKING:
    from relusweep.pipeline.sweeps.base import Sweep
    from relusweep.storage import StoredGroup

__all__ = ["beside_named", "kind_of", "less_than_named", "named", "scale", "specification"]


def specification(data: xr.Dataset | xr.DataTree | StoredGroup) -> dict[str, Any]:
    """Read the specification of a sweep, of a tree what all its stages say; empty where none is known."""
    if isinstance(data, xr.DataTree):
        stages = sorted((specification(stage.dataset) for stage in data.children.values()), key=len)
        return {key: value for stage in stages for key, value in stage.items() if key != "stage"}
    return specification_of(data.attrs)


def kind_of(data: xr.Dataset | xr.DataTree) -> str:
    """Tell the kind of sweep: trained networks, where the data do not say it."""
    if isinstance(data, xr.DataTree):
        return next((kind_of(stage.dataset) for stage in data.children.values()), "")
    return str(data.attrs.get("kind", "training"))


def named(dataset: xr.Dataset | xr.DataTree) -> Sweep | None:
    """Find the named sweep that a sweep is, or is a part of; None where none has its name and problem."""
    from relusweep.pipeline.sweeps.named import SWEEPS  # and with them what trains: `show` starts without it

    known = specification(dataset)
    full = SWEEPS.get(known.get("name", ""))
    if full is None or full.kind != kind_of(dataset):
        return None
    return full if _problem(json.loads(full.specification)) == _problem(known) else None


def _problem(known: Mapping[str, Any]) -> Any:
    """Give the kind of problem of a specification, where it has one."""
    return known.get("problem", {}).get("kind")


def scale(dataset: xr.Dataset, nouns: Mapping[str, str]) -> str:
    """Say the size of a sweep axis by axis, as ``2 leaks × 100 trials``."""
    sizes = dataset["success_epoch"].sizes
    return " \N{MULTIPLICATION SIGN} ".join(
        counted(size, nouns.get(str(dim), str(dim))) for dim, size in sizes.items()
    )


def beside_named(dataset: xr.Dataset, nouns: Mapping[str, str]) -> str | None:
    """Say what a sweep has of the named one, as ``20 of 100 trials of npn4``; None where none is so named."""
    full = named(dataset)
    if full is None:
        return None
    less, more, other = _less_and_more(dataset, full, nouns)
    words = f"{enumeration(less) if less else 'all'} of {full.name}"
    words += f" and {enumeration(more)}" if more else ""
    return "; ".join([words, *other])


def less_than_named(dataset: xr.Dataset, nouns: Mapping[str, str]) -> list[str]:
    """Say, for `Content.smaller`, how a sweep falls short of the named one; nothing where it does not."""
    full = named(dataset)
    if full is None:
        return []
    less, _, other = _less_and_more(dataset, full, nouns)
    return [f"These data have {beside_named(dataset, nouns)}."] if less or other else []


def _less_and_more(
    dataset: xr.Dataset, full: Sweep, nouns: Mapping[str, str]
) -> tuple[list[str], list[str], list[str]]:
    """Count the labels that a sweep has of the named one, and beside it; say which settings differ."""
    less, more, other = [], [], _settings(specification(dataset), full)
    for dim, labels in full.axes.items():
        if dim not in dataset.coords or (full.until and dim == [*full.axes][-1]):
            continue
        here = pd.Index(np.atleast_1d(dataset[dim].to_numpy()))
        there, beside = int(here.isin(labels).sum()), int((~here.isin(labels)).sum())
        if beside and len(here) == len(labels) == 1:
            other.append(f"{dim} {label(here[0])}, not {label(labels[0])}")
            continue
        if there < len(labels):
            less.append(f"{there:,} of {len(labels):,} {plural(nouns.get(dim, dim), len(labels))}")
        if beside:
            more.append(f"{beside:,} more {plural(nouns.get(dim, dim), beside)}")
    return less, more, other


def _settings(stored: Mapping[str, Any], full: Sweep) -> list[str]:
    """Say in which settings they differ that are no axes, of those that both have."""
    there = json.loads(full.specification)
    pairs = [(name, stored.get(name), there.get(name)) for name in ("seed", "engine", "where")]
    return [
        f"{name} {one}, not {other}"
        for name, one, other in pairs
        if one != other and None not in (one, other)
    ]
