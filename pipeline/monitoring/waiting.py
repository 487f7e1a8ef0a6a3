"""Runs that were submitted and have not begun: only Slurm knows whether they will, where it can be asked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from relusweep.pipeline.monitoring.runs import Run, cancel_name, read_runs, run_name
from relusweep.storage import Records, StoreWriteError

if TYPE_CHECKING:
    from relusweep.cluster.slurm.commands import Shown

__all__ = ["NEVER_BEGAN", "look_at_runs", "note_end", "note_if_never_began"]

NEVER_BEGAN = "its job ended before the run began"

_ASKED_EVERY = 15.0  # seconds: Slurm serves everybody


def look_at_runs(store: str, most: int = 10) -> list[Run]:
    """Read the newest runs of a store, see `read_runs`; of those that wait Slurm is asked.

    A run whose job has ended is noted as one that never began, where the store can be written: for those who
    cannot ask Slurm.
    """
    return [_asked(store, run) if run.state == "submitted" else run for run in read_runs(store, most)]


def note_if_never_began(records: Records, run_id: str) -> None:
    """Note in the process of its job that a run has not begun, though that ends."""
    document = records.get(run_name(run_id))
    if document and document["state"] == "submitted":
        note_end(records, document, "failed", NEVER_BEGAN)


def note_end(records: Records, document: Mapping[str, Any], state: str, error: str | None) -> Run:
    """Note, where the store can be written, how a run ended that never began; and give it so."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    run = Run({**document, "state": state, "error": error, "ended": now}, state)
    with suppress(StoreWriteError):
        records.put(run_name(run.id), run.document)
        records.delete(cancel_name(run.id))
    return run


def _asked(store: str, run: Run) -> Run:
    job, who = run.document.get("job"), run.document.get("slurm")
    shown = job and who and _shown(job, who, int(time.monotonic() / _ASKED_EVERY))
    if not shown:
        return run
    if not shown.ended:
        return replace(run, queue=f"waits: {shown.reason}" if shown.state == "PENDING" else "begins")
    records = Records(store)
    now = records.get(run_name(run.id)) or run.document
    if (now["state"], now["job"]) != ("submitted", job):  # it has begun since it was read
        return Run(now, now["state"])
    state = "cancelled" if shown.state == "CANCELLED" else "failed"
    return note_end(records, now, state, f"job {job} of Slurm {shown.how} before the run began")


@lru_cache(maxsize=32)
def _shown(job: str, who: str, when: int) -> Shown | None:
    from relusweep.cluster.slurm.driver import ask_driver

    return ask_driver(job, who)
