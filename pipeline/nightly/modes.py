"""What a night does: verify, extend or refresh a sweep. Each can be begun again after any end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import Committed, Event, Listener, PlanStarted, RunFinished
from relusweep.pipeline.nightly.rows import Claim
from relusweep.pipeline.nightly.schedule import DEFAULT_SHARE, Schedule
from relusweep.pipeline.nightly.verify import verify
from relusweep.pipeline.nightly.work import CANCELLED, Worked
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.overrides import override
from relusweep.storage import StoreNotFound, history, open_dataset

__all__ = ["Remember", "work"]

Remember = Callable[..., None]
"""Keeps facts, given by keyword, for whoever goes on with the night: they are its ``progress`` then."""


def work(claim: Claim, remember: Remember, listener: Listener) -> Worked:
    """Do what a night is for.

    Parameters
    ----------
    claim : Claim
        Of a night; its ``progress`` is what an earlier claim has remembered.
    remember : callable
    listener : callable
        Told the events of runs.

    Raises
    ------
    relusweep.storage.StoreNotFound
        The store, there when the schedule was added, is not.
    SweepError, relusweep.storage.StoreError, relusweep.cluster.ClusterError
        As `relusweep.pipeline.execution.run.run`.
    """
    history(claim.schedule.store)  # one that was moved away is missed, and not begun anew
    return {"verify": _verify, "extend": _extend, "refresh": _refresh}[claim.schedule.mode](
        claim, remember, listener
    )


def _verify(claim: Claim, remember: Remember, listener: Listener) -> Worked:
    schedule = claim.schedule
    return verify(
        schedule.specification(),
        schedule.store,
        schedule.workers(),
        seed=f"{schedule.name} {claim.night.due.isoformat()}",
        share=schedule.share or DEFAULT_SHARE,
        blocks=schedule.blocks,
        command=_command(schedule),
    )


def _extend(claim: Claim, remember: Remember, listener: Listener) -> Worked:
    schedule, sweep = claim.schedule, claim.schedule.specification()
    trials = claim.night.progress.get("trials")
    if trials is None:  # or a night begun twice would add twice
        trials = _stored_trials(schedule.store, sweep) + (schedule.by or 0)
        remember(trials=trials)
    worked = _run(schedule, override(sweep, [f"trials={trials}"]), listener)
    worked.sentences.append(f"{sweep.group} now has trials 0 to {trials - 1}")
    return worked


def _refresh(claim: Claim, remember: Remember, listener: Listener) -> Worked:
    schedule, progress = claim.schedule, claim.night.progress
    if "before" not in progress:
        remember(before=_newest(schedule.store), refreshed=[])

    def note(event: Event) -> None:
        """Remember groups once they are begun: after the commit, or a kill in between would skip them."""
        if isinstance(event, Committed) and (new := set(event.groups).difference(progress["refreshed"])):
            remember(refreshed=[*progress["refreshed"], *sorted(new)])
        listener(event)

    return _run(schedule, schedule.specification(), note, refreshed=frozenset(progress["refreshed"]))


def _run(schedule: Schedule, sweep: Sweep, listener: Listener, **options: Any) -> Worked:
    groups: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, PlanStarted):
            groups.append(event.plan.sweep.group)
        listener(event)

    finished = run(
        sweep, schedule.store, schedule.workers(), listeners=[note], command=_command(schedule), **options
    )
    return _told(finished, groups, _newest(schedule.store))


def _command(schedule: Schedule) -> str:
    return f"relusweep nightly tick {schedule.name}"


def _told(finished: RunFinished, groups: list[str], version: str) -> Worked:
    cells = {group: int(stage["cells"]) for group, stage in finished.facts["stages"].items()}
    failed = [f"{failure.block}: {failure.error}" for failure in finished.failed]
    if finished.cancelled:  # not to be gone on with, as what a signal stops
        failed.append(CANCELLED)
    return Worked(
        run=finished.facts["id"],
        cells=sum(cells.values()),
        failed=failed,
        interrupted=finished.interrupted and not finished.cancelled,
        sentences=[f"{count:,} cells of {group} computed" for group, count in cells.items()],
        groups=groups,
        version=version,
    )


def _newest(store: str) -> str:
    return history(store)[0].id


def _stored_trials(store: str, sweep: Sweep) -> int:
    try:
        return int(json.loads(open_dataset(store, sweep.group).attrs["specification"])["trials"])
    except StoreNotFound:
        return 0
