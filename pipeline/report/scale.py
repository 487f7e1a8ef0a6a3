"""At which scale a sweep was run, beside the named sweep at full scale."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.common.wording import counted, plural
from relusweep.pipeline.report.text import enumeration

if TYPE_CHECKING:
    from relusweep.pipeline.sweeps.base import Sweep
    from relusweep.storage import StoredGroup

__all__ = ["beside_named", "kind_of", "less_than_named", "named", "scale", "specification"]


def specification(data: xr.Dataset | xr.DataTree | StoredGroup) -> dict[str, Any]:
    """Read the specification of a sweep, of a tree what all its stages say; empty where none is known."""
    if isinstance(data, xr.DataTree):
        stages = sorted((specification(stage.dataset) for stage in data.children.values()), key=len)
        return {key: value for stage in stages for key, value in stage.items() if key != "stage"}
    known = data.attrs.get("specification", {})
    return dict(json.loads(known) if isinstance(known, str) else known)


def kind_of(data: xr.Dataset | xr.DataTree) -> str:
    """Tell the kind of sweep; the first stores did not say it: there was one."""
    if isinstance(data, xr.DataTree):
        return next((kind_of(stage.dataset) for stage in data.children.values()), "")
    return str(data.attrs.get("kind", "boolean"))


def named(dataset: xr.Dataset | xr.DataTree) -> Sweep | None:
    """Find the named sweep that a sweep is, or is a part of; None where none has its name and kind."""
    from relusweep.pipeline.sweeps.named import SWEEPS  # and with them what trains: `show` starts without it

    full = SWEEPS.get(specification(dataset).get("name", ""))
    return full if full and full.kind == kind_of(dataset) else None


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
    less, more = _less_and_more(dataset, full, nouns)
    words = f"{enumeration(less) if less else 'all'} of {full.name}"
    words += f" and {enumeration(more)}" if more else ""
    return "; ".join([words, *_settings(specification(dataset), full)])


def less_than_named(dataset: xr.Dataset, nouns: Mapping[str, str]) -> list[str]:
    """Say, for `Content.smaller`, how a sweep falls short of the named one; nothing where it does not."""
    full = named(dataset)
    if full is None:
        return []
    less, _ = _less_and_more(dataset, full, nouns)
    differs = less or _settings(specification(dataset), full)
    return [f"These data have {beside_named(dataset, nouns)}."] if differs else []


def _less_and_more(dataset: xr.Dataset, full: Sweep, nouns: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Count the labels that a sweep has of the named one, and beside it, where they are not the same."""
    less, more = [], []
    for dim, labels in full.axes.items():
        here = pd.Index(np.atleast_1d(dataset[dim].to_numpy()))
        there, beside = int(here.isin(labels).sum()), int((~here.isin(labels)).sum())
        if there < len(labels):
            less.append(f"{there:,} of {len(labels):,} {plural(nouns.get(dim, dim), len(labels))}")
        if beside:
            more.append(f"{beside:,} more {plural(nouns.get(dim, dim), beside)}")
    return less, more


def _settings(stored: Mapping[str, Any], full: Sweep) -> list[str]:
    """Say in which settings they differ, of those that both have."""
    from relusweep.pipeline.sweeps.specification import difference

    fixed = {key: value for key, value in stored.items() if key not in full.growable_fields}
    changes = difference(fixed, full.identity())
    return [f"{field} {here}, not {there}" for field, here, there in changes if None not in (here, there)]
