"""The networks of a group as rows of a table, with their parameters and the name of what sets them apart."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.sweeps.blocks import Block
from relusweep.pipeline.sweeps.training.again import sweep_of_results

__all__ = ["PLAIN", "SIZES", "beside_plain", "columns", "networks", "remedies"]

PLAIN = "plain ReLU"
SIZES = ["inputs", "target", "remedy", "width", "depth", "parameters"]
"""Columns that networks of one kind and size have in common."""

_DEFAULTS = {"leak": 0.0, "group": 1, "pull": 0.0, "orthogonality": 0.0}


def networks(dataset: xr.Dataset) -> pd.DataFrame:
    """Give a row of every network that has run.

    Returns
    -------
    pandas.DataFrame
        The columns of `SIZES`; the label along every axis of several; ``error``, the final loss, of the test
        points where there are some; ``start`` and ``end``, linear regions at the first and last epoch that
        was looked at, and ``regions after …``, at all; ``epochs to …``, of the losses of the probe `reached`,
        infinite where a loss was never reached. NaN is what is missing.
    """
    error = "test_loss" if "test_loss" in dataset else "final_loss"
    names = ["success_epoch", error, "n_regions", *(["reached_epoch"] if "reached_epoch" in dataset else [])]
    dataset = dataset[names].load()  # once: parts of it would each be read anew
    regions = dataset["n_regions"]
    kept = {
        "ran": dataset["success_epoch"],
        "error": dataset[error],
        "start": regions.isel(regions_epoch=0, drop=True),
        "end": regions.isel(regions_epoch=-1, drop=True),
    }
    for epoch in dataset["regions_epoch"].values:
        kept[f"regions after {epoch}"] = regions.sel(regions_epoch=epoch, drop=True)
    for loss in dataset["reached_loss"].values if "reached_epoch" in dataset else ():
        epochs = dataset["reached_epoch"].sel(reached_loss=loss, drop=True)
        kept[f"epochs to {loss:g}"] = epochs.where(epochs != -1, np.inf)
    table = xr.Dataset(kept).expand_dims("all").to_dataframe().reset_index()
    table = table[table["ran"].notna()].assign(**{k: v for k, v in _DEFAULTS.items() if k not in table})
    table["remedy"] = [_remedy(row) for row in table.to_dict("records")]
    sizes = _sizes(dataset, table)
    own = [dim for dim in dataset["success_epoch"].dims if dim not in SIZES]
    return table.merge(sizes)[[*SIZES, *own, *(name for name in kept if name != "ran")]]


def _remedy(row: Mapping[Hashable, Any]) -> str:
    """Name what sets a network apart from one of plain ReLU of the same width and depth."""
    words = {"vrelu": "two slopes", "maximum": f"maxima of {row['group']}", "relu": ""}
    parts = [words.get(row["activation"], row["activation"])]
    parts += [f"{name} {row[name]:g}" for name in ("leak", "pull", "orthogonality") if row[name]]
    return ", ".join(part for part in parts if part) or PLAIN


def _sizes(dataset: xr.Dataset, table: pd.DataFrame) -> pd.DataFrame:
    """Count inputs and parameters of each combination of labels."""
    sweep = sweep_of_results(dataset)
    dims = [dim for dim in sweep.places if dim in table and len(sweep.places[dim].labels) > 1]
    found = table[dims].drop_duplicates() if dims else pd.DataFrame(index=[0])
    only = {dim: place.labels[0] for dim, place in sweep.places.items()}
    counts = []
    for labels in found.to_dict("records"):
        of = dict(only) | {str(dim): one for dim, one in labels.items()} | {"trial": 0}
        block = sweep.block(Block(sweep.name, 0, tuple((dim, (one,)) for dim, one in of.items())))
        network = block.protocol.network
        counts.append({"inputs": network.n_inputs, "parameters": network.n_parameters})
    own = found.assign(**pd.DataFrame(counts, index=found.index, columns=["inputs", "parameters"]))
    others = {dim: only[dim] for dim in ("target", "width", "depth") if dim not in table}
    return own.assign(**others)


def columns(table: pd.DataFrame, beginning: str) -> list[str]:
    """Name the columns that begin so."""
    return [name for name in map(str, table.columns) if name.startswith(beginning)]


def remedies(table: pd.DataFrame) -> list[str]:
    """Name the kinds of networks, the plain one first."""
    return sorted(table["remedy"].unique(), key=lambda name: (name != PLAIN, name))


def beside_plain(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Set the median of each kind and size beside that of plain networks of as many parameters.

    The plain median is interpolated between sizes of the same target and depth, linearly in the logarithms.

    Returns
    -------
    pandas.DataFrame
        `SIZES`, ``own`` and ``plain`` medians; only where there are plain networks of fewer and of more
        parameters, and both medians are finite and above zero.
    """
    medians = table.groupby(SIZES, sort=False)[column].median().rename("own").reset_index()
    medians = medians[np.isfinite(medians["own"]) & (medians["own"] > 0)]
    parts = [_interpolated(some) for _, some in medians.groupby(["target", "depth"], sort=False)]
    joined = pd.concat(parts) if parts else medians.assign(plain=[])
    return joined[joined["plain"].notna()]


def _interpolated(some: pd.DataFrame) -> pd.DataFrame:
    plain = some[some["remedy"] == PLAIN].sort_values("parameters")
    others = some[some["remedy"] != PLAIN]
    if len(plain) < 2:
        return others.iloc[:0].assign(plain=[])
    known = np.log(plain["parameters"].to_numpy(float)), np.log(plain["own"].to_numpy(float))
    at = np.log(others["parameters"].to_numpy(float))
    return others.assign(plain=np.exp(np.interp(at, *known, left=np.nan, right=np.nan)))
