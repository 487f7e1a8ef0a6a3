"""At which scale a sweep was run, beside the named sweep at full scale."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from pipeline.kinds import Sweep
from pipeline.report.text import plural
from pipeline.sweep import difference
from pipeline.sweeps import SWEEPS

__all__ = ["beside_named", "named", "scale", "specification"]


def specification(dataset: xr.Dataset) -> dict[str, Any]:
    """Read the specification of a sweep; empty where the data do not have it."""
    known = dataset.attrs.get("specification", {})
    return dict(json.loads(known) if isinstance(known, str) else known)


def named(dataset: xr.Dataset) -> Sweep | None:
    """Find the named sweep that a sweep is, or is a part of; None where there is none of its name."""
    return SWEEPS.get(specification(dataset).get("name", ""))


def scale(dataset: xr.Dataset, nouns: Mapping[str, str]) -> str:
    """Say the size of a sweep axis by axis, as ``2 leaks × 100 trials``."""
    sizes = dataset["success_epoch"].sizes
    return " \N{MULTIPLICATION SIGN} ".join(
        f"{size:,} {plural(nouns.get(str(dim), str(dim)), size)}" for dim, size in sizes.items()
    )


def beside_named(dataset: xr.Dataset, nouns: Mapping[str, str]) -> str | None:
    """Say what a sweep has of the named one, as ``20 of 100 trials of npn4``; None where none is so named."""
    full = named(dataset)
    if full is None:
        return None
    axes = list(_axes(dataset, full, nouns))
    words = f"{', '.join(axes)} of {full.name}" if axes else f"all of {full.name}"
    return "; ".join([words, *_settings(specification(dataset), full)])


def _axes(dataset: xr.Dataset, full: Sweep, nouns: Mapping[str, str]) -> Iterator[str]:
    """Compare the labels axis by axis; say nothing of those that are the same."""
    for dim, labels in full.axes.items():
        noun = nouns.get(dim, dim)
        here = pd.Index(np.atleast_1d(dataset[dim].to_numpy())) if dim in dataset.coords else pd.Index([])
        there = int(here.isin(labels).sum())
        if there < len(labels):
            yield f"{there:,} of {len(labels):,} {plural(noun, len(labels))}"
        if (more := len(here) - there) > 0:
            yield f"{more:,} more {plural(noun, more)} than those"


def _settings(stored: Mapping[str, Any], full: Sweep) -> list[str]:
    """Say in which settings they differ, of those that both have."""
    fixed = {key: value for key, value in stored.items() if key not in full.extents}
    changes = difference(fixed, full.identity())
    return [f"{field} {here}, not {there}" for field, here, there in changes if None not in (here, there)]
