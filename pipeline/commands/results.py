"""Commands about what the store holds: `status`, `show`, `report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from pipeline.commands.options import Store, StoredSweep, output, say

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["report", "show", "status"]

_SHOWN_VERSIONS = 5
_SHOWN_CLASSES = 10
_SHOWN_SIZES = 10

Folder = Annotated[
    Path, typer.Option("--folder", metavar="PATH", file_okay=False, help="Where the page and pictures go.")
]


def status(store: Store = "results") -> None:
    """Show what is done and what is missing of every sweep in a store, and its last commits."""
    from storage import history

    groups = _groups(store)
    table = Table("group", "cells", "done", "missing", box=None)
    for name, group in groups.items():
        done = int(group["done"].sum())
        missing = group["done"].size - done
        table.add_row(name, f"{group['done'].size:,}", f"{done:,}", f"{missing:,}" if missing else "none")
    output.print(table)
    for name, group in groups.items():
        if "success_epoch" in group:
            _print_missing(name, group.sweep.missing())
    commits = Table("committed (UTC)", "what", "version", "tags", box=None)
    for version in history(store)[:_SHOWN_VERSIONS]:
        when = f"{version.written_at:%Y-%m-%d %H:%M:%S}"
        commits.add_row(when, version.message, version.id, ", ".join(version.tags))
    output.print()
    output.print(commits)


def show(sweep: StoredSweep = None, store: Store = "results") -> None:
    """Show success rates by size, the hardest classes and the least widths that learn them."""
    name, data = _chosen(store, sweep)
    say(f"[bold]{name}[/] in {escape(store)}")
    rates = data.sweep.success_rate(["problem", "trial"]).compute()
    for leak in data["leak"].values:
        output.print(_success_table(rates.sel(leak=leak), leak))
    rates = data.sweep.success_rate(["width", "depth", "trial"])["rate"].compute()
    for leak in data["leak"].values:
        output.print(_swaps_table(data, rates.sel(leak=leak)))
    _print_most_swaps(data)
    output.print(_hardest_table(data))
    if (data["depth"] == 1).any():
        output.print(_width_table(data))


def report(sweep: StoredSweep = None, store: Store = "results", folder: Folder = Path("report")) -> None:
    """Write the report: a page that needs nothing else, and its pictures as PNG and SVG."""
    from pipeline.facts import run_facts
    from pipeline.report import write_report

    name, data = _chosen(store, sweep)
    page = write_report(data, folder.expanduser(), run_facts(store, name))
    say(f"The report is at {escape(str(page.absolute()))}")


def _groups(store: str) -> dict[str, xr.Dataset]:
    """Find the sweeps of a store by their groups."""
    from storage import open_datatree

    tree = open_datatree(store)
    return {node.path.strip("/"): node.to_dataset() for node in tree.subtree if "specification" in node.attrs}


def _chosen(store: str, sweep: str | None) -> tuple[str, xr.Dataset]:
    from pipeline.errors import UnknownSweep

    groups = _groups(store)
    trained = {name: group for name, group in groups.items() if "success_epoch" in group}
    chosen = [name for name in trained if sweep is None or sweep in (name, name.rpartition("/")[2])]
    if len(chosen) != 1:
        there = ", ".join(trained) or "none"
        what = "more than one sweep" if sweep is None and trained else f"no sweep {sweep or ''}".strip()
        raise UnknownSweep(f"{what} in {store}; name one of those there: {there}")
    return chosen[0], groups[chosen[0]]


def _print_missing(name: str, missing: pd.DataFrame) -> None:
    if missing.empty:
        return
    table = _titled(f"Missing in {name}", *map(str, missing.columns))
    for row in missing.head(_SHOWN_SIZES).itertuples(index=False):
        table.add_row(*(f"{value:g}" for value in row))
    output.print(table)
    if (more := len(missing) - _SHOWN_SIZES) > 0:
        say(f" … and {more} more sizes")


def _titled(title: str, *columns: str) -> Table:
    say(f"\n[italic]{title}[/]")
    return Table(*columns, box=None)


def _success_table(rates: xr.Dataset, leak: float) -> Table:
    depths = (f"depth {depth}" for depth in rates["depth"].values)
    apart = max(float(abs(rates[end] - rates["rate"]).max()) for end in ("low", "high"))
    about = f"95 % intervals reach at most {100 * apart:.1f} from them"
    table = _titled(f"Learned with leak {leak:g}, % ({about})", "width", *depths)
    for width in rates["width"].values:
        cells = (rates.sel(width=width, depth=depth) for depth in rates["depth"].values)
        table.add_row(str(width), *(_percent(cell) for cell in cells))
    return table


def _percent(cell: xr.Dataset) -> str:
    return f"{100 * float(cell['rate']):.1f}" if int(cell["networks"]) else "[dim]not run[/]"


def _swaps_table(data: xr.Dataset, rate: xr.DataArray) -> Table:
    from pipeline.report.summary import by_swaps

    levels = by_swaps(data, rate)
    title = f"Learned by swaps, leak {float(rate['leak']):g}, % of the networks of a class"
    table = _titled(title, "swaps", "classes", "mean", "least", "5 %", "median", "95 %")
    for swaps, classes, *rates in levels[["classes", "mean", "least", "low", "median", "high"]].itertuples():
        table.add_row(f"{swaps}", f"{classes:,}", *(f"{100 * value:.1f}" for value in rates))
    return table


def _print_most_swaps(data: xr.Dataset) -> None:
    most = int(data["swaps"].max())
    ids = data["problem"].values[data["swaps"].values == most].tolist()
    more = f" and {len(ids) - _SHOWN_CLASSES:,} more" if len(ids) > _SHOWN_CLASSES else ""
    say(f"Classes of most swaps, {most}: {', '.join(map(str, ids[:_SHOWN_CLASSES]))}{more}")


def _hardest_table(data: xr.Dataset) -> Table:
    table = _titled(
        "Hardest classes, by the sizes where they are within one point of the lowest rate",
        *("leak", "class", "truth table", "swaps", "sizes"),
    )
    for row in data.sweep.hardest(_SHOWN_CLASSES).itertuples():
        problem = data[["truth_table", "swaps"]].sel(problem=row.problem)
        words = (
            f"{row.leak:g}",
            row.problem,
            problem["truth_table"].item(),
            problem["swaps"].item(),
            row.count,
        )
        table.add_row(*map(str, words))
    return table


def _width_table(data: xr.Dataset) -> Table:
    widths = data.sweep.minimum_width().compute()
    values = sorted(set(widths.values.ravel().tolist()), key=lambda width: (width < 0, width))
    columns = ("none" if value < 0 else f"width {value}" for value in values)
    table = _titled("Classes by the least width that learned them with one hidden layer", "leak", *columns)
    for leak in widths["leak"].values:
        counts = (int((widths.sel(leak=leak) == value).sum()) for value in values)
        table.add_row(f"{leak:g}", *map(str, counts))
    return table
