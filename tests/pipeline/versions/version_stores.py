"""Stores of several versions, made without training: what is in them is known to the bit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from relusweep.storage import Committer, Layout, Variable

GROUP = "boolean/mine"
DIMS = ("problem", "leak", "width", "depth", "trial")
CHUNKS = {"problem": 4, "leak": 1, "width": 1, "depth": 1, "trial": 50}


def layout(axes: Mapping[str, Any], **specification: Any) -> Layout:
    labels = {dim: np.asarray(axes[dim]) for dim in DIMS}
    return Layout(
        group=GROUP,
        coords=xr.Dataset(coords={**labels, "swaps": ("problem", np.arange(len(labels["problem"])))}),
        variables={
            "success_epoch": Variable(DIMS, "int32", -2),
            "loss": Variable(DIMS, "float32", np.nan),
            "rows_right": Variable(DIMS, "int16", -1),
        },
        chunks=CHUNKS,
        attrs={
            "kind": "boolean",
            "title": "Mine",
            "specification": json.dumps({"name": "mine", "seed": 0, **specification}),
            "versions": "{}",
        },
        progress_dims=DIMS,
    )


def put(
    store: Path,
    axes: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    tag: str,
    region: Mapping[str, slice] | None = None,
    *,
    replace: bool = False,
    **specification: Any,
) -> None:
    """Write the group, or a region of it, in one commit, and name that."""
    of = layout(axes, **specification)
    with Committer(store, create=True) as committer:
        committer.prepare(of, replace=replace)
        if arrays:
            committer.write(GROUP, dict(region or {}), arrays, 7)
        committer.commit(tag, {})
        committer.tag(tag)


def axes(problems: int = 6, trials: int = 50, widths: tuple[int, ...] = (2, 4)) -> dict[str, Any]:
    return {
        "problem": np.arange(problems, dtype="uint64"),
        "leak": [0.0, 0.1],
        "width": widths,
        "depth": [1, 2],
        "trial": np.arange(trials),
    }


def shape(of: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(len(of[dim]) for dim in DIMS)


def drawn(of: Mapping[str, Any], rate: Any, seed: int) -> dict[str, np.ndarray]:
    """Networks that succeed by chance, as often as `rate` says (which broadcasts to the cells)."""
    draw = np.random.default_rng(seed)
    succeeded = draw.random(shape(of)) < np.broadcast_to(rate, shape(of))
    return {
        "success_epoch": np.where(succeeded, draw.integers(1, 99, shape(of)), -1).astype("int32"),
        "loss": draw.random(shape(of)).astype("float32"),
        "rows_right": draw.integers(0, 5, shape(of)).astype("int16"),
    }
