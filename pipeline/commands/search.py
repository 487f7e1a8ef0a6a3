"""The command that searches: `search`."""

from __future__ import annotations

from typing import Annotated, Literal

from rich.markup import escape
from typer import BadParameter, Option

from relusweep.pipeline.commands.options import (
    Cluster,
    Log,
    Scheduler,
    Settings,
    Store,
    Sweep,
    Threads,
    Workers,
    say,
)
from relusweep.pipeline.commands.sweeps import (
    DryRun,
    Engine,
    Replace,
    cluster_config,
    run_and_tell,
    specified,
)

__all__ = ["search"]

Over = Annotated[
    str | None,
    Option(
        "--over",
        metavar="AXIS,…",
        help="Axes whose combinations are tried; by default all of several labels of network and protocol.",
    ),
]
By = Annotated[
    str, Option("--by", metavar="VARIABLE", help="What is compared: success, or a variable, as final_loss.")
]
Best = Annotated[
    Literal["least", "most"] | None,
    Option("--best", help="Which values are better; by default most successes, least of a loss or epochs."),
]
Keep = Annotated[
    str, Option("--keep", metavar="SHARE", help="Share that goes on to the next rung, as 1/3 or 0.5.")
]
Gives = Annotated[
    Literal["trials", "epochs"],
    Option("--budget", help="What a rung gives more of; for more epochs networks are trained anew."),
]
Least = Annotated[int, Option("--least", min=1, metavar="N", help="Budget of the first rung, at least.")]


def search(
    sweep: Sweep,
    store: Store = "results",
    settings: Settings = None,
    over: Over = None,
    by: By = "success",
    best: Best = None,
    keep: Keep = "1/3",
    budget: Gives = "trials",
    least: Least = 1,
    workers: Workers = None,
    threads_per_worker: Threads = None,
    scheduler: Scheduler = None,
    cluster: Cluster = None,
    engine: Engine = None,
    replace: Replace = False,
    dry_run: DryRun = False,
    log: Log = None,
) -> None:
    """Find the best labels of some axes by successive halving: little for all, more for the best of them.

    Run it again to go on after any stop. All networks stay in the store, as of any other sweep.

    relusweep search npn3 --set learning_rate=0.003,0.01,0.03,0.1 --over learning_rate,width --dry-run

    relusweep search mine.yaml --by final_loss --budget epochs --keep 1/2
    """
    from relusweep.pipeline.execution.search import Search
    from relusweep.pipeline.planning.halving import Race, searched

    of = specified(sweep, settings, engine)
    names = searched(of) if over is None else tuple(name.strip() for name in over.split(","))
    found = Search(Race(of, names, by, best, _share(keep), budget, least), store)
    found.check()
    if dry_run:
        say(escape(repr(found)))
        return
    config = cluster_config(workers, threads_per_worker, scheduler, cluster)
    run_and_tell(
        found.race.sweep,
        store,
        config,
        replace=replace,
        log=log,
        turns=found.turns(),
        found=lambda: repr(found),
    )


def _share(text: str) -> float:
    over, _, under = text.partition("/")
    try:
        return float(over) / float(under or 1)
    except (ValueError, ZeroDivisionError):
        raise BadParameter(f"--keep {text}: a share, as 1/3 or 0.5") from None
