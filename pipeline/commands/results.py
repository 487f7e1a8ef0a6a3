"""Commands about what has been computed: `show`, `report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from relusweep.pipeline.commands.options import At, Store, StoredSweep, print_whole, say

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pandas as pd
    import xarray as xr

__all__ = ["choose", "names_in", "print_table", "report", "show"]

Folder = Annotated[
    Path, typer.Option("--folder", metavar="PATH", file_okay=False, help="Where the page and pictures go.")
]


def show(sweep: StoredSweep = None, store: Store = "results", at: At = None) -> None:
    """Show what tells most about a sweep, as its success rates.

    relusweep show npn4 --at 2026-11-20
    """
    from relusweep.pipeline.report.kinds import report_on

    name, data = _chosen(store, sweep, at)
    say(f"[bold]{name}[/] in {escape(store)}{escape(f', as of {at}') if at else ''}")
    for block in report_on(data).overview(data):
        if isinstance(block, str):
            say(escape(block))
        else:
            print_table(block.title, block.cells)


def report(
    sweep: StoredSweep = None, store: Store = "results", folder: Folder = Path("report"), at: At = None
) -> None:
    """Write the report: a page that needs nothing else, and its pictures as PNG and SVG.

    relusweep report npn4 --at night-12
    """
    from relusweep.pipeline.monitoring.run_metrics import run_facts
    from relusweep.pipeline.report.page import write_report
    from relusweep.storage import resolve

    version = None if at is None else resolve(store, at)  # once: what a date means may change meanwhile
    name, data = _chosen(store, sweep, version)
    known = {"store": store, **run_facts(store, name, version), "group": name}
    facts = {**known, **_size(store)} if version is None else {**known, "version": version}
    page = write_report(data, folder.expanduser(), facts)
    say(f"The report is at {escape(str(page.absolute()))}")


def _groups(store: str, at: str | None = None) -> dict[str, xr.Dataset]:
    """Find the sweeps of a store by their groups."""
    from relusweep.storage import open_datatree

    tree = open_datatree(store, version=at)
    return {node.path.strip("/"): node.to_dataset() for node in tree.subtree if "specification" in node.attrs}


def _size(store: str) -> dict[str, int]:
    """Give what a store on a file system fills there, without the records of runs."""
    from relusweep.storage.repository import RECORDS, local_path

    path = local_path(store)
    if path is None:
        return {}
    files = (file for file in path.rglob("*") if file.is_file() and path / RECORDS not in file.parents)
    return {"store_bytes": sum(file.stat().st_size for file in files)}


def _chosen(store: str, sweep: str | None, at: str | None) -> tuple[str, xr.Dataset | xr.DataTree]:
    """Open a sweep that a report can read, in some version: a group, or the tree of the stages of one."""
    from relusweep.storage import open_datatree

    groups = _groups(store, at)
    name = choose(store, sweep, _names(groups))
    return name, groups[name] if name in groups else open_datatree(store, group=name, version=at)


def names_in(store: str, at: str) -> list[str]:
    """Name the sweeps that a version of a store has."""
    return _names(_groups(store, at))


def _names(groups: Mapping[str, xr.Dataset]) -> list[str]:
    """Name what a report can read: groups with rates, and the folders of groups that are stages."""
    from relusweep.pipeline.report.scale import report_group

    trees = {tree for name, group in groups.items() if (tree := report_group(name, group)) != name}
    return [*(name for name, group in groups.items() if "success_epoch" in group), *sorted(trees)]


def choose(store: str, sweep: str | None, known: Collection[str]) -> str:
    """Find the one that is meant among the names of sweeps.

    Raises
    ------
    UnknownSweep
        None is, or more than one could be.
    """
    from relusweep.pipeline.common.errors import UnknownSweep

    chosen = [name for name in known if sweep is None or sweep in (name, *name.split("/"))]
    if len(chosen) != 1:
        there = ", ".join(known) or "none"
        what = f"{'more than one' if chosen else 'no'} sweep {sweep or ''}".strip()
        raise UnknownSweep(f"{what} in {store}; name one of those there: {there}")
    return chosen[0]


def print_table(title: str, cells: pd.DataFrame) -> None:
    """Print a table under its title."""
    say(f"\n[italic]{escape(title)}[/]")
    table = Table(*map(escape, map(str, cells.columns)), box=None)
    for row in cells.itertuples(index=False):
        table.add_row(*(escape(str(cell)) for cell in row))
    print_whole(table)
