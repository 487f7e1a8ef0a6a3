"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

__all__ = [
    "At",
    "Cluster",
    "Log",
    "Scheduler",
    "Settings",
    "Store",
    "StoredSweep",
    "Sweep",
    "Threads",
    "Workers",
    "hints",
    "output",
    "print_whole",
    "say",
]

_WIDEST = 1000

Sweep = Annotated[str, typer.Argument(help="A named sweep (see `relusweep sweeps`) or a YAML file.")]
StoredSweep = Annotated[
    str | None,
    typer.Argument(metavar="[SWEEP]", help="A sweep in the store; not needed where there is only one."),
]
Store = Annotated[str, typer.Option("--store", metavar="PATH", help="A directory, or s3://bucket/prefix.")]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="VERSION",
        help="A tag, a date (2026-11-20, or 2026-11-20T10:00), an id of `relusweep log`, or newest.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Change the sweep: trials=10, width=2,3, width=2..10, optimizer.learning_rate=0.01. Repeatable.",
    ),
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, metavar="N", help="Processes; by default one per processor.")
]
Threads = Annotated[
    int | None,
    typer.Option("--threads-per-worker", min=1, metavar="N", help="Blocks at a time per process."),
]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="ADDRESS", help="A Dask scheduler that runs: tcp://host:8786."),
]
Cluster = Annotated[
    str | None,
    typer.Option("--cluster", metavar="FILE", help="YAML that says where to compute; see docs/clusters."),
]
Log = Annotated[
    str | None,
    typer.Option("--log", metavar="FILE", help="Append a line of JSON for each event; - is standard error."),
]

output = Console()
hints = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


def say(words: str) -> None:
    """Print a line of markup; a terminal may wrap it, but no path or command is broken up."""
    output.print(words, soft_wrap=True, highlight=False)


def print_whole(table: Table) -> None:
    """Print a table, rather in lines that the terminal wraps than with numbers or names cut off."""
    whole = Measurement.get(output, output.options.update(max_width=_WIDEST), table).maximum
    if whole > output.width:
        table.width = whole
    output.print(table, crop=False)
