"""The command line: `relusweep`."""

from __future__ import annotations

import atexit
import errno
import gc
import os
import sys
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated

from rich.console import Console
from rich.markup import escape
from typer import Exit, Option, Typer, echo

from relusweep.pipeline.commands import (
    clusters,
    doctor,
    nightly,
    reproduction,
    results,
    search,
    submission,
    sweeps,
    versions,
)
from relusweep.pipeline.commands.fields import CommandOfFields
from relusweep.pipeline.commands.status import status
from relusweep.pipeline.common.redaction import redact

__all__ = ["app", "main"]

_HELP = """Sweeps over millions of small ReLU networks, in one versioned store that xarray reads.

A first run, to see everything work: [bold]relusweep run npn3 --set trials=10[/]

Then: [bold]relusweep show[/] for the figures, [bold]relusweep report[/] for the page with pictures.
"""

app = Typer(
    name="relusweep",
    help=_HELP,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        echo(f"relusweep {version('relusweep')}")
        raise Exit


@app.callback()
def _common(
    show_version: Annotated[
        bool, Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None: ...


_OF_FIELDS = (sweeps.plan, sweeps.run, search.search, submission.submit)
for command in (
    *(sweeps.sweeps, sweeps.plan, sweeps.run, search.search, reproduction.reproduce),
    *(status, results.show, results.report, results.animate),
    *(submission.submit, submission.cancel, doctor.doctor),
    *(versions.log, versions.tag, versions.compare, versions.expire),
):
    app.command(cls=CommandOfFields if command in _OF_FIELDS else None)(command)
app.add_typer(clusters.app, name="cluster")
app.add_typer(nightly.nightly, name="nightly")


_OF_PLACES = (errno.EACCES, errno.EDQUOT, errno.ENAMETOOLONG, errno.ENOSPC, errno.EPERM, errno.EROFS)


def main() -> None:
    """Run the command line; what a user can mend is told in one line.

    Exits with 0 when all is well, 1 when something failed on the way, 2 when the request cannot be met as it
    is, 130 when interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what it cannot encode becomes a question mark
            stream.reconfigure(errors="replace")
    os.environ.setdefault("JOBLIB_MULTIPROCESSING", "0")  # or it complains where /dev/shm is missing
    atexit.register(gc.freeze)  # or Python looks for garbage among all modules, as the last thing it does
    try:
        app()
    except Exception as error:
        code, words = getattr(error, "exit_code", None), str(error)
        if isinstance(error, OSError) and error.errno in _OF_PLACES:
            code, words = 1, ": ".join(str(word) for word in (error.filename, error.strerror) if word)
        if code is None:  # a fault of ours keeps its traceback
            raise
        told = escape(redact(words))
        Console(stderr=True).print(f"[red]error:[/] {told}", soft_wrap=True, highlight=False)
        sys.exit(code)
