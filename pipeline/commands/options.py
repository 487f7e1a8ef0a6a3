"""Options that several commands share, and how all of them print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

from rich.console import Console
from rich.markup import escape
from typer import Argument, Option

from relusweep.pipeline.commands import completion
from relusweep.pipeline.common.display import Table

if TYPE_CHECKING:
    from relusweep.pipeline.report.content import Table as Cells

__all__ = [
    "At",
    "Cluster",
    "Labels",
    "Log",
    "Scheduler",
    "Settings",
    "Store",
    "StoredSweep",
    "Sweep",
    "Threads",
    "Workers",
    "output",
    "print_blocks",
    "print_table",
    "say",
]

Sweep = Annotated[
    str,
    Argument(help="A named sweep (see `relusweep sweeps`) or a YAML file.", autocompletion=completion.sweeps),
]
StoredSweep = Annotated[
    str | None,
    Argument(
        metavar="[SWEEP]",
        help="A sweep in the store; not needed where there is only one.",
        autocompletion=completion.stored_sweeps,
    ),
]
Store = Annotated[str, Option("--store", metavar="PATH", help="A directory, or s3://bucket/prefix.")]
At = Annotated[
    str | None,
    Option(
        "--at",
        metavar="VERSION",
        help="A tag, a date (2026-11-20, 2026-11 or 2026-11-20T10:00), an id of `relusweep log`, or newest.",
    ),
]
Labels = Annotated[
    list[str] | None,
    Option(
        "--label",
        metavar="AXIS=LABEL",
        help="Which networks: widths=8-8-8, trial=3, width=2,3. Repeatable; animate shows the best.",
    ),
]
Settings = Annotated[
    list[str] | None,
    Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Change the sweep: trials=10, width=2,3, width=2..10, optimizer.learning_rate=0.01. Repeatable.",
    ),
]
Workers = Annotated[
    int | None, Option("--workers", min=1, metavar="N", help="Processes; by default one per processor.")
]
Threads = Annotated[
    int | None, Option("--threads-per-worker", min=1, metavar="N", help="Blocks at a time per process.")
]
Scheduler = Annotated[
    str | None, Option("--scheduler", metavar="ADDRESS", help="A Dask scheduler that runs: tcp://host:8786.")
]
Cluster = Annotated[
    str | None,
    Option("--cluster", metavar="FILE", help="YAML that says where to compute; see docs/clusters."),
]
Log = Annotated[
    str | None,
    Option("--log", metavar="FILE", help="Append a line of JSON for each event; - is standard error."),
]

output = Console()


def say(words: str) -> None:
    """Print a line of markup; a terminal may wrap it, but no path or command is broken up."""
    output.print(words, soft_wrap=True, highlight=False)


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """Print a table under its title; a terminal may wrap its lines, but no number or name is cut off."""
    first, *others = Table(title, head, [*rows]).lines
    say("\n".join([*([f"\n[italic]{escape(title)}[/]"] if title else []), f"[bold]{escape(first)}[/]"]))
    for line in others:
        say(escape(line))


def print_blocks(blocks: Iterable[str | Cells]) -> None:
    """Print paragraphs and tables of a report."""
    for block in blocks:
        if isinstance(block, str):
            say(f"\n{escape(block)}")
        else:
            title, head, rows = Table.of(block.title, block.cells)
            print_table(head, rows, title)
