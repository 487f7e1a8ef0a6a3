"""Commands about what runs by itself: `relusweep nightly …`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from rich.markup import escape
from typer import Argument, Exit, Option, Typer, echo

from relusweep.pipeline.commands.fields import CommandOfFields
from relusweep.pipeline.commands.options import Settings, Store, output, print_table, say
from relusweep.pipeline.common.paths import expanded

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from relusweep.pipeline.monitoring.events import Listener
    from relusweep.pipeline.nightly.ledger import Ledger, ScheduledRun
    from relusweep.pipeline.nightly.schedule import Schedule

__all__ = ["nightly"]

_HELP = """Run sweeps again every night, and tell what has changed.

relusweep nightly add mine --sweep npn3 --set trials=10 --at "0 2 * * *" --zone Europe/Berlin

relusweep nightly print mine --as crontab        (a line that runs what is due)
"""

nightly = Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="rich")

Name = Annotated[str, Argument(help="Name of the schedule.")]
LedgerFile = Annotated[
    Path | None,
    Option(
        "--ledger",
        metavar="FILE",
        help="Where schedules and their nights are kept; by default in $XDG_STATE_HOME/relusweep.",
    ),
]
Mode = Literal["verify", "extend", "refresh"]
Webhook = Annotated[
    str | None,
    Option(
        metavar="URL",
        envvar="RELUSWEEP_WEBHOOK",
        help="Told when a night drifted or failed. Better given by the variable: other users see options.",
    ),
]


@nightly.command(cls=CommandOfFields)
def add(
    name: Name,
    sweep: Annotated[str, Option(help="A named sweep or a YAML file, read every night.")],
    at: Annotated[str, Option(metavar="CRON", help='When, as "0 2 * * *": every day at two.')],
    store: Store = "results",
    settings: Settings = None,
    zone: Annotated[str, Option(help="Time zone of --at, as Europe/Berlin.")] = "UTC",
    mode: Annotated[
        Mode, Option(help="Compute a sample again and compare bits; add trials; compute all again.")
    ] = "verify",
    cluster: Annotated[
        Path | None, Option(metavar="FILE", help="Where to compute: a cluster file, read every night.")
    ] = None,
    by: Annotated[int | None, Option(metavar="N", help="extend: how many trials each night adds.")] = None,
    share: Annotated[float | None, Option(help="verify: share of finished blocks; 0.05 by default.")] = None,
    blocks: Annotated[int | None, Option(metavar="N", help="verify: blocks of each group instead.")] = None,
    webhook: Webhook = None,
    keep_days: Annotated[
        int | None, Option(metavar="N", help="Remove older versions without a tag after each night.")
    ] = None,
    keep_nights: Annotated[
        int | None, Option(metavar="N", help="Keep only the tags of the newest N nights; at least 2.")
    ] = None,
    folder: Annotated[
        Path | None, Option(metavar="PATH", help="Where summaries go; beside the ledger by default.")
    ] = None,
    ledger: LedgerFile = None,
) -> None:
    """Add a sweep that runs by itself; everything is checked now.

    relusweep nightly add mine --sweep npn3 --at "0 2 * * *" --zone Europe/Berlin

    relusweep nightly add more --sweep npn3 --at "30 3 * * SAT" --mode extend --by 10
    """
    from relusweep.pipeline.nightly.schedule import check, is_file, make_schedule
    from relusweep.storage.repository import in_full

    book, now = _ledger(ledger), datetime.now(UTC)
    schedule = make_schedule(
        name=name,
        sweep=_absolute(sweep) if is_file(sweep) else sweep,
        settings=tuple(settings or ()),
        store=in_full(store),
        at=at,
        zone=zone,
        mode=mode,
        cluster=None if cluster is None else _absolute(cluster),
        by=by,
        share=share,
        blocks=blocks,
        webhook=webhook,
        keep_days=keep_days,
        keep_nights=keep_nights,
        folder=_absolute(folder or book.path.parent / "nights" / name),
    )
    check(schedule, book.path, now)
    what = "Added" if book.add(schedule, now) else "This very schedule is there already:"
    say(f"{what} {escape(name)}: {mode} {escape(sweep)}, next {_next(schedule, now)}")
    say("It runs with [bold]relusweep nightly daemon[/], or from what this prints:")
    say(f"  relusweep nightly print {escape(name)} --as crontab")


@nightly.command(name="list")
def list_(ledger: LedgerFile = None) -> None:
    """List the schedules: when each is due next, and what became of its last night."""
    from relusweep.pipeline.nightly.due import NO_SCHEDULE

    book, now = _ledger(ledger), datetime.now(UTC)
    head = ("name", "mode", "sweep", "next due", "last night", "outcome", "keeps", "webhook")
    rows = []
    for name, schedule in book.schedules().items():
        runs = book.runs(name)
        last = (runs[0].label, runs[0].state) if runs else ("none", "")
        shown = (name, schedule.mode, schedule.sweep, _next(schedule, now), *last, schedule.keeps)
        rows.append((*shown, schedule.webhook_host or "none"))
    print_table(head, rows)
    if not rows:
        say(NO_SCHEDULE)


@nightly.command()
def remove(name: Name, ledger: LedgerFile = None) -> None:
    """Remove a schedule and its log; tags in the store and summaries stay."""
    from relusweep.pipeline.common.wording import counted

    nights = counted(_ledger(ledger).remove(name), "night")
    say(f"Removed {escape(name)} and its log ({nights}); tags and summaries stay")


@nightly.command()
def tick(
    name: Annotated[str | None, Argument(help="Only this schedule.")] = None, ledger: LedgerFile = None
) -> None:
    """Run what is due, and resume what was killed; call it every few minutes.

    Exits with 0 when nothing was due or all is well, 1 when a night failed, 3 when one drifted, 130 when
    interrupted. Any number of ticks may run at once.
    """
    from relusweep.pipeline.nightly.due import execute_due, exit_code

    runs = execute_due(_ledger(ledger), _listening, _tell, only=name)
    if not runs:
        say("Nothing is due")
    raise Exit(exit_code(runs))


@nightly.command()
def daemon(ledger: LedgerFile = None) -> None:
    """Run what is due, for ever; SIGTERM or Ctrl-C ends it, and results so far are kept."""
    from relusweep.pipeline.nightly.due import serve

    serve(_ledger(ledger), _listening, _tell, lambda message: say(escape(message)))
    say("Stopped")


@nightly.command(name="print")
def print_(
    name: Name,
    form: Annotated[
        Literal["crontab", "systemd", "kubernetes"], Option("--as", help="What is to call tick.")
    ],
    ledger: LedgerFile = None,
) -> None:
    """Print what makes cron, systemd or Kubernetes run a schedule.

    relusweep nightly print mine --as crontab >> my.crontab

    relusweep nightly print mine --as kubernetes | kubectl apply -f -
    """
    from relusweep.pipeline.nightly.manifests import manifest

    book = _ledger(ledger)
    echo(manifest(book.schedule(name), book.path, form))


@nightly.command()
def log(name: Name, ledger: LedgerFile = None) -> None:
    """Show the nights of a schedule, the newest first."""
    from relusweep.pipeline.nightly.ledger import old_tags
    from relusweep.pipeline.nightly.times import local_text

    book = _ledger(ledger)
    schedule, runs = book.schedule(name), book.runs(name)
    deleted = old_tags(runs)
    for run in runs:
        due, tag = local_text(run.due, schedule.zone), run.progress.get("tag", "no tag")
        gone = ", which is deleted" if tag in deleted else ""
        say(f"[bold]{run.label}[/] {run.state}, due {escape(due)}, {escape(tag)}{gone}")
        say(f"  {escape('; '.join([*run.remarks, run.message]))}")
        if page := run.progress.get("page"):
            say(f"  {escape(page)}")
    if not runs:
        say("No night yet")


def _ledger(path: Path | None) -> Ledger:
    from relusweep.pipeline.nightly.ledger import Ledger, default_ledger

    return Ledger(path or default_ledger())


def _absolute(path: str | Path) -> str:
    return str(expanded(path).absolute())


def _next(schedule: Schedule, now: datetime) -> str:
    from relusweep.pipeline.nightly.times import local_text, next_slot

    return local_text(next_slot(schedule.at, schedule.zone, now), schedule.zone)


def _listening() -> AbstractContextManager[Listener]:
    from relusweep.pipeline.monitoring.progress import progress

    return progress(output)


def _tell(run: ScheduledRun) -> None:
    from relusweep.pipeline.nightly.times import local_text

    night = f"[bold]{escape(run.schedule.name)}[/], night of {run.label}"
    if run.state == "running":
        what = "resumes" if run.progress or run.deaths else "begins"
        remarks = [f"due {local_text(run.due, run.schedule.zone)}", *run.remarks]
        say(f"{night} {what}, {escape('; '.join(remarks))}")
        return
    say(f"{night}: [bold]{run.state}[/]: {escape(run.message)}")
    if page := run.progress.get("page"):
        say(f"  {escape(page)}")
