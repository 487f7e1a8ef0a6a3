"""Commands about what runs by itself: `relusweep nightly …`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from relusweep.pipeline.commands.options import Settings, Store, output, print_whole, say

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from relusweep.pipeline.monitoring.events import Listener
    from relusweep.pipeline.nightly.ledger import Ledger
    from relusweep.pipeline.nightly.night import Ended
    from relusweep.pipeline.nightly.rows import Claim
    from relusweep.pipeline.nightly.schedule import Schedule
    from relusweep.pipeline.nightly.tick import Due

__all__ = ["nightly"]

_HELP = """Run sweeps again every night, and tell what has changed.

relusweep nightly add mine --sweep npn3 --set trials=10 --at "0 2 * * *" --zone Europe/Berlin

relusweep nightly print mine --as crontab        (a line that runs what is due)
"""

nightly = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="rich")

Name = Annotated[str, typer.Argument(help="Of the schedule.")]
LedgerFile = Annotated[
    Path | None,
    typer.Option(
        "--ledger",
        metavar="FILE",
        help="Where schedules and their nights are kept; by default in $XDG_STATE_HOME/relusweep.",
    ),
]
Sweep = Annotated[str, typer.Option("--sweep", help="A named sweep or a YAML file, read every night.")]
At = Annotated[str, typer.Option("--at", metavar="CRON", help='When, as "0 2 * * *": every day at two.')]
Zone = Annotated[str, typer.Option("--zone", help="On whose clock, as Europe/Berlin.")]
Mode = Annotated[
    Literal["verify", "extend", "refresh"],
    typer.Option("--mode", help="Compute a sample again and compare bits; add trials; compute all again."),
]
ClusterFile = Annotated[
    Path | None,
    typer.Option("--cluster", metavar="FILE", help="Where: a cluster file, read every night."),
]
By = Annotated[int | None, typer.Option("--by", metavar="N", help="extend: trials a night adds.")]
Share = Annotated[
    float | None, typer.Option("--share", help="verify: part of the finished blocks; 0.05 by default.")
]
Blocks = Annotated[
    int | None, typer.Option("--blocks", metavar="N", help="verify: so many blocks of each group instead.")
]
Webhook = Annotated[
    str | None,
    typer.Option(
        "--webhook",
        metavar="URL",
        envvar="RELUSWEEP_WEBHOOK",
        help="Told when a night drifted or failed. Better given by the variable: others see options.",
    ),
]
KeepDays = Annotated[
    int | None,
    typer.Option("--keep-days", metavar="N", help="Remove older versions without a tag after each night."),
]
KeepNights = Annotated[
    int | None,
    typer.Option("--keep-nights", metavar="N", help="Delete the tags of nights before the newest N, from 2."),
]
Folder = Annotated[
    Path | None, typer.Option("--folder", metavar="PATH", help="Of the summaries; beside the ledger.")
]


@nightly.command()
def add(
    name: Name,
    sweep: Sweep,
    at: At,
    store: Store = "results",
    settings: Settings = None,
    zone: Zone = "UTC",
    mode: Mode = "verify",
    cluster: ClusterFile = None,
    by: By = None,
    share: Share = None,
    blocks: Blocks = None,
    webhook: Webhook = None,
    keep_days: KeepDays = None,
    keep_nights: KeepNights = None,
    folder: Folder = None,
    ledger: LedgerFile = None,
) -> None:
    """Add a sweep that runs by itself; everything is checked now.

    relusweep nightly add mine --sweep npn3 --at "0 2 * * *" --zone Europe/Berlin

    relusweep nightly add more --sweep npn3 --at "30 3 * * SAT" --mode extend --by 10
    """
    from relusweep.pipeline.nightly.schedule import check, make_schedule
    from relusweep.pipeline.nightly.times import next_slot
    from relusweep.storage.repository import local_path

    book, now = _ledger(ledger), datetime.now(UTC)
    schedule = make_schedule(
        name=name,
        sweep=_absolute(sweep) if sweep.endswith((".yaml", ".yml")) else sweep,
        settings=tuple(settings or ()),
        store=str(local_path(store) or store),
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
    what = "Added" if book.add(schedule, now) else "There already is this very"
    say(f"{what} {escape(name)}: {mode} {escape(sweep)}, next {_local(next_slot(at, zone, now), schedule)}")
    say("It runs with [bold]relusweep nightly daemon[/], or from what this prints:")
    say(f"  relusweep nightly print {escape(name)} --as crontab")


@nightly.command(name="list")
def list_(ledger: LedgerFile = None) -> None:
    """List the schedules: when each is due next, and what became of its last night."""
    from relusweep.pipeline.nightly.times import next_slot

    book, now = _ledger(ledger), datetime.now(UTC)
    headings = ("name", "mode", "sweep", "next due", "last night", "outcome", "keeps", "webhook")
    table = Table(*headings, box=None)
    for schedule in book.schedules():
        nights = book.nights(schedule.name)
        last = (nights[0].label, nights[0].state) if nights else ("none", "")
        due = _local(next_slot(schedule.at, schedule.zone, now), schedule)
        words = (schedule.name, schedule.mode, schedule.sweep, due, *last, schedule.keeps)
        table.add_row(*map(escape, words), escape(schedule.webhook_host or "none"))
    print_whole(table)
    if not table.row_count:
        say("No schedule; add one with [bold]relusweep nightly add[/]")


@nightly.command()
def remove(name: Name, ledger: LedgerFile = None) -> None:
    """Remove a schedule and its log; tags in the store and summaries stay."""
    from relusweep.pipeline.common.wording import counted

    nights = _ledger(ledger).remove(name, datetime.now(UTC))
    say(f"Removed {escape(name)} and its log ({counted(nights, 'night')}); tags and summaries stay")


@nightly.command()
def tick(
    name: Annotated[str | None, typer.Argument(help="Of this schedule alone.")] = None,
    ledger: LedgerFile = None,
) -> None:
    """Run what is due, and go on with what was killed; call it every few minutes.

    Exits with 0 when nothing was due or all is well, 1 when a night failed, 3 when one drifted, 130 when
    interrupted. Any number of ticks may run at once.
    """
    from relusweep.pipeline.nightly.tick import tick as run_due
    from relusweep.pipeline.nightly.tick import worst

    ended = run_due(_ledger(ledger), _listening, _tell, only=name)
    if not ended:
        say("Nothing is due")
    raise typer.Exit(worst(ended))


@nightly.command()
def daemon(ledger: LedgerFile = None) -> None:
    """Run what is due, for ever; SIGTERM or Ctrl-C ends it, and what a night has by then is kept."""
    from relusweep.pipeline.nightly.tick import serve

    serve(_ledger(ledger), _listening, _tell, _tell_next)
    say("Stopped")


@nightly.command(name="print")
def print_(
    name: Name,
    form: Annotated[
        Literal["crontab", "systemd", "kubernetes"], typer.Option("--as", help="For whom to call tick.")
    ],
    ledger: LedgerFile = None,
) -> None:
    """Print what makes cron, systemd or Kubernetes run a schedule.

    relusweep nightly print mine --as crontab >> my.crontab

    relusweep nightly print mine --as kubernetes | kubectl apply -f -
    """
    from relusweep.pipeline.nightly.manifests import manifest

    book = _ledger(ledger)
    typer.echo(manifest(book.schedule(name), book.path, form))


@nightly.command()
def log(name: Name, ledger: LedgerFile = None) -> None:
    """Show the nights of a schedule, the newest first."""
    from relusweep.pipeline.common.wording import counted
    from relusweep.pipeline.nightly.rows import old_tags

    book = _ledger(ledger)
    schedule, nights = book.schedule(name), book.nights(name)
    old = old_tags(nights, schedule.keep_nights)
    for night in nights:
        due, tag = _local(night.due, schedule), night.progress.get("tag", "no tag")
        gone = ", which is deleted" if tag in old else ""
        say(f"[bold]{night.label}[/] {night.state}, due {escape(due)}, {escape(tag)}{gone}")
        missed = f"{counted(night.skipped, 'night')} missed and skipped before it; " if night.skipped else ""
        died = f"its process died {counted(night.deaths, 'time')}; " if night.deaths else ""
        say(f"  {escape(missed + died + night.words)}")
        if page := night.progress.get("page"):
            say(f"  {escape(page)}")
    if not nights:
        say("No night yet")


def _ledger(path: Path | None) -> Ledger:
    from relusweep.pipeline.nightly.ledger import Ledger, default_ledger

    return Ledger(path or default_ledger())


def _absolute(path: str | Path) -> str:
    return str(Path(path).expanduser().absolute())


def _local(moment: datetime, schedule: Schedule) -> str:
    from relusweep.pipeline.nightly.times import local_time

    return f"{local_time(moment, schedule.zone):%Y-%m-%d %H:%M %Z}"


def _listening() -> AbstractContextManager[Listener]:
    from relusweep.pipeline.monitoring.progress import progress

    return progress(output)


def _tell(claim: Claim, ended: Ended | None) -> None:
    from relusweep.pipeline.common.wording import counted

    schedule, night = claim.schedule, claim.night
    what = f"[bold]{escape(schedule.name)}[/], night of {night.label}"
    if ended is not None:
        say(f"{what}: [bold]{ended.state}[/]: {escape(ended.words)}")
        if ended.page is not None:
            say(f"  {escape(str(ended.page))}")
        return
    again = " goes on" if night.progress or night.deaths else " begins"
    missed = f"; {counted(night.skipped, 'night')} missed and skipped before it" if night.skipped else ""
    say(f"{what}{again}, due {escape(_local(night.due, schedule))}{missed}")


def _tell_next(due: Due | None) -> None:
    if due is None:
        say("No schedule; add one with [bold]relusweep nightly add[/]")
    else:
        say(f"Next is {escape(due.name)}, due {due.at:%Y-%m-%d %H:%M} UTC")
