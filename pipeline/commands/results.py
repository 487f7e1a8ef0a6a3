"""Commands about what the store holds: `status`, `show`, `report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from relusweep.pipeline.commands.options import At, Store, StoredSweep, output, print_whole, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import xarray as xr

__all__ = ["print_table", "report", "show", "status"]

_SHOWN_VERSIONS = 5
_SHOWN_ROWS = 10

Folder = Annotated[
    Path, typer.Option("--folder", metavar="PATH", file_okay=False, help="Where the page and pictures go.")
]

Watch = Annotated[
    bool, typer.Option("--watch", help="Go on showing the runs that go, until they end or Ctrl-C.")
]


def status(store: Store = "results", watch: Watch = False) -> None:
    """Show what is done and what is missing of every sweep in a store, its newest runs and its last commits.

    With --watch, from any machine that sees the store, how far the runs are that go:

    relusweep status --watch --store s3://bucket/results
    """
    from relusweep.pipeline.commands.runs import print_failed, print_runs
    from relusweep.pipeline.monitoring.waiting import look_at_runs
    from relusweep.pipeline.monitoring.watch import watch_runs
    from relusweep.pipeline.report.stored import groups_in
    from relusweep.storage import StoreNotFound

    if watch:
        watch_runs(store, output)
        return
    runs = look_at_runs(store)
    try:
        groups = groups_in(store)
    except StoreNotFound:
        if not runs:
            raise
        groups = {}  # submitted, and nothing has come yet
    _print_groups(groups)
    print_runs(runs)
    print_failed(runs, groups)
    _print_versions(store)


def _print_groups(groups: Mapping[str, xr.Dataset]) -> None:
    incomplete = {}
    table = Table("group", "cells", "done", "missing", box=None)
    for name, group in groups.items():
        done = int(group["done"].sum())
        missing = group["done"].size - done
        table.add_row(name, f"{group['done'].size:,}", f"{done:,}", f"{missing:,}" if missing else "none")
        if missing and "success_epoch" in group:
            incomplete[name] = group
    if groups:
        output.print(table)
    else:
        say("Nothing has been stored yet.")
    for name, group in incomplete.items():
        _print_missing(name, group)


def _print_versions(store: str) -> None:
    from relusweep.storage import StoreNotFound, history

    try:
        versions = history(store)[:_SHOWN_VERSIONS]
    except StoreNotFound:
        return
    if not versions:
        return
    commits = Table("committed (UTC)", "what", "version", "tags", box=None)
    for version in versions:
        when = f"{version.written_at:%Y-%m-%d %H:%M:%S}"
        commits.add_row(when, version.message, version.id, ", ".join(version.tags))
    output.print()
    output.print(commits)


def show(sweep: StoredSweep = None, store: Store = "results", at: At = None) -> None:
    """Show what tells most about a sweep, as its success rates.

    relusweep show npn4 --at 2026-11-20
    """
    from relusweep.pipeline.report import report_on
    from relusweep.pipeline.report.stored import open_sweep

    name, data = open_sweep(store, sweep, at)
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
    from relusweep.pipeline.report.stored import report_stored

    page = report_stored(store, sweep, folder, at)
    say(f"The report is at {escape(str(page.absolute()))}")


def _print_missing(name: str, group: xr.Dataset) -> None:
    from relusweep.pipeline.report import missing_table

    missing = missing_table(group).cells
    print_table(f"Missing in {name}", missing.head(_SHOWN_ROWS))
    if (more := len(missing) - _SHOWN_ROWS) > 0:
        say(f" … and {more} more")


def print_table(title: str, cells: pd.DataFrame) -> None:
    """Print a table under its title."""
    say(f"\n[italic]{escape(title)}[/]")
    table = Table(*map(escape, map(str, cells.columns)), box=None)
    for row in cells.itertuples(index=False):
        table.add_row(*(escape(str(cell)) for cell in row))
    print_whole(table)
