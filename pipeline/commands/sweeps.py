"""Commands about what is to be computed: `sweeps`, `plan`, `run`."""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.table import Table

from relusweep.pipeline.commands.options import (
    Cluster,
    Log,
    Scheduler,
    Settings,
    Store,
    Sweep,
    Threads,
    Workers,
    hints,
    output,
    say,
)
from relusweep.pipeline.common.wording import bytes_in_words, duration, resources_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from relusweep.cluster import ClusterConfig
    from relusweep.pipeline.monitoring.events import Event, Listener, RunFinished
    from relusweep.pipeline.planning.plan import Plan
    from relusweep.pipeline.sweeps.base import Sweep as Specification

__all__ = [
    "DryRun",
    "Engine",
    "Replace",
    "cluster_config",
    "plan",
    "print_plans",
    "run",
    "specified",
    "sweeps",
]

_SHOWN_BLOCKS = 5
_STAGES_IN_FULL = 2
_INTERRUPTED = 130

Engine = Annotated[
    Literal["auto", "lanes", "reference"] | None,
    typer.Option("--engine", help="Who trains: compiled lanes (auto), or PyTorch as the reference."),
]
Replace = Annotated[
    bool, typer.Option("--replace", help="Start anew where the store has another specification.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")]


def sweeps() -> None:
    """List the named sweeps."""
    from relusweep.pipeline.sweeps.named import SWEEPS

    table = Table("sweep", "axes", "networks", box=None)
    for sweep in SWEEPS.values():
        axes = (
            f"{field}={_span(labels)}"
            for field in sweep.growable_fields
            if (labels := getattr(sweep.spec, field)) != {}
        )
        table.add_row(sweep.name, " ".join(axes), f"{sweep.n_cells:,}")
    output.print(table)
    say("Run one with [bold]relusweep run NAME[/], or a part: [bold]--set trials=10[/]")


def plan(sweep: Sweep, store: Store = "results", settings: Settings = None, engine: Engine = None) -> None:
    """Show what a run would do: stages, blocks, networks, bytes, and what the store already has.

    Example: relusweep plan npn4 --set trials=10
    """
    from relusweep.pipeline.planning.plan import plans

    print_plans(plans(specified(sweep, settings, engine), store), store)


def run(
    sweep: Sweep,
    store: Store = "results",
    settings: Settings = None,
    workers: Workers = None,
    threads_per_worker: Threads = None,
    scheduler: Scheduler = None,
    cluster: Cluster = None,
    engine: Engine = None,
    replace: Replace = False,
    dry_run: DryRun = False,
    log: Log = None,
) -> None:
    """Compute what the store lacks of a sweep; run it again to go on after any stop.

    relusweep run npn4 --set trials=10

    relusweep run npn4 --set trials=200                 (keeps what is there, adds the rest)

    relusweep run npn3 --set width=2..4,16 --workers 4

    relusweep run images --set dataset=mnist --set path=data/mnist

    relusweep run images --set device=cuda --cluster gpus.yaml

    relusweep run mine.yaml --scheduler tcp://host:8786 --log night.jsonl
    """
    from relusweep.pipeline.execution.run import run as run_sweep
    from relusweep.pipeline.monitoring.record import new_run_id
    from relusweep.pipeline.planning.plan import plans

    specification = specified(sweep, settings, engine)
    if dry_run:
        print_plans(plans(specification, store, replace=replace), store)
        return
    config = cluster_config(workers, threads_per_worker, scheduler, cluster)
    command = shlex.join(["relusweep", *sys.argv[1:]])
    run_id = new_run_id()
    with ExitStack() as stack:
        finished = run_sweep(
            specification,
            store,
            config,
            replace=replace,
            listeners=_listeners(stack, run_id, store, log),
            command=command,
            run_id=run_id,
        )
    _print_end(finished, store)


def _listeners(stack: ExitStack, run_id: str, store: str, log: str | None) -> list[Listener]:
    from relusweep.pipeline.monitoring.journal import journal
    from relusweep.pipeline.monitoring.progress import progress

    # Where the log goes to standard error, every line there is JSON: its events tell the same.
    listeners: list[Listener] = [] if log == "-" else [_announcement(run_id, store)]
    if log is not None:
        try:
            listeners.append(stack.enter_context(journal(log, run_id)))
        except OSError as error:
            raise typer.BadParameter(f"cannot write the --log {log}: {error.strerror}") from error
    return [stack.enter_context(progress(output)), *listeners]


def _announcement(run_id: str, store: str) -> Listener:
    """Say once, beside the results, how to watch the run."""
    from relusweep.pipeline.monitoring.events import WorkersSeen

    told = False

    def listener(event: Event) -> None:
        nonlocal told
        if told or not isinstance(event, WorkersSeen):
            return
        told = True
        hints.print(f"run {run_id}, seen by: relusweep status --watch --store {shlex.quote(store)}")
        if event.dashboard:
            hints.print(f"dashboard {event.dashboard}, metrics {event.metrics}")

    return listener


def cluster_config(
    workers: int | None, threads: int | None, scheduler: str | None, file: str | None = None
) -> ClusterConfig:
    """Turn the options about workers into a configuration."""
    from relusweep.cluster import Address, Local, read_config

    if file is not None:
        if any(option is not None for option in (workers, threads, scheduler)):
            raise typer.BadParameter(
                "a --cluster file says it all: no --workers, no --threads-per-worker, no --scheduler"
            )
        return read_config(file)
    if scheduler is not None:
        if workers is not None or threads is not None:
            raise typer.BadParameter("a --scheduler has its workers: no --workers, no --threads-per-worker")
        return Address(address=scheduler)
    return Local(workers=workers, threads_per_worker=threads or 1)


def specified(sweep: str, settings: list[str] | None, engine: str | None) -> Specification:
    """Find a sweep and change it as the options say."""
    from relusweep.pipeline.sweeps.overrides import find_sweep, override

    chosen = [f"engine={engine}"] if engine else []
    return override(find_sweep(sweep), [*(settings or []), *chosen])


def print_plans(plans: Sequence[Plan], store: str) -> None:
    """Print what a run would do."""
    if len(plans) <= _STAGES_IN_FULL:
        for plan in plans:
            _print_plan(plan, store)
        return
    table = Table("stage", "asked for", "of", "done", "to do", "blocks", "bytes", box=None)
    for column in table.columns:
        column.no_wrap = True
    for plan in plans:
        counts = (plan.total, plan.sweep.unit, plan.done, plan.cells, len(plan.blocks))
        row = (f"{count:,}" if isinstance(count, int) else count for count in counts)
        size = bytes_in_words(plan.nbytes) if plan.cells else ""
        table.add_row(plan.sweep.group.rpartition("/")[2], *row, size)
    folder = plans[-1].sweep.group.rpartition("/")[0]
    say(f"[bold]{folder}[/] in {escape(store)}, stage after stage; bytes to write, before compression")
    output.print(table)
    for plan in plans:
        if plan.blocks and plan.sweep.schedule.resources:
            what = resources_in_words(plan.sweep.schedule.resources)
            say(f"each block of {plan.sweep.group.rpartition('/')[2]} asks for a worker with {what}")
    if anew := [plan.sweep.group for plan in plans if plan.anew]:
        say(f"[red]started anew[/], since the store has another specification: {', '.join(anew)}")


def _print_plan(plan: Plan, store: str) -> None:
    unit, verb = plan.sweep.unit, plan.sweep.verb
    say(f"[bold]{plan.sweep.group}[/] in {escape(store)}: {plan.total:,} {unit} asked for")
    say(f"  in the store  {plan.done:,}")
    if plan.blocks and (resources := plan.sweep.schedule.resources):
        say(f"  {'each asks for':13} {resources_in_words(resources)}")
    blocks = f"{len(plan.blocks)} blocks, {bytes_in_words(plan.nbytes)} before compression"
    say(f"  {f'to {verb}':13} {plan.cells:,} ({blocks})")
    for block in plan.blocks[:_SHOWN_BLOCKS]:
        say(f"    {block}: {block.cells:,} {unit}")
    if (more := len(plan.blocks) - _SHOWN_BLOCKS) > 0:
        say(f"    … and {more} more")


def _print_end(finished: RunFinished, store: str) -> None:
    facts = finished.facts
    if any(stage["cells"] for stage in facts["stages"].values()):
        _print_cost(facts)
    if finished.interrupted:
        by = ", as asked from outside" if finished.cancelled else ""
        say(f"Stopped{by}; everything so far is in {escape(store)}. Go on with:")
        say(f"  {escape(str(facts['command']))}")
        raise typer.Exit(_INTERRUPTED)
    if finished.failed:
        say(f"[red]{len(finished.failed)} blocks failed[/]; the others are stored. Try them again with:")
        say(f"  {escape(str(facts['command']))}")
        raise typer.Exit(1)
    look = f"relusweep show {facts['sweep']} --store {shlex.quote(store)}"
    say(f"All of {facts['group']} is in {escape(store)}. Look at it with:")
    say(f"  {escape(look)}")


def _print_cost(facts: dict[str, Any]) -> None:
    cpu = facts["client_cpu_seconds"] + facts["worker_cpu_seconds"]
    idle, at_end = facts["idle_share"], facts["idle_at_end_share"]
    if len(facts["stages"]) > _STAGES_IN_FULL or not facts["networks"]:
        _print_stages(facts["stages"])
        say(f"{duration(facts['seconds'])} in all; peak memory {bytes_in_words(facts['peak_bytes'])}")
        say(f"{duration(cpu)} of processor time")
    else:
        rate, in_kernels = facts["networks"] / facts["seconds"], facts["kernel_seconds"] / cpu
        say(f"{facts['networks']:,} networks in {duration(facts['seconds'])}, {rate:,.0f} networks/s")
        say(f"{facts['network_epochs']:,} network-epochs; peak memory {bytes_in_words(facts['peak_bytes'])}")
        say(f"{duration(cpu)} of processor time, {in_kernels:.1%} of it in training kernels")
        say(f"compiling took {duration(facts['compile_seconds'])}")
    say(f"workers idled {idle:.1%} of the time; at the end, none for more than {at_end:.1%} of it")


def _print_stages(stages: Mapping[str, Mapping[str, float]]) -> None:
    table = Table("stage", "computed", "time", "processor time of the tasks", box=None)
    for group, stage in stages.items():
        cells, seconds, busy = (stage[key] for key in ("cells", "seconds", "kernel_seconds"))
        table.add_row(group.rpartition("/")[2], f"{cells:,}", duration(seconds), duration(busy))
    output.print(table)


def _span(labels: Any) -> str:
    """Write how far an axis reaches, as ``--set`` takes it."""
    if not isinstance(labels, tuple):
        return str(labels)
    if not labels:
        return "none"
    if not all(isinstance(label, int | float) for label in labels):
        return ",".join(map(str, labels))
    steps = {b - a for a, b in pairwise(labels)}
    return (
        f"{labels[0]}..{labels[-1]}"
        if len(labels) > 2 and steps == {1}
        else ",".join(f"{label:g}" for label in labels)
    )
