"""What a schedule does: verify, extend or refresh a sweep. Each can be begun again after any end."""

from __future__ import annotations

from typing import Any

from relusweep.pipeline.execution.run import run as run_sweep
from relusweep.pipeline.monitoring.events import Committed, Event, Listener
from relusweep.pipeline.nightly.ledger import Ledger, ScheduledRun
from relusweep.pipeline.nightly.report import CANCELLED, Report
from relusweep.pipeline.nightly.schedule import DEFAULT_SHARE, Schedule
from relusweep.pipeline.nightly.verify import verify
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.overrides import override
from relusweep.storage import StoreNotFound, history, open_dataset, specification_of

__all__ = ["compute"]


def compute(ledger: Ledger, run: ScheduledRun, listener: Listener, **options: Any) -> Report:
    """Compute what a scheduled run is for; the ledger keeps in its `progress` what is needed to resume it.

    Parameters
    ----------
    ledger : Ledger
    run : ScheduledRun
    listener : callable
        Told the events of the runs that extend and refresh.
    **options
        Passed to `relusweep.pipeline.nightly.verify.verify` or `relusweep.pipeline.execution.run.run`.

    Raises
    ------
    relusweep.storage.StoreNotFound
        The store, there when the schedule was added, is not.
    SweepError, relusweep.storage.StoreError, relusweep.cluster.ClusterError
        As `relusweep.pipeline.execution.run.run`.
    """
    schedule = run.schedule
    history(schedule.store)  # one that was moved away is missed, and not begun anew
    options["command"] = f"relusweep nightly tick {schedule.name}"
    if schedule.mode == "verify":
        return verify(
            schedule.specification(),
            schedule.store,
            schedule.workers(),
            seed=f"{schedule.name} {run.due.isoformat()}",
            share=schedule.share or DEFAULT_SHARE,
            blocks=schedule.blocks,
            **options,
        )
    return (_extend if schedule.mode == "extend" else _refresh)(ledger, run, listener, options)


def _extend(ledger: Ledger, run: ScheduledRun, listener: Listener, options: dict[str, Any]) -> Report:
    schedule, sweep = run.schedule, run.schedule.specification()
    if "trials" not in run.progress:  # or a run begun twice would add twice
        ledger.save(run, trials=_stored_trials(schedule.store, sweep) + (schedule.by or 0))
    trials = run.progress["trials"]
    field = "trials" if sweep.until is None else "trials.most"
    report = _run(schedule, override(sweep, [f"{field}={trials}"]), listener, options)
    most = "" if sweep.until is None else f" at most, {sweep.until.words}"
    report.sentences.append(f"{sweep.group} now has trials 0 to {trials - 1}{most}")
    return report


def _stored_trials(store: str, sweep: Sweep) -> int:
    try:
        trials = specification_of(open_dataset(store, sweep.group).attrs).get("trials", 0)
    except StoreNotFound:
        return 0
    return int(trials["most"] if isinstance(trials, dict) else trials)


def _refresh(ledger: Ledger, run: ScheduledRun, listener: Listener, options: dict[str, Any]) -> Report:
    schedule, progress = run.schedule, run.progress
    if "before" not in progress:
        ledger.save(run, before=history(schedule.store)[0].id, refreshed=[])

    def note(event: Event) -> None:
        """Remember groups once they are begun: after the commit, or a kill in between would skip them."""
        if isinstance(event, Committed) and (new := set(event.groups).difference(progress["refreshed"])):
            ledger.save(run, refreshed=[*progress["refreshed"], *sorted(new)])
        listener(event)

    options["refreshed"] = frozenset(progress["refreshed"])
    return _run(schedule, schedule.specification(), note, options)


def _run(schedule: Schedule, sweep: Sweep, listener: Listener, options: dict[str, Any]) -> Report:
    finished = run_sweep(sweep, schedule.store, schedule.workers(), listeners=[listener], **options)
    cells = {group: int(stage["cells"]) for group, stage in finished.facts["stages"].items()}
    failed = [f"{failure.block}: {failure.error}" for failure in finished.failed]
    return Report(
        run=finished.facts["id"],
        cells=sum(cells.values()),
        # Unlike what a signal stops, what was cancelled is not resumed.
        failed=[*failed, CANCELLED] if finished.cancelled else failed,
        interrupted=finished.interrupted and not finished.cancelled,
        sentences=[
            *(f"{count:,} cells of {group} computed" for group, count in cells.items()),
            *(words.removesuffix(".") for words in finished.diverged),
        ],
        version=history(schedule.store)[0].id,
    )
