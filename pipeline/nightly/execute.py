"""A scheduled run from its claim to its outcome: the work, a tag, a comparison, a page, a webhook.

The ledger remembers each step once it is done, so that another process can resume a run that was killed.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from relusweep.cluster import ClusterError
from relusweep.pipeline.common.errors import IncomparableVersions, LedgerError, SweepError
from relusweep.pipeline.monitoring.events import Listener
from relusweep.pipeline.nightly.ledger import Ledger, ScheduledRun, State, old_tags
from relusweep.pipeline.nightly.modes import compute
from relusweep.pipeline.nightly.report import Diff, Report
from relusweep.pipeline.nightly.retention import apply_retention, tag_version
from relusweep.pipeline.nightly.summary import write_summary
from relusweep.pipeline.nightly.webhook import post
from relusweep.pipeline.versions.compare import compare
from relusweep.pipeline.versions.page import write_versions_page
from relusweep.storage import StoreError, StoreLocked, StoreNotFound, UnknownVersion
from relusweep.tasks.images.errors import DataSetError

__all__ = ["execute"]

# A block that takes a machine's memory takes it every time.
_MOST_DEATHS = 3

logger = logging.getLogger(__name__)


def execute(ledger: Ledger, run: ScheduledRun, listener: Listener, **options: Any) -> None:
    """Execute a run that was claimed; its state, message and page say what became of it.

    A store that another run is writing makes it wait for the next tick; once the next run of the schedule is
    due, it has failed, as at whatever else goes wrong. After SIGTERM or Ctrl-C, the next tick resumes it.

    It is called in the context of `Ledger.claim`; see also `relusweep.pipeline.nightly.modes.compute`.
    """
    report = Report()
    try:
        if run.deaths > _MOST_DEATHS:
            report.failed.append(f"its process was killed {run.deaths} times")
        else:
            report = _computed(ledger, run, listener, options)
        if report.interrupted:
            return _leave(ledger, run, "interrupted", "stopped; the next tick resumes it")
        if report.version is not None:
            _compare(ledger, run, report, report.version)
            old = old_tags(ledger.runs(run.schedule.name))
            report.sentences += apply_retention(run.schedule, old)
    except StoreLocked as error:
        if not run.overdue:
            return _leave(ledger, run, "waiting", f"waits: {error}")
        report.failed.append(f"until its next night was due, the store was not free: {error}")
    except LedgerError:  # what has become of the run cannot be written down
        raise
    except Exception as error:  # whatever it was, the run is told to have failed
        if not isinstance(error, SweepError | StoreError | ClusterError | DataSetError):
            logger.exception("night %s of %s failed", run.label, run.schedule.name)
        report.failed.append(f"{type(error).__name__}: {error}")
    return _finish(ledger, run, report)


def _computed(ledger: Ledger, run: ScheduledRun, listener: Listener, options: dict[str, Any]) -> Report:
    if "worked" in run.progress:
        return Report.model_validate(run.progress["worked"])
    report = compute(ledger, run, listener, **options)
    if not report.interrupted:
        ledger.save(run, worked=report.model_dump(mode="json"))
    return report


def _compare(ledger: Ledger, run: ScheduledRun, report: Report, version: str) -> None:
    """Tag the version, and compare it with that of the run before: once, since that may be deleted next."""
    schedule, progress = run.schedule, run.progress
    if "change" not in progress:
        wanted, noted = f"nightly.{schedule.name}.{run.label}", progress.get("naming")
        tag = tag_version(schedule.store, wanted, version, noted, lambda name: ledger.save(run, naming=name))
        ledger.save(run, tag=tag)
        # A refresh answers for what it found, whoever has written that since the run before.
        before = progress.get("before") or _last_tag(ledger, run)
        diff = None if before is None else _diff(run, before, tag)
        ledger.save(run, change=None if diff is None else diff.model_dump())
    report.diff = None if progress["change"] is None else Diff(**progress["change"])
    if schedule.mode == "refresh":
        report.drifted = report.changed


def _diff(run: ScheduledRun, before: str, after: str) -> Diff | None:
    """Compare two versions and write the page; None where there is nothing to compare."""
    try:
        found = compare(run.schedule.store, before, after, run.schedule.specification().report_group)
    except (StoreNotFound, UnknownVersion, IncomparableVersions):  # its tag is deleted; no group in either
        return None
    try:
        page = write_versions_page(found, _folder(run) / "comparison").name
    except OSError as error:  # a full disk must not hide what has changed
        logger.warning("no page of the comparison of %s with %s: %s", after, before, error)
        page = None
    counts = {what: int(found.attrs[f"n_{what}_cells"]) for what in ("changed", "added", "removed")}
    significant = int(found.attrs["n_significant"])
    return Diff(before=before, after=after, significant=significant, page=page, **counts)


def _last_tag(ledger: Ledger, run: ScheduledRun) -> str | None:
    earlier = (other.progress for other in ledger.runs(run.schedule.name) if other.due < run.due)
    return next((progress["tag"] for progress in earlier if "tag" in progress), None)


def _finish(ledger: Ledger, run: ScheduledRun, report: Report) -> None:
    schedule, page = run.schedule, None
    run.state, run.message = report.outcome, report.message
    try:
        page = str(write_summary(run, report, _folder(run)))
    except OSError as error:  # a full disk changes nothing about the outcome
        logger.warning("no summary of %s %s: %s", schedule.name, run.label, error)
    ledger.save(run, page=page)
    if schedule.webhook is not None and run.state != "well":
        message = {
            "schedule": schedule.name,
            "due": run.due.isoformat(),
            "outcome": run.state,
            "drifted": report.drifted,
            "changed": report.changed,
            "failed": len(report.failed),
            "summary": page,
            "store": schedule.store,
        }
        post(schedule.webhook, schedule.webhook_host, message)


def _leave(ledger: Ledger, run: ScheduledRun, state: State, message: str) -> None:
    """Leave a run to the next tick."""
    run.state, run.message = state, message
    ledger.save(run)


def _folder(run: ScheduledRun) -> Path:
    return Path(run.schedule.folder) / run.label
