"""The tables of the page: shapes, classes, and what is open."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.frontier.summary import SHAPE, Frontier
from relusweep.pipeline.report.text import NOTHING, leak_name

__all__ = ["TIMES", "class_table", "open_table", "power_table", "shape_table", "swaps_table"]

TIMES = "\N{MULTIPLICATION SIGN}"
_MOST_IDS = 6


def shape_table(frontier: Frontier) -> Table:
    """Count the classes that each shape solves, and those of which it is not known."""
    return Table("Classes by shape", pd.DataFrame(_shapes(frontier)))


def _shapes(frontier: Frontier) -> Iterator[dict[str, str]]:
    for leak in frontier.leaks:
        found, still = frontier.found.sel(leak=leak), frontier.open.sel(leak=leak)
        for at in _places(frontier.first):
            constructed, there = frontier.constructed.sel(at), found.sel(at)
            tried = frontier.starts.sel({"leak": leak, **at}).where(still.sel(at)).values
            yield {
                "Leak": f"{leak:g}",
                "Shape": _shape(at),
                "Found": _count(there),
                "Constructed": _count(constructed),
                "Found, no construction": _count(there & ~constructed),
                "Excluded": _count(frontier.excluded.sel(at)),
                "Open": _count(still.sel(at)),
                "Starts of an open one": NOTHING if np.isnan(tried).all() else f"{np.nanmin(tried):,.0f}",
            }


def power_table(frontier: Frontier) -> Table:
    """Ask of each shape whether it solves all classes with fewer swaps than width to the power of depth."""
    title = "Does width w and depth l solve every class with fewer than w^l swaps?"
    return Table(title, pd.DataFrame(_powers(frontier)))


def _powers(frontier: Frontier) -> Iterator[dict[str, str]]:
    for at in _places(frontier.first):
        power = at["width"] ** at["depth"]
        below = frontier.swaps < power
        row = {"Shape": _shape(at), "w^l": f"{power:,}", "Classes with fewer swaps": _count(below)}
        for leak in frontier.leaks:
            still = frontier.open.sel({"leak": leak, **at}) & below
            excluded = frontier.excluded.sel(at) & below
            name = leak_name(leak)
            row[f"{name}: open"] = _ids(frontier, still)
            row[f"{name}: answer"] = (
                "no" if excluded.any() else "yes" if not still.any() else f"{_count(still)} open"
            )
        yield row


def swaps_table(frontier: Frontier) -> Table:
    """Set the least width of one hidden layer that was found beside the swaps, which suffice."""
    found = frontier.found.sel(depth=1)
    widths = found["width"].values
    least = found["width"].where(found).min("width").transpose("leak", "problem")
    rows = []
    for leak in frontier.leaks:
        for swaps in np.unique(frontier.swaps):
            of = least.sel(leak=leak).where(frontier.swaps == swaps, drop=True).values
            counts = {f"width {width}": f"{(of == width).sum()}" for width in widths}
            rows.append(
                {
                    "Leak": f"{leak:g}",
                    "Swaps": f"{swaps}",
                    "Classes": f"{len(of)}",
                    **counts,
                    "none": f"{np.isnan(of).sum()}",
                    "narrower than swaps": f"{(of < swaps).sum()}",
                }
            )
    return Table(
        "Classes by swaps and the least width of one hidden layer that was found", pd.DataFrame(rows)
    )


def class_table(frontier: Frontier) -> Table:
    """List for every class the least shapes that are known."""
    rows = []
    for problem in frontier.first["problem"].values:
        of = frontier.truth_table.sel(problem=problem).item()
        row = {
            "Class (id)": str(problem),
            "Truth table": " ".join(of[start : start + 4] for start in range(0, len(of), 4)),
            "Swaps": str(int(frontier.swaps.sel(problem=problem))),
            "Constructed": _list(frontier.least_constructed.sel(problem=problem)),
        }
        for leak in frontier.leaks:
            at = {"problem": problem, "leak": leak}
            row[f"{leak_name(leak)}: found (trial)"] = _list(
                frontier.least_found.sel(at), frontier.first.sel(at)
            )
        rows.append(row)
    return Table(f"Least shapes, width {TIMES} depth", pd.DataFrame(rows), code=("Truth table",))


def open_table(frontier: Frontier) -> Table:
    """List the open shapes next to one that is known, with their starts."""
    rows = []
    for leak in frontier.leaks:
        near = frontier.at_the_frontier.sel(leak=leak)
        for at in _places(frontier.first):
            some = near.sel(at)
            for problem in frontier.first["problem"].values[some.values]:
                place = {"problem": problem, "leak": leak, **at}
                rows.append(
                    {
                        "Leak": f"{leak:g}",
                        "Shape": _shape(at),
                        "Class (id)": str(problem),
                        "Swaps": str(int(frontier.swaps.sel(problem=problem))),
                        "Starts": f"{int(frontier.starts.sel(place)):,}",
                    }
                )
    columns = ["Leak", "Shape", "Class (id)", "Swaps", "Starts"]
    return Table("Open shapes next to known ones", pd.DataFrame(rows, columns=columns))


def _places(first: xr.DataArray) -> Iterator[dict[str, int]]:
    for width in first["width"].values.tolist():
        for depth in first["depth"].values.tolist():
            yield dict(zip(SHAPE, (width, depth), strict=True))


def _shape(at: dict[str, int]) -> str:
    return f"{at['width']} {TIMES} {at['depth']}"


def _count(where: xr.DataArray) -> str:
    return f"{int(where.sum()):,}"


def _ids(frontier: Frontier, where: xr.DataArray) -> str:
    ids = frontier.first["problem"].values[where.values].tolist()
    more = f" and {len(ids) - _MOST_IDS:,} more" if len(ids) > _MOST_IDS else ""
    return ", ".join(map(str, ids[:_MOST_IDS])) + more if ids else NOTHING


def _list(least: xr.DataArray, first: xr.DataArray | None = None) -> str:
    shapes = [at for at in _places(least) if bool(least.sel(at))]
    trials = ["" if first is None else f" ({int(first.sel(at)):,})" for at in shapes]
    return ", ".join(_shape(at) + trial for at, trial in zip(shapes, trials, strict=True)) or NOTHING
