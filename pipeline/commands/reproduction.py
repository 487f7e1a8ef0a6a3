"""The command about sources: `reproduce`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from rich.markup import escape
from typer import Argument, Exit, Option

from relusweep.pipeline.commands import completion
from relusweep.pipeline.commands.options import (
    Cluster,
    Log,
    Scheduler,
    Store,
    Threads,
    Workers,
    print_table,
    say,
)
from relusweep.pipeline.commands.sweeps import DryRun, cluster_config, listeners
from relusweep.pipeline.common.wording import counted

if TYPE_CHECKING:
    from relusweep.pipeline.monitoring.events import Listener
    from relusweep.pipeline.reproduction.plan import Part, Reproduction

__all__ = ["reproduce"]

_INTERRUPTED = 130

Source = Annotated[
    str | None,
    Argument(
        metavar="[SOURCE]",
        help="Which; without one, those that there are are listed.",
        autocompletion=completion.sources,
    ),
]
Scale = Annotated[
    Literal["small", "source", "large"],
    Option(
        "--scale",
        help="small: a minute or two; source: as large as the source's; large: the named sweeps as they are.",
    ),
]
Folder = Annotated[
    Path, Option("--folder", metavar="PATH", file_okay=False, help="Where the page and its pictures go.")
]
DataSet = Annotated[
    str | None,
    Option(
        "--dataset",
        metavar="NAME",
        help="Images: digits (bundled), mnist, …; without one, sweeps of images are left out.",
    ),
]
DataPath = Annotated[
    str | None, Option("--path", metavar="PATH", help="The folder of the data set of images, if not digits.")
]


def reproduce(
    source: Source = None,
    scale: Scale = "small",
    store: Store = "results",
    folder: Folder = Path("reproduction"),
    dataset: DataSet = None,
    path: DataPath = None,
    workers: Workers = None,
    threads_per_worker: Threads = None,
    scheduler: Scheduler = None,
    cluster: Cluster = None,
    dry_run: DryRun = False,
    log: Log = None,
) -> None:
    """Run what a source reports, sweep by sweep, and write a page with its claims and tables beside ours.

    Stop it in any way, and run it again: it computes what the store lacks. A small scale grows into a large
    one in the same store.

    relusweep reproduce                                   (lists the sources)

    relusweep reproduce compositional --dry-run           (its sweeps, and their time)

    relusweep reproduce compositional

    relusweep reproduce compositional --scale source

    relusweep reproduce dissertation --dataset mnist --path data/mnist
    """
    from relusweep.pipeline.reproduction.plan import reproduction
    from relusweep.pipeline.reproduction.run import reproduce as run

    if source is None:
        _print_sources()
        return
    asked = reproduction(source, scale, store, dataset=dataset, path=path)
    if dry_run:
        say(escape(repr(asked)))
        return
    config = cluster_config(workers, threads_per_worker, scheduler, cluster)
    command = shlex.join(["relusweep", *sys.argv[1:]])

    @contextmanager
    def listen(part: Part, run_id: str) -> Iterator[Sequence[Listener]]:
        number = asked.parts.index(part) + 1
        say(f"\n[bold]{number} of {len(asked.parts)}: {part.step.sweep}[/], {escape(part.step.shows)}")
        with ExitStack() as stack:
            yield listeners(stack, run_id, store, log)

    _print_left_out(asked)
    ended = run(asked, config, folder, listen=listen, command=command)
    if ended.page is None:
        say(f"Stopped; everything so far is in {escape(store)}. Go on with:\n  {escape(command)}")
        raise Exit(_INTERRUPTED)
    say(f"\nThe page is at {escape(str(ended.page.absolute()))}")
    if ended.failed:
        each = ", ".join(f"{counted(count, 'block')} of {sweep}" for sweep, count in ended.failed.items())
        say(f"[red]Failed: {escape(each)}[/]; the others are stored. Try again with:\n  {escape(command)}")
        raise Exit(1)


def _print_sources() -> None:
    from relusweep.pipeline.reproduction.plan import SOURCES

    rows = [(name, str(len(of.steps)), of.title, of.reference) for name, of in SOURCES.items()]
    print_table(("source", "sweeps", "of", "reference"), rows)
    say("Look at the sweeps of one with [bold]relusweep reproduce SOURCE --dry-run[/]")


def _print_left_out(asked: Reproduction) -> None:
    for part in asked.parts:
        if part.left_out:
            say(f"{part.step.sweep} is left out: {escape(part.left_out)}")
