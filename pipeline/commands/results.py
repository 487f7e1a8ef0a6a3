"""Commands about what has been computed: `show`, `report`, `animate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from rich.markup import escape
from typer import Option

from relusweep.pipeline.commands.options import At, Labels, Store, StoredSweep, print_blocks, say

__all__ = ["animate", "report", "show"]

Folder = Annotated[
    Path, Option("--folder", metavar="PATH", file_okay=False, help="Where the page and pictures go.")
]
Import = Annotated[
    list[str] | None,
    Option(
        "--import",
        metavar="MODULE:NAME",
        help="Code of your own that may be imported; what only a store names is not. Repeatable.",
    ),
]
File = Annotated[
    Path,
    Option("--file", metavar="PATH", dir_okay=False, help="What to write: a name in .html, .gif or .mp4."),
]


def show(sweep: StoredSweep = None, store: Store = "results", at: At = None) -> None:
    """Show what tells most about a sweep, as its success rates.

    relusweep show npn4 --at 2026-11-20
    """
    from relusweep.pipeline.common.asked import asked_in_words
    from relusweep.pipeline.common.divergence import diverged_in_words
    from relusweep.pipeline.report.kinds import report_on
    from relusweep.pipeline.report.stored import open_sweep

    name, data = open_sweep(store, sweep, at)
    say(f"[bold]{name}[/] in {escape(store)}{escape(f', as of {at}') if at else ''}")
    if words := [*asked_in_words(data), *diverged_in_words(data)]:
        say(escape(" ".join(words)))
    print_blocks(report_on(data).overview(data))


def report(
    sweep: StoredSweep = None,
    store: Store = "results",
    folder: Folder = Path("report"),
    at: At = None,
    imports: Import = None,
) -> None:
    """Write the report: a page that needs nothing else, and its pictures as PNG and SVG.

    relusweep report npn4 --at night-12
    """
    from relusweep.pipeline.report.stored import report_stored
    from relusweep.pipeline.sweeps.training.again import importing

    with importing(imports or ()):
        page = report_stored(store, sweep, folder, at)
    say(f"The report is at {escape(str(page.absolute()))}")


def animate(
    sweep: StoredSweep = None,
    store: Store = "results",
    labels: Labels = None,
    file: File = Path("animation.html"),
    at: At = None,
    imports: Import = None,
) -> None:
    """Show the training of a network of two inputs: its regions, boundary and maps, epoch by epoch.

    relusweep animate plane_xor --label widths=8-8-8

    relusweep animate plane_xor --label trial=3 --file xor.gif
    """
    import xarray as xr

    from relusweep.pipeline.common.errors import CannotDraw
    from relusweep.pipeline.common.labels import selected
    from relusweep.pipeline.common.paths import expanded
    from relusweep.pipeline.report.plane.animate import animate as write
    from relusweep.pipeline.report.stored import open_sweep
    from relusweep.pipeline.sweeps.training.again import importing

    name, data = open_sweep(store, sweep, at)
    if not isinstance(data, xr.Dataset) or "success_epoch" not in data:
        raise CannotDraw(f"{name} has no networks of two inputs")
    path = expanded(file)
    with importing(imports or ()):
        of = write(selected(data, labels or ()), path)
    say(f"The training of {escape(of.name)} is at {escape(str(path.absolute()))}")
