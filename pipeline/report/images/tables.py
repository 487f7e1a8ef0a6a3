"""The tables of the page: what is shown, cell by cell, as text."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.images.stages import Stages
from relusweep.pipeline.report.text import NOTHING, accuracy, points, significant

__all__ = [
    "accuracy_table",
    "cka_table",
    "compression_tables",
    "inertia_table",
    "matrix_table",
    "sensitivity_table",
]


def accuracy_table(stages: Stages) -> Table:
    """Make the table of all networks and how well they do."""
    known = stages.accuracy
    if np.allclose(known["own"], known["test"], equal_nan=True):
        known = known.assign(own=np.nan)  # says the same
    columns: dict[str, tuple[str, Callable[[float], str]]] = {
        "parameters": ("Parameters", lambda count: NOTHING if np.isnan(count) else f"{count:,.0f}"),
        "train": ("Training, %", accuracy),
        "test": ("Test, %", accuracy),
        "loss": ("Test loss", significant),
        "own": ("Test, by stored outputs, %", accuracy),
    }
    cells = {
        heading: known[name].map(write).to_list()
        for name, (heading, write) in columns.items()
        if bool(known[name].notna().any())
    }
    return Table("Accuracy at the end of training", pd.DataFrame({"Network": known.index.to_list(), **cells}))


def compression_tables(stages: Stages) -> list[Table]:
    """Make the tables of accuracy and drop by number of centres."""
    own = stages.accuracy["own"]
    group = stages["compression"]
    return [
        _by_clusters(
            group["accuracy"], "Accuracy by nearest centre, %, by centres for each output", accuracy, own
        ),
        _by_clusters(group["drop"], "Drop from the network's own accuracy, in points", points),
    ]


def inertia_table(stages: Stages) -> Table:
    """Make the table of what the centres leave of the spread of the coefficients."""
    inertia = stages["compression"]["inertia"]
    total = inertia.sum("output", skipna=False)
    share = total / total.isel(clusters=0)
    least = int(inertia["clusters"][0])
    title = f"Squared distance to the nearest centre, summed over outputs, in % of that with k = {least}"
    return _by_clusters(share, title, accuracy)


def _by_clusters(
    values: xr.DataArray, title: str, write: Callable[[float], str], own: pd.Series | None = None
) -> Table:
    frame = _frame(values, "network", "clusters").map(write)
    frame.columns = pd.Index([f"k = {k}" for k in frame.columns])
    if own is not None and bool(own.notna().any()):
        frame.insert(0, "Network's own", own.reindex(frame.index).map(write))
    return Table(title, frame.reset_index(names="Network"))


def _frame(values: xr.DataArray, rows: str, columns: str) -> pd.DataFrame:
    return pd.DataFrame(
        values.transpose(rows, columns).values, values[rows].to_index(), values[columns].to_index()
    )


def matrix_table(matrix: xr.DataArray, title: str, write: Callable[[float], str]) -> Table:
    """Make the table of a number of every pair, rows from and columns to a network."""
    frame = _frame(matrix, "network_from", "network_to").map(write)
    return Table(title, frame.reset_index(names="From \N{RIGHTWARDS ARROW} to"))


def cka_table(stages: Stages) -> Table:
    """Make the table of the forms of CKA and their intervals, each pair of networks once."""
    group = stages["cka"]
    n = group.sizes["network_from"]
    first, second = np.triu_indices(n, 1)
    pairs = group.isel(
        network_from=xr.DataArray(first, dims="pair"), network_to=xr.DataArray(second, dims="pair")
    )
    cells = {
        "Network": pairs["network_from"].values,
        "And": pairs["network_to"].values,
        "CKA": list(map(_similarity, pairs["cka"].values)),
    }
    if "cka_low" in group:
        ends = zip(pairs["cka_low"].values, pairs["cka_high"].values, strict=True)
        cells["95 % of replicates"] = [f"{_similarity(low)} to {_similarity(high)}" for low, high in ends]
    if "cka_unbiased" in group:
        cells["Unbiased"] = list(map(_similarity, pairs["cka_unbiased"].values))
    return Table("Centred kernel alignment of all pairs", pd.DataFrame(cells))


def _similarity(value: float) -> str:
    return NOTHING if np.isnan(value) else f"{value:.4f}".replace("-", "\N{MINUS SIGN}")


def sensitivity_table(stages: Stages, straight: xr.DataArray | None) -> Table:
    """Make the table of how strongly, and how evenly, the outputs of each network change.

    Parameters
    ----------
    stages : Stages
    straight : xarray.DataArray, optional
        Share of the variance of each output that a straight line along its first direction explains.
    """
    values = stages["sensitivity"]["singular_value"]
    squares = values**2
    share = squares.isel(component=0) / squares.sum("component", skipna=False)
    first = values.isel(component=0)
    n = values.sizes["component"]
    cells = {
        "Network": values["network"].values,
        "First singular value: mean": list(map(significant, first.mean("output").values)),
        "least": list(map(significant, first.min("output").values)),
        "largest": list(map(significant, first.max("output").values)),
        f"First direction's share of the squares of {n}, %": list(map(accuracy, share.mean("output").values)),
    }
    if straight is not None:
        cells["Variance along it explained by a line, %"] = list(
            map(accuracy, straight.mean("output").values)
        )
    return Table("Sensitivity, means over the outputs", pd.DataFrame(cells))
