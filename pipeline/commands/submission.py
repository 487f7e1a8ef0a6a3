"""Commands about runs that go without us: `submit`, `cancel`."""

from __future__ import annotations

import shlex
import shutil
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from rich.markup import escape
from typer import Argument, Option

from relusweep.pipeline.commands.options import Settings, Store, Sweep, say
from relusweep.pipeline.commands.sweeps import DryRun, Engine, Replace, print_plan, specified
from relusweep.pipeline.common.paths import expanded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relusweep.cluster import Slurm
    from relusweep.pipeline.execution.submission import Submission
    from relusweep.pipeline.monitoring.runs import Run

__all__ = ["cancel", "submit"]

_SHOWN_RUNS = 5

SlurmFile = Annotated[
    str, Option("--cluster", metavar="FILE", help="YAML of kind slurm; see docs/clusters/slurm.md.")
]
RunId = Annotated[
    str | None,
    Argument(
        metavar="[RUN]", help="Its id in `relusweep status`, or the start of it; not needed if one goes."
    ),
]


def submit(
    sweep: Sweep,
    cluster: SlurmFile,
    store: Store = "results",
    settings: Settings = None,
    engine: Engine = None,
    replace: Replace = False,
    dry_run: DryRun = False,
) -> None:
    """Let a run go in a job of Slurm, so that you can leave; to be typed where `sbatch` is.

    relusweep submit npn4 --store /project/results --cluster slurm.yaml

    relusweep submit mine.yaml --set trials=10 --cluster slurm.yaml --dry-run       (shows plan and job)

    relusweep status --watch --store /project/results                   (how far it is, from anywhere)

    relusweep cancel --store /project/results
    """
    from relusweep.cluster.slurm.driver import check_driver
    from relusweep.pipeline.execution.submission import submitted
    from relusweep.pipeline.planning.plan import plans
    from relusweep.pipeline.planning.resources import check_promised

    specification, config = specified(sweep, settings, engine), _slurm(cluster)
    todo = plans(specification, store, replace=replace)
    check_promised(todo, config)
    if dry_run:
        print_plan(todo, store)
    else:
        check_driver(config)
    options = [f"--set={setting}" for setting in settings or ()]
    options += [f"--engine={engine}"] if engine else []
    options += ["--replace"] if replace else []
    submission = _prepared(specification.name, (sweep, cluster), store, config, options)
    if dry_run:
        say("\nThe job:")
        say(escape(submission.script()))
        shutil.rmtree(submission.folder)
        return
    facts = {
        "id": submission.run_id,
        "sweep": specification.name,
        "group": specification.group,
        "store": submission.store,
        "command": shlex.join(["relusweep", *sys.argv[1:]]),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "cluster": config.kind,
    }
    _print_submitted(submission, submitted(submission, facts))


def cancel(run: RunId = None, store: Store = "results") -> None:
    """Stop a run, from anywhere that sees the store; what has come is kept.

    relusweep cancel --store s3://bucket/results

    relusweep cancel 20261122T2105 --store /project/results
    """
    from relusweep.cluster.slurm.driver import cancel_driver
    from relusweep.pipeline.monitoring.runs import ask_to_stop
    from relusweep.pipeline.monitoring.waiting import look_at_runs, note_end
    from relusweep.pipeline.monitoring.watch import verifies
    from relusweep.storage import Records

    chosen = _chosen(look_at_runs(store, most=100), run, store)
    ask_to_stop(store, chosen.id)
    job = chosen.document.get("job")
    if chosen.state == "submitted" and job and cancel_driver(job, chosen.document.get("slurm")):
        note_end(Records(store), chosen.document, "cancelled", None)
        say(f"Cancelled run {chosen.id}: job {job} of Slurm had not begun.")
        return
    when = "as soon as it begins" if chosen.state == "submitted" else "within seconds"
    kept = "" if chosen.state == "submitted" or verifies(chosen) else ", and commits what it has"
    say(f"Asked run {chosen.id} to stop: it does {when}{kept}. See it with:")
    say(f"  {escape(shlex.join(['relusweep', 'status', '--store', store]))}")


def _slurm(file: str) -> Slurm:
    from relusweep.cluster import InvalidCluster, Slurm, read_config

    config = read_config(file)
    if not isinstance(config, Slurm):
        raise InvalidCluster(
            f"{file} is of kind {config.kind!r}: only a Slurm takes a run as a job; with the others, "
            f"stay and use: relusweep run … --cluster {file}"
        )
    return config


def _prepared(
    name: str, files: tuple[str, str], store: str, config: Slurm, options: Sequence[str]
) -> Submission:
    """Make the folder of a run, with its sweep and cluster as they are now, and name what its job runs."""
    from relusweep.cluster.slurm.driver import driver_folder
    from relusweep.pipeline.execution.submission import Submission
    from relusweep.pipeline.monitoring.record import new_run_id
    from relusweep.storage.repository import local_path

    run_id, place = new_run_id(), str(local_path(store) or store)
    folder = driver_folder(config, run_id)
    file, config_file = map(expanded, files)
    shutil.copyfile(config_file, folder / "cluster.yaml")
    copied = str(shutil.copyfile(file, folder / file.name)) if file.is_file() else files[0]
    arguments = ["run", copied, "--store", place, "--cluster", str(folder / "cluster.yaml"), *options]
    return Submission(run_id, place, name, folder, 1, arguments)


def _print_submitted(submission: Submission, job: str) -> None:
    where = shlex.quote(submission.store)
    say(f"Submitted run [bold]{submission.run_id}[/] as job {job} of Slurm; you can leave.")
    say(f"  watch it   relusweep status --watch --store {escape(where)}")
    say(f"  stop it    relusweep cancel {submission.run_id} --store {escape(where)}")
    say(f"  its log    {escape(str(submission.folder / f'driver-{job}.log'))}")


def _chosen(runs: list[Run], wanted: str | None, store: str) -> Run:
    """Find the run that goes, or the one that is named; of those that are over there is nothing to stop."""
    from relusweep.pipeline.common.errors import UnknownRun

    found = [each for each in runs if (each.goes if wanted is None else each.id.startswith(wanted))]
    if len(found) == 1:
        if found[0].state in {"submitted", "running", "lost"}:
            return found[0]
        raise UnknownRun(f"run {found[0].id} in {store} is over: {found[0].state}")
    there = ", ".join(f"{each.id} ({each.state})" for each in runs[:_SHOWN_RUNS]) or "none"
    none = f"no run {wanted!r}" if wanted else "no run that goes"
    what = f"more than one run {'named so' if wanted else 'goes'}" if found else none
    raise UnknownRun(f"{what} in {store}; the newest runs there: {there}")
