"""The page of a night: what was done, what drifted or failed, what has changed since the last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from relusweep.pipeline.common.wording import counted, duration
from relusweep.pipeline.nightly.aftermath import Change
from relusweep.pipeline.nightly.rows import Claim, State
from relusweep.pipeline.nightly.times import local_time
from relusweep.pipeline.nightly.work import Worked
from relusweep.pipeline.report.content import KeyFigure, Table
from relusweep.pipeline.report.page import TEMPLATES

__all__ = ["write_summary"]

_PAGE = "summary.html"
_DRIFT = ("group", "variable", "cell", "in the store", "tonight")
_VERSIONS = ("group", "library", "then", "now")


def write_summary(
    claim: Claim,
    state: State,
    words: str,
    worked: Worked,
    change: Change | None,
    now: datetime,
    folder: Path,
) -> Path:
    """Write the page of a night, which needs nothing else; files of an earlier try are replaced.

    Parameters
    ----------
    claim : Claim
    state : {'well', 'drifted', 'failed'}
    words : str
        What became of it.
    worked : Worked
    change : Change or None
    now : datetime
    folder : Path
        Made where missing.

    Returns
    -------
    Path
        ``summary.html`` in the folder.
    """
    shown = len(worked.drift)
    page = TEMPLATES.get_template("night.html").render(
        name=claim.schedule.name,
        night=claim.night.label,
        state=state,
        lead=words,
        key_figures=_key_figures(worked, change),
        failed=worked.failed,
        drift=_table("Drifted numbers", _DRIFT, worked.drift),
        shown=f"{counted(worked.drifted, 'cell')} with such numbers; shown are the first {shown:,} numbers.",
        versions=_table("Versions that differ", _VERSIONS, [v for v in _versions(worked) if v[2] != v[3]]),
        same=sorted({f"{library} {now}" for _, library, then, now in _versions(worked) if then == now}),
        comparison=change,
        facts=list(_facts(claim, worked, now)),
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _PAGE).write_text(page, encoding="utf-8")
    return folder / _PAGE


def _table(title: str, headings: Sequence[str], rows: Sequence[tuple[str, ...]]) -> Table | None:
    return Table(title, pd.DataFrame(rows, columns=list(headings))) if rows else None


def _key_figures(worked: Worked, change: Change | None) -> list[KeyFigure]:
    figures = [
        KeyFigure("Computed", f"{worked.cells:,}", "cells, tonight"),
        KeyFigure("Drifted", f"{worked.drifted:,}", "cells computed again, to other bits"),
        KeyFigure("Failed", f"{len(worked.failed):,}", "blocks, or the night itself"),
    ]
    if change is not None:
        figures.append(KeyFigure("Changed", f"{change.changed:,}", f"cells since {change.before}"))
    return figures


def _versions(worked: Worked) -> Iterator[tuple[str, str, str, str]]:
    for group, versions in worked.versions.items():
        for library in sorted({*versions["then"], *versions["now"]}):
            then, now = (versions[when].get(library, "none") for when in ("then", "now"))
            yield group, library, then, now


def _facts(claim: Claim, worked: Worked, now: datetime) -> Iterator[tuple[str, str]]:
    schedule, night = claim.schedule, claim.night
    yield "Schedule", f"{schedule.name}: {schedule.mode} at {schedule.at}, {schedule.zone}"
    yield "Sweep", " ".join((schedule.sweep, *schedule.settings))
    yield "Store", schedule.store
    yield "Version", f"{night.progress.get('tag', 'no tag')} ({worked.version or 'none'})"
    if worked.run is not None:
        yield "Run", worked.run
    yield "Due", f"{local_time(night.due, schedule.zone):%Y-%m-%d %H:%M %Z}"
    yield "Begun", f"{local_time(night.started, schedule.zone):%Y-%m-%d %H:%M:%S %Z}"
    yield "Took", duration((now - night.started).total_seconds())
    if night.skipped:
        yield "Missed before it", f"{counted(night.skipped, 'night')}, not made up for"
    if night.deaths:
        yield "Died", f"{counted(night.deaths, 'time')}, and was gone on with"
    yield "Workers", schedule.cluster or "this machine"
    yield "Keeps", schedule.keeps
