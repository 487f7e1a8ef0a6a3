"""The page of a night: what was done, what drifted or failed, what has changed since the last."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import jinja2

from pipeline.nightly.aftermath import Change
from pipeline.nightly.ledger import Claim, State
from pipeline.nightly.times import local_time
from pipeline.nightly.work import Worked
from pipeline.report.content import KeyFigure
from pipeline.words import duration

__all__ = ["write_summary"]

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("pipeline.report"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGE = "summary.html"


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
    page = _TEMPLATES.get_template("night.html").render(
        name=claim.schedule.name,
        night=claim.night.label,
        state=state,
        lead=words,
        key_figures=_key_figures(worked, change),
        failed=worked.failed,
        drift=worked.drift,
        shown=f"{worked.drifted:,} cells have such; the first {shown:,} numbers are shown.",
        versions=list(_versions(worked)),
        comparison=change,
        facts=list(_facts(claim, worked, now)),
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _PAGE).write_text(page, encoding="utf-8")
    return folder / _PAGE


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
    yield "Due", f"{local_time(night.due, schedule.zone):%Y-%m-%d %H:%M %Z}"
    yield "Begun", f"{local_time(night.started, schedule.zone):%Y-%m-%d %H:%M:%S %Z}"
    yield "Took", duration((now - night.started).total_seconds())
    if night.skipped:
        yield "Missed before it", f"{night.skipped} nights, not made up for"
    if night.deaths:
        yield "Died", f"{night.deaths} times, and was gone on with"
    yield "Workers", schedule.cluster or "this machine"
