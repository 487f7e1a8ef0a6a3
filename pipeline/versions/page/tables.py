"""The tables of two versions compared, for the page and for the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.text import NOTHING, percent

__all__ = [
    "blocks_table",
    "labels_table",
    "networks_table",
    "problems_table",
    "ranges",
    "rates_table",
    "settings_table",
    "stages_table",
    "variables_table",
]

_CHANGED = 2
_STATUS = ("same", "changed", "added", "removed")
_TESTS = ("none", "McNemar", "Fisher", "Mantel\N{EN DASH}Haenszel")
_MOST_ROWS = 15


def settings_table(compared: xr.Dataset) -> Table:
    """Make the table of settings, libraries and machine, where they differ."""
    rows = [
        {
            "What": what,
            "Field": field,
            compared.attrs["a"]: _short(one),
            compared.attrs["b"]: _short(other),
        }
        for what in ("specification", "versions", "machine")
        for field, one, other in json.loads(compared.attrs[f"{what}_difference"])
    ]
    return Table("Settings, libraries and machine, where they differ", pd.DataFrame(rows))


def _short(value: Any) -> str:
    text = NOTHING if value is None else json.dumps(value, ensure_ascii=False).strip('"')
    return text if len(text) <= 60 else f"{text[:59]}…"


def variables_table(compared: xr.Dataset) -> Table:
    """Make the table of what became of the values of every variable."""
    table = compared[[*_STATUS, "largest_absolute", "largest_relative", "undefined", "chunks_read"]]
    frame = table.assign(chunks=table["chunks_read"] + compared["chunks_skipped"]).to_dataframe()
    in_both = (frame["same"] + frame["changed"]).to_numpy()
    share = np.where(in_both > 0, frame["changed"] / np.maximum(in_both, 1), np.nan)
    cells: dict[str, Any] = {"Variable": frame.index.map(str)}
    cells |= {status.capitalize(): frame[status].map("{:,}".format).to_numpy() for status in _STATUS}
    cells |= {
        "Changed, % of those in both": [*map(percent, share)],
        "Largest difference": _numbers(frame, "largest_absolute"),
        "Relative": _numbers(frame, "largest_relative"),
        **({"To or from NaN": frame["undefined"].to_numpy()} if frame["undefined"].any() else {}),
        "Chunks read": [f"{read:,} of {of:,}" for read, of in frame[["chunks_read", "chunks"]].to_numpy()],
    }
    return Table("Values, bit for bit", pd.DataFrame(cells))


def _numbers(frame: pd.DataFrame, name: str) -> list[str]:
    """Write the largest differences; those of fingerprints mean nothing."""
    compared = (frame["changed"] > 0) & ~frame.index.str.endswith("fingerprint")
    return [f"{value:.3g}" if known else NOTHING for value, known in zip(frame[name], compared, strict=True)]


def stages_table(compared: xr.Dataset) -> Table:
    """Make the table of what became of the cells of every stage."""
    counts = {
        status.capitalize(): compared[f"stage_{status}"].to_series().map("{:,}".format) for status in _STATUS
    }
    return Table("Cells by stage", pd.DataFrame(counts).reset_index(names="Stage"))


def labels_table(compared: xr.Dataset) -> Table:
    """Make the table of the labels along every dimension at which cells changed."""
    changed = compared["status"] == _CHANGED
    rows = []
    for dim in changed.dims:
        counts = changed.sum([other for other in changed.dims if other != dim]).to_series()
        touched = counts[counts > 0]
        rows.append(
            {
                "Along": str(dim),
                "Labels with changes": f"{len(touched):,} of {len(counts):,}",
                "Which": ranges(touched.index.tolist(), counts.index.tolist()) or NOTHING,
                "Most changes at": NOTHING
                if touched.empty
                else f"{label(touched.idxmax())} ({touched.max():,})",
            }
        )
    return Table("Where cells changed", pd.DataFrame(rows))


def ranges(labels: list[Any], among: list[Any]) -> str:
    """Write labels as ranges of those along an axis, shortened where they are many.

    Examples
    --------
    >>> ranges([2, 3, 4, 7], [2, 3, 4, 5, 6, 7])
    '2..4, 7'
    """
    at = [among.index(value) for value in labels]
    cuts = [0, *(i + 1 for i, (one, other) in enumerate(pairwise(at)) if other != one + 1), len(at)]
    runs = [labels[a:b] for a, b in pairwise(cuts) if b > a]
    parts = [
        f"{label(run[0])}..{label(run[-1])}" if len(run) > 2 else ", ".join(map(label, run)) for run in runs
    ]
    more = len(parts) - 8
    return ", ".join(parts[:8]) + (f" and {more} more" if more > 0 else "")


def blocks_table(compared: xr.Dataset) -> Table | None:
    """Make the table of the blocks with most changes: by all dimensions but the first and the last."""
    changed = compared["status"] == _CHANGED
    dims = [str(dim) for dim in changed.dims]
    if len(dims) < 3:
        return None
    first, last = dims[0], dims[-1]
    counts = changed.sum([first, last]).to_series()
    rows = []
    for labels, count in (
        counts[counts > 0].sort_values(ascending=False, kind="stable").head(_MOST_ROWS).items()
    ):
        where = dict(zip(dims[1:-1], labels if isinstance(labels, tuple) else (labels,), strict=True))
        part = changed.sel(where)
        spans = {
            dim: ranges(
                part[dim].to_numpy()[part.any(other).to_numpy()].tolist(), part[dim].to_numpy().tolist()
            )
            for dim, other in ((first, last), (last, first))
        }
        rows.append({**{dim: label(value) for dim, value in where.items()}, **spans, "Changed": f"{count:,}"})
    title = f"Blocks with changes, {min(len(rows), _MOST_ROWS)} of {int((counts > 0).sum()):,}, most first"
    return Table(title, pd.DataFrame(rows)) if rows else None


def rates_table(compared: xr.Dataset, prefix: str = "", most: int = _MOST_ROWS) -> Table:
    """Make the table of the rates that differ most: by corrected p value, then by the largest difference."""
    names = ("rate_a", "rate_b", "difference", "low", "high", "test", "p_value", "q_value", "significant")
    table = compared[[f"{prefix}{name}" for name in names]].rename(
        {f"{prefix}{name}": name for name in names}
    )
    frame = table.reset_coords(drop=True).to_dataframe()
    frame = frame[frame["test"] > 0].assign(size=lambda rows: -rows["difference"].abs())
    frame = frame.sort_values(["q_value", "size"], kind="stable").head(most).reset_index()
    dims = [str(dim) for dim in table["difference"].dims]
    cells = {dim.capitalize(): frame[dim].map(label) for dim in dims} | {
        f"{compared.attrs['a']}, %": frame["rate_a"].map(percent),
        f"{compared.attrs['b']}, %": frame["rate_b"].map(percent),
        "Difference, points [95 %]": [*_differences(frame)],
        "Test": frame["test"].map(_TESTS.__getitem__),
        "p": frame["p_value"].map("{:.2g}".format),
        "p corrected": frame["q_value"].map("{:.2g}".format),
        "More than chance": np.where(frame["significant"], "yes", "no"),
    }
    what = "sizes, all problems together" if prefix else "network sets"
    return Table(f"Rates that differ most: {what}", pd.DataFrame(cells))


def _differences(frame: pd.DataFrame) -> Iterator[str]:
    for value, low, high in (100 * frame[["difference", "low", "high"]]).to_numpy():
        yield f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def problems_table(compared: xr.Dataset) -> Table:
    """Make the table of the problems that differ most: at how many sizes beyond chance, and by how much."""
    sizes = [dim for dim in compared["difference"].dims if dim != "problem"]
    known = [
        name
        for name in ("truth_table", "swaps")
        if compared.coords.get(name, xr.DataArray()).dims == ("problem",)
    ]
    summed = xr.Dataset(
        {
            "significant": compared["significant"].sum(sizes),
            "tested": (compared["test"] > 0).sum(sizes),
            "mean": compared["difference"].mean(sizes),
            "least": compared["difference"].min(sizes),
            "most": compared["difference"].max(sizes),
        }
    )
    frame = summed.reset_coords().to_dataframe().assign(size=lambda rows: -rows["mean"].abs())
    frame = frame[frame["tested"] > 0].sort_values(
        ["significant", "size"], ascending=[False, True], kind="stable"
    )
    frame = frame.head(_MOST_ROWS)
    cells: dict[str, Any] = {"Problem": frame.index.map(label)}
    cells |= {name.replace("_", " ").capitalize(): frame[name].map(label).to_numpy() for name in known}
    cells["Sizes that differ by more than chance"] = [
        f"{count:,} of {of:,}" for count, of in frame[["significant", "tested"]].to_numpy()
    ]
    for heading, name in (("Difference, points: mean", "mean"), ("least", "least"), ("most", "most")):
        cells[heading] = [f"{100 * value:+.1f}" for value in frame[name]]
    return Table("Problems that differ most", pd.DataFrame(cells))


def networks_table(compared: xr.Dataset) -> Table | None:
    """Make the table of the largest differences by network, of the variables in which any differs."""
    if "network" not in compared.dims:
        return None
    change = compared["largest_change"]
    change = change.isel(variable=(change > 0).any("network").to_numpy())
    if not change.size:
        return None
    frame = pd.DataFrame(change.to_numpy().T, change["network"].to_numpy(), change["variable"].to_numpy())
    cells = frame.map(lambda value: NOTHING if np.isnan(value) else f"{value:.3g}")
    return Table("Largest difference by network", cells.reset_index(names="Network"))
