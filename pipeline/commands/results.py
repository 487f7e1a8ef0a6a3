"""Commands about what has been computed: `show`, `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from rich.markup import escape
from typer import Option

from relusweep.pipeline.commands.options import At, Store, StoredSweep, print_blocks, say

__all__ = ["report", "show"]

Folder = Annotated[
    Path, Option("--folder", metavar="PATH", file_okay=False, help="Where the page and pictures go.")
]


def show(sweep: StoredSweep = None, store: Store = "results", at: At = None) -> None:
    """Show what tells most about a sweep, as its success rates.

    relusweep show npn4 --at 2026-11-20
    """
    from relusweep.pipeline.common.divergence import diverged_in_words
    from relusweep.pipeline.report.kinds import report_on
    from relusweep.pipeline.report.stored import open_sweep

    name, data = open_sweep(store, sweep, at)
    say(f"[bold]{name}[/] in {escape(store)}{escape(f', as of {at}') if at else ''}")
    if words := diverged_in_words(data):
        say(escape(" ".join(words)))
    print_blocks(report_on(data).overview(data))


def report(
    sweep: StoredSweep = None, store: Store = "results", folder: Folder = Path("report"), at: At = None
) -> None:
    """Write the report: a page that needs nothing else, and its pictures as PNG and SVG.

    relusweep report npn4 --at night-12
    """
    from relusweep.pipeline.report.stored import report_stored

    page = report_stored(store, sweep, folder, at)
    say(f"The report is at {escape(str(page.absolute()))}")
