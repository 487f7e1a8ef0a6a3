"""The page of a source: its claims and the tables of its sweeps beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import xarray as xr

from relusweep.pipeline.common.divergence import diverged_in_words
from relusweep.pipeline.common.paths import expanded
from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.report.claims import TITLE, Claim, claims_of, claims_table
from relusweep.pipeline.report.content import Attachment, Block, Content, KeyFigure, Section, Table
from relusweep.pipeline.report.kinds import report_on
from relusweep.pipeline.report.page import write_page as write
from relusweep.pipeline.report.stored import open_sweep, report_stored
from relusweep.pipeline.reproduction.plan import Part, Reproduction
from relusweep.storage import resolve

__all__ = ["write_page"]

_PAGE = "reproduction.html"
_SCALES = {
    "small": "a small scale, which shows that everything works and decides little",
    "source": "the scale of the source",
    "large": "the scale of the named sweeps",
}
_DECIDED = (
    "Each claim is decided from the data of a sweep, by the criterion that its figures state. The page of "
    "the sweep says more."
)
_VERDICTS = ("holds", "holds in part", "does not hold", "not run")


class _Seen(NamedTuple):
    """A sweep that ran: its group, its data, and what they say of the claims of the source."""

    part: Part
    group: str
    data: xr.Dataset | xr.DataTree
    claims: list[Claim]


def write_page(asked: Reproduction, folder: Path, command: str, failed: Mapping[str, int]) -> Path:
    """Write the page of a source, ``reproduction.html``, and the pages of its sweeps in folders beside it.

    Parameters
    ----------
    asked : Reproduction
        All that it asks for and does not leave out is in the store, but for what failed.
    folder : Path
    command : str
        What makes the page again.
    failed : mapping of str to int
        Blocks that failed, by sweep.
    """
    version = resolve(asked.store, "newest")
    seen = [_seen(asked, part, version) for part in asked.parts if part.sweep is not None]
    content = _content(asked, seen, failed)
    words: dict[str, Any] = {
        "name": asked.name,
        "key_figures": content.key_figures,
        "not_run": content.not_run,
        "diverged": [
            f"{one.part.step.sweep}: {word}" for one in seen for word in diverged_in_words(one.data)
        ],
        "after": [],
        "last_heading": "The runs",
        "facts": [
            ("Source", asked.source.reference),
            ("Scale", asked.scale),
            ("Store", asked.store),
            ("Version of the store", version),
        ],
        "stages": None,
        "how_to_open": _how_to_open(asked, seen),
        "command": command,
        "specification": "",
        "versions": {},
    }
    return write(content, words, expanded(folder) / _PAGE)


def _seen(asked: Reproduction, part: Part, version: str) -> _Seen:
    assert part.sweep is not None  # see write_page
    group, data = open_sweep(asked.store, part.sweep.report_group, version)
    return _Seen(part, group, data, claims_of(data))


def _content(asked: Reproduction, seen: list[_Seen], failed: Mapping[str, int]) -> Content:
    decided = _decided(seen)
    left_out = [part for part in asked.parts if part.left_out]
    lost = [
        f"{counted(count, 'block')} of {sweep} failed: run the same command again"
        for sweep, count in failed.items()
    ]
    return Content(
        subject=asked.source.title,
        heading=f"What the source says of {asked.source.title}, and what came out here",
        lead=f"{asked.source.reference}. {counted(len(seen), 'sweep')} at {_SCALES[asked.scale]}.",
        borrowed="",
        chapter="",
        key_figures=[*_key_figures(asked, seen, [claim for _, claim in decided])],
        not_run=[*lost, *(f"{part.step.sweep}: {part.left_out}." for part in left_out)],
        sections=[
            *([Section("Claims of the source", [_DECIDED, _claims_table(decided)])] if decided else []),
            Section("The sweeps", [_sweeps_table(asked)]),
            *(Section(one.part.step.sweep, [*_blocks(asked, one)]) for one in seen),
            *([Section("What no sweep shows", [_elsewhere(asked)])] if asked.source.elsewhere else []),
        ],
    )


def _key_figures(asked: Reproduction, seen: list[_Seen], claims: list[Claim]) -> Iterator[KeyFigure]:
    yield KeyFigure("Sweeps", f"{len(seen)} of {len(asked.parts)}", f"at the scale {asked.scale}")
    found = [claim.verdict for claim in claims]
    for verdict in _VERDICTS:
        if verdict in found:
            share = f"{found.count(verdict)} of {len(claims)}"
            yield KeyFigure(verdict.capitalize(), share, "claims of the source, by the criteria in the table")


def _decided(seen: list[_Seen]) -> list[tuple[str, Claim]]:
    """Give each claim once, with the first sweep that decides it, or else the first that names it."""
    found: dict[str, tuple[str, Claim]] = {}
    for one in seen:
        for claim in one.claims:
            if claim.words not in found or found[claim.words][1].verdict == "not run":
                found[claim.words] = one.part.step.sweep, claim
    return list(found.values())


def _claims_table(decided: list[tuple[str, Claim]]) -> Table:
    table, sweeps = claims_table([claim for _, claim in decided]), [sweep for sweep, _ in decided]
    if len(set(sweeps)) > 1:
        table.cells.insert(1, "Sweep", sweeps)
    return table


def _sweeps_table(asked: Reproduction) -> Table:
    rows = [
        (part.step.sweep, f"left out: {part.left_out}" if part.left_out else "run", part.step.shows)
        for part in asked.parts
    ]
    columns = ["Sweep", "Here", "What of the source it shows"]
    return Table("In the order in which they are run", pd.DataFrame(rows, columns=columns), code=("Sweep",))


def _blocks(asked: Reproduction, one: _Seen) -> Iterator[Block]:
    step = one.part.step
    yield f"Of the source: {step.shows}. On the page of the sweep: {step.sections}."
    yield Attachment(
        f"{step.sweep}/report.html",
        f"The page of {step.sweep}, with pictures",
        partial(_write_report, asked.store, one.group),
    )
    for block in report_on(one.data).overview(one.data):
        if not (isinstance(block, Table) and block.title == TITLE):
            yield block


def _write_report(store: str, group: str, page: Path) -> None:
    report_stored(store, group, page.parent)


def _elsewhere(asked: Reproduction) -> Table:
    return Table("Shown elsewhere", pd.DataFrame(asked.source.elsewhere, columns=["Of the source", "Where"]))


def _how_to_open(asked: Reproduction, seen: list[_Seen]) -> str:
    lines = [f"rs.open({asked.store!r}, {one.group!r})" for one in seen]
    return "\n".join(["import relusweep as rs\n", *lines])
