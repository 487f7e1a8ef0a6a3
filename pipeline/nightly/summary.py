"""The page of a scheduled run: what was done, what drifted or failed, what has changed since the last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from relusweep.pipeline.common.wording import counted, duration
from relusweep.pipeline.nightly.ledger import ScheduledRun
from relusweep.pipeline.nightly.report import Report
from relusweep.pipeline.nightly.times import local_text
from relusweep.pipeline.report.content import KeyFigure, Table
from relusweep.pipeline.report.page import TEMPLATES

__all__ = ["write_summary"]

_DRIFT = ("group", "variable", "cell", "in the store", "tonight")
_VERSIONS = ("group", "library", "then", "now")


def write_summary(run: ScheduledRun, report: Report, folder: Path) -> Path:
    """Write ``summary.html``, which needs nothing else, into a folder, made where missing; give its path."""
    drift, versions = report.drift, [*_versions(report)]
    page = TEMPLATES.get_template("night.html").render(
        name=run.schedule.name,
        night=run.label,
        state=run.state,
        lead=run.message,
        key_figures=[*_key_figures(report)],
        failed=report.failed,
        drift=_table("Drifted numbers", _DRIFT, drift),
        shown=f"{counted(report.drifted, 'cell')} in all; here {counted(len(drift), 'number')} of them.",
        versions=_table("Versions that differ", _VERSIONS, [row for row in versions if row[2] != row[3]]),
        same=sorted({f"{library} {now}" for _, library, then, now in versions if then == now}),
        diff=report.diff,
        facts=[*_facts(run, report)],
    )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "summary.html"
    file.write_text(page, encoding="utf-8")
    return file


def _table(title: str, headings: Sequence[str], rows: Sequence[tuple[str, ...]]) -> Table | None:
    return Table(title, pd.DataFrame(rows, columns=list(headings))) if rows else None


def _key_figures(report: Report) -> Iterator[KeyFigure]:
    yield KeyFigure("Computed", f"{report.cells:,}", "cells, tonight")
    yield KeyFigure("Drifted", f"{report.drifted:,}", "cells that came out with other bits")
    yield KeyFigure("Failed", f"{len(report.failed):,}", "blocks, or the night itself")
    if report.diff is not None:
        yield KeyFigure("Changed", f"{report.changed:,}", f"cells since {report.diff.before}")


def _versions(report: Report) -> Iterator[tuple[str, str, str, str]]:
    for group, versions in report.versions.items():
        for library in sorted({*versions["then"], *versions["now"]}):
            then, now = (versions[when].get(library, "none") for when in ("then", "now"))
            yield group, library, then, now


def _facts(run: ScheduledRun, report: Report) -> Iterator[tuple[str, str]]:
    schedule = run.schedule
    yield "Schedule", f"{schedule.name}: {schedule.mode} at {schedule.at}, {schedule.zone}"
    yield "Sweep", " ".join((schedule.sweep, *schedule.settings))
    yield "Store", schedule.store
    yield "Version", f"{run.progress.get('tag', 'no tag')} ({report.version or 'none'})"
    if report.run is not None:
        yield "Run", report.run
    yield "Due", local_text(run.due, schedule.zone)
    yield "Started", local_text(run.started, schedule.zone)
    yield "Took", duration((datetime.now(UTC) - run.started).total_seconds())
    for remark in run.remarks:
        yield "Note", remark
    yield "Workers", schedule.cluster or "this machine"
    yield "Keeps", schedule.keeps
