"""Commands about what is to be computed: `sweeps`, `plan`, `run`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

from rich.markup import escape
from typer import Argument, BadParameter, Exit, Option

from relusweep.pipeline.commands import completion
from relusweep.pipeline.commands.options import (
    Cluster,
    Log,
    Scheduler,
    Settings,
    Store,
    Sweep,
    Threads,
    Workers,
    output,
    print_table,
    say,
)
from relusweep.pipeline.common.wording import bytes_in_words, counted, duration, label

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from relusweep.cluster import ClusterConfig
    from relusweep.pipeline.monitoring.events import Listener, RunFinished
    from relusweep.pipeline.planning.plan import Plan
    from relusweep.pipeline.sweeps.base import Sweep as Specification

__all__ = [
    "DryRun",
    "Engine",
    "Replace",
    "cluster_config",
    "listeners",
    "plan",
    "print_plan",
    "run",
    "run_and_tell",
    "specified",
    "sweeps",
]

_ONE = "A named sweep or a YAML file: list its fields."
_INTERRUPTED = 130
_BLOCKS_ON_GPU = 8  # at a time

Engine = Annotated[
    Literal["auto", "lanes", "cuda", "reference"] | None,
    Option(
        "--engine",
        help="Who trains: compiled lanes, a GPU with the same bits, or PyTorch as reference; auto: lanes, "
        "or the GPUs that workers were given.",
    ),
]
Replace = Annotated[bool, Option("--replace", help="Start anew where the store has another specification.")]
DryRun = Annotated[bool, Option("--dry-run", help="Only show the plan.")]


def sweeps(
    name: Annotated[
        str | None, Argument(metavar="[NAME]", help=_ONE, autocompletion=completion.sweeps)
    ] = None,
) -> None:
    """List the named sweeps; of one, every field: what it means, what it holds and what it allows.

    relusweep sweeps npn4
    """
    from relusweep.pipeline.sweeps.named import SWEEPS

    if name is not None:
        _print_fields(name)
        return
    rows = []
    for sweep in SWEEPS.values():
        reach = {name: value for name, value in sweep.extent().items() if name not in sweep.fixed and value}
        axes = (f"{name}={_span(value)}" for name, value in reach.items())
        most = f"up to {sweep.most_cells:,}" if sweep.until else f"{sweep.n_cells:,}"
        rows.append((sweep.name, most, " ".join(axes)))
    print_table(("sweep", "networks", "axes"), rows)
    say("Look at the fields of one with [bold]relusweep sweeps NAME[/]")
    say("Run one with [bold]relusweep run NAME[/], or a part: [bold]--set trials=10[/]")


def _print_fields(name: str) -> None:
    from relusweep.pipeline.sweeps.fields_table import field_rows
    from relusweep.pipeline.sweeps.overrides import find_sweep

    sweep = find_sweep(name)
    rows = [(row.path + " *" * row.axis, *row[1:4]) for row in field_rows(sweep.spec)]
    print_table(("field", "value", "meaning", "allowed"), rows)
    if condition := getattr(sweep.spec, "where", None):
        say(f"where: {escape(condition)}")
    say("* takes one value, or a list and is an axis then, as [bold]--set width=2,4[/]; fields are named by")
    say("  their path or, where that is clear, by its last part")


def plan(sweep: Sweep, store: Store = "results", settings: Settings = None, engine: Engine = None) -> None:
    """Show what a run would do: axes, networks, blocks, bytes, time, and what the store already has.

    Example: relusweep plan npn4 --set trials=10
    """
    from relusweep.pipeline.planning.plan import plans

    print_plan(plans(specified(sweep, settings, engine), store), store)


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
    from relusweep.pipeline.planning.plan import plans

    specification = specified(sweep, settings, engine)
    if dry_run:
        print_plan(plans(specification, store, replace=replace), store)
        return
    gpu = getattr(specification.spec, "engine", None) == "cuda"
    config = cluster_config(workers, threads_per_worker, scheduler, cluster, gpu=gpu)
    run_and_tell(specification, store, config, replace=replace, log=log)


def run_and_tell(
    sweep: Specification,
    store: str,
    config: ClusterConfig,
    *,
    replace: bool,
    log: str | None,
    turns: Iterator[NDArray[np.int64]] | None = None,
    found: Callable[[], str] = str,
) -> None:
    """Run a sweep, or the turns of it, show how far it is, and say what was found and how it ended."""
    from relusweep.pipeline.execution.run import run as run_sweep
    from relusweep.pipeline.monitoring.record import new_run_id

    run_id = new_run_id()
    with ExitStack() as stack:
        finished = run_sweep(
            sweep,
            store,
            config,
            replace=replace,
            turns=turns,
            listeners=listeners(stack, run_id, store, log),
            command=shlex.join(["relusweep", *sys.argv[1:]]),
            run_id=run_id,
        )
    if words := found():
        say(escape(words))
    _print_end(finished, store, sweep.report_group)


def print_plan(plans: tuple[Plan, ...], store: str) -> None:
    """Print what Python shows as `relusweep.plan`."""
    from relusweep.pipeline.planning.run_plan import RunPlan

    say(escape(repr(RunPlan(store, plans))))


def listeners(stack: ExitStack, run_id: str, store: str, log: str | None) -> list[Listener]:
    """Give what is told of the events of a run: the terminal, and the log where one is asked for."""
    from relusweep.pipeline.monitoring.journal import journal
    from relusweep.pipeline.monitoring.progress import announcement, progress

    # Where the log goes to standard error, every line there is JSON: its events tell the same.
    told: list[Listener] = [] if log == "-" else [announcement(run_id, store)]
    if log is not None:
        try:
            told.append(stack.enter_context(journal(log, run_id)))
        except OSError as error:
            raise BadParameter(f"cannot write the --log {log}: {error.strerror}") from error
    return [stack.enter_context(progress(output)), *told]


def cluster_config(
    workers: int | None,
    threads: int | None,
    scheduler: str | None,
    file: str | None = None,
    *,
    gpu: bool = False,
) -> ClusterConfig:
    """Turn the options about workers into a configuration; on this machine, with a GPU where it is needed."""
    from relusweep.cluster import Address, Local, read_config

    if file is not None:
        if any(option is not None for option in (workers, threads, scheduler)):
            none = "no --workers, no --threads-per-worker, no --scheduler"
            raise BadParameter(f"a --cluster file says it all: {none}")
        return read_config(file)
    if scheduler is not None:
        if workers is not None or threads is not None:
            raise BadParameter("a --scheduler has its workers: no --workers, no --threads-per-worker")
        return Address(address=scheduler)
    if gpu:
        return Local(workers=workers, threads_per_worker=threads or _BLOCKS_ON_GPU, gpus=1)
    return Local(workers=workers, threads_per_worker=threads or 1)


def specified(sweep: str, settings: list[str] | None, engine: str | None) -> Specification:
    """Find a sweep and change it as the options say."""
    from relusweep.pipeline.sweeps.overrides import find_sweep, override

    chosen = [f"engine={engine}"] if engine else []
    return override(find_sweep(sweep), [*(settings or []), *chosen])


def _print_end(finished: RunFinished, store: str, shown: str) -> None:
    """Say what a run has cost, and what to do next."""
    facts = finished.facts
    if any(stage["cells"] for stage in facts["stages"].values()):
        _print_cost(facts)
    if finished.interrupted or finished.failed:
        by, failed = finished.cancelled * ", as asked from outside", counted(len(finished.failed), "block")
        say(
            f"Stopped{by}; everything so far is in {escape(store)}. Go on with:"
            if finished.interrupted
            else f"[red]{failed} failed[/]; the others are stored. Try again with:"
        )
        say(f"  {escape(str(facts['command']))}")
        raise Exit(_INTERRUPTED if finished.interrupted else 1)
    named = facts["sweep"] if shown.endswith(f"/{facts['sweep']}") else shown
    look = f"relusweep show {named} --store {shlex.quote(store)}"
    say(f"All of {facts['group']} is in {escape(store)}. Look at it with:")
    say(f"  {escape(look)}")


def _print_cost(facts: dict[str, Any]) -> None:
    cpu = facts["client_cpu_seconds"] + facts["worker_cpu_seconds"]
    idle, at_end = facts["idle_share"], facts["idle_at_end_share"]
    if facts["group"].count("/") > 1 or not facts["networks"]:  # of a stage, which counts what it may
        rows = (
            (group.rpartition("/")[2], f"{n:,}", duration(seconds), duration(busy))
            for group, cost in facts["stages"].items()
            for n, seconds, busy in [[cost[key] for key in ("cells", "seconds", "kernel_seconds")]]
        )
        print_table(("stage", "computed", "time", "processor time of the tasks"), rows)
        say(f"{duration(facts['seconds'])} in all; peak memory {bytes_in_words(facts['peak_bytes'])}")
        say(f"{duration(cpu)} of processor time")
    else:
        rate, in_kernels = facts["networks"] / facts["seconds"], facts["kernel_seconds"] / cpu
        say(f"{facts['networks']:,} networks in {duration(facts['seconds'])}, {rate:,.0f} networks/s")
        say(f"{facts['network_epochs']:,} network-epochs; peak memory {bytes_in_words(facts['peak_bytes'])}")
        say(f"{duration(cpu)} of processor time, {in_kernels:.1%} of it in training kernels")
        say(f"compiling took {duration(facts['compile_seconds'])}")
    say(f"workers idled {idle:.1%} of the time; at the end, none for more than {at_end:.1%} of it")


def _span(labels: Any) -> str:
    """Write how far an axis reaches, as ``--set`` takes it."""
    if not isinstance(labels, list):
        return str(labels)
    if len(labels) > 2 and all(isinstance(a, int) and b == a + 1 for a, b in pairwise(labels)):
        return f"{labels[0]}..{labels[-1]}"
    return ",".join(map(label, labels)) or "none"
