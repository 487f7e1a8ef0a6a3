"""The report: one self-contained HTML page, and every picture as PNG and SVG beside it."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import jinja2
import xarray as xr

from relusweep.pipeline.common.asked import asked_in_words, epochs_read
from relusweep.pipeline.common.divergence import diverged_in_words
from relusweep.pipeline.report.content import Attachment, Block, Content, Folded, KeyFigure, Section, Table
from relusweep.pipeline.report.coverage import Coverage, coverage, diverged_table, missing_table
from relusweep.pipeline.report.facts import facts_rows, how_to_open, known_rows, speeds, stages_table
from relusweep.pipeline.report.kinds import report_on
from relusweep.pipeline.report.scale import specification
from relusweep.pipeline.report.text import anchor, folded_caption
from relusweep.pipeline.report.theme import DARK, LIGHT, Picture, render

__all__ = ["TEMPLATES", "write_page", "write_report"]

TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("relusweep.pipeline.report"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["anchor"] = anchor
TEMPLATES.tests |= {
    "attachment": lambda block: isinstance(block, Attachment),
    "picture": lambda block: isinstance(block, Picture),
    "table": lambda block: isinstance(block, Table),
}
B = TypeVar("B", Picture, Attachment)

_PAGE = "report.html"
_INTERVALS = "Wilson score intervals at 95 %, networks of a cell taken as independent draws"
# Of a run with stages they count cells of the last one, and the time of those before it; nothing is compiled.
_OF_NETWORKS_ALONE = frozenset(
    {"networks", "network_epochs", "kernel_seconds", "measuring_seconds", "compile_seconds"}
)


def write_report(data: xr.Dataset | xr.DataTree, folder: Path, facts: Mapping[str, Any]) -> Path:
    """Write the report of a sweep: a page that needs nothing else, and its pictures as files.

    Parameters
    ----------
    data : xarray.Dataset or xarray.DataTree
        A group such as ``boolean/npn4``, or the tree of a sweep with stages such as ``images/mnist``; it may
        be unfinished. The attribute ``kind`` chooses the report, which says what part of it it can read.
    folder : Path
        Where to write; made if it does not exist, files of an earlier report are replaced.
    facts : Mapping
        What is known of the run, see `RunFacts`.

    Returns
    -------
    Path
        The page, ``report.html``; beside it every picture as ``.png`` and ``.svg``.

    Raises
    ------
    ValueError
        The data lack what the report of their kind shows.
    """
    report = report_on(data)
    if isinstance(data, xr.Dataset):
        if "success_epoch" in data:
            data = data.assign(success_epoch=epochs_read(data))
        data = data.assign_attrs({key: facts[key] for key in ("specification", "versions") if key in facts})
    content = report.content(data)
    return write_page(content, _words(data, content, facts), folder / _PAGE)


def write_page(content: Content, words: Mapping[str, Any], page: Path) -> Path:
    """Write a page, and its pictures beside it.

    Parameters
    ----------
    content : Content
    words : Mapping
        What the frame says besides: what ``templates/page.html`` names.
    page : Path
        Of the file; its folder is made if it does not exist.
    """
    page.parent.mkdir(parents=True, exist_ok=True)
    shown = {
        picture.name: _publish(picture, number, page.parent)
        for number, picture in enumerate(_all(Picture, content), start=1)
    }
    for attachment in _all(Attachment, content):
        attachment.write(page.parent / attachment.name)
    text = TEMPLATES.get_template("page.html").render({"content": content, "shown": shown, **words})
    page.write_text(text, encoding="utf-8")
    return page


def _all(kind: type[B], content: Content) -> Iterator[B]:
    """Give the blocks of a kind, folded ones too."""
    for section in content.sections:
        yield from _among(kind, section.blocks)


def _among(kind: type[B], blocks: Sequence[Block]) -> Iterator[B]:
    for block in blocks:
        if isinstance(block, kind):
            yield block
        elif isinstance(block, Folded):
            yield from _among(kind, block.blocks)


@dataclass(frozen=True)
class _Shown:
    """A picture in the page: its number, what the two themes show of it, and both parts of its caption.

    Its width is in pixels of the page, at which letters have their usual size.
    """

    number: int
    light: str
    dark: str
    width: int
    caption: str
    folded: str


def _publish(picture: Picture, number: int, folder: Path) -> _Shown:
    """Write the files of a picture; return what the page shows of it."""
    light = render(picture, LIGHT, "svg")
    (folder / f"{picture.name}.svg").write_bytes(light)
    (folder / f"{picture.name}.png").write_bytes(render(picture, LIGHT, "png"))
    dark = render(picture, DARK, "svg")
    caption, folded = folded_caption(picture.caption)
    return _Shown(number, _embedded(light), _embedded(dark), _width(light), caption, folded)


def _width(svg: bytes) -> int:
    """Read how wide a picture is, in pixels: it says it in points."""
    points = re.search(rb'<svg[^>]* width="([\d.]+)pt"', svg)
    assert points is not None  # Matplotlib always writes it
    return round(float(points[1]) * 4 / 3)


def _embedded(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + b64encode(svg).decode("ascii")


def _words(data: xr.Dataset | xr.DataTree, content: Content, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Give what every page says besides its content."""
    known = specification(data)
    if isinstance(data, xr.DataTree):
        own = _of_stages(data, content, facts)
    else:
        own = (_of_networks if "success_epoch" in data else _of_cells)(data, content, facts)
    return {
        "last_heading": "The run",
        "diverged": diverged_in_words(data),
        "name": facts.get("sweep") or known.get("name") or data.attrs.get("title", "sweep"),
        "how_to_open": how_to_open(data, facts, content.questions),
        "command": facts.get("command"),
        "specification": json.dumps(known, indent=2, ensure_ascii=False) if known else "",
        **own,
    }


def _of_networks(dataset: xr.Dataset, content: Content, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a page says of networks that succeed or fail."""
    ran = coverage(dataset)
    not_run = [*ran.sentences(), *content.not_run]
    return {
        "key_figures": _key_figures(ran, content, facts),
        "not_run": not_run,
        "after": [
            *([_folded("What has not run", missing_table(dataset, content.nouns))] if not_run else []),
            *_not_finite(dataset, content.nouns),
        ],
        "facts": [
            *facts_rows(dataset, facts, content.nouns),
            ("Intervals", " ".join([_INTERVALS, *asked_in_words(dataset)])),
        ],
        "stages": None,
        "versions": _versions(dataset.attrs),
    }


def _of_cells(dataset: xr.Dataset, content: Content, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a page says of a sweep of which only its own kind knows what it computes."""
    return {
        "key_figures": content.key_figures,
        "not_run": content.not_run,
        "after": [],
        "facts": known_rows({key: value for key, value in facts.items() if key not in _OF_NETWORKS_ALONE}),
        "stages": None,
        "versions": _versions(dataset.attrs),
    }


def _of_stages(tree: xr.DataTree, content: Content, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a page says of a sweep that is a tree of stages."""
    last: Mapping[Any, Any] = [stage.attrs for stage in tree.children.values()][-1]
    return {
        "name": facts.get("group") or last.get("title", "sweep"),
        "key_figures": content.key_figures,
        "not_run": content.not_run,
        "after": _not_finite(tree["training"].to_dataset(), {}) if "training" in tree.children else [],
        "facts": known_rows({key: value for key, value in facts.items() if key not in _OF_NETWORKS_ALONE}),
        "stages": stages_table(tree, facts),
        "versions": _versions({**last, **facts}),
    }


def _not_finite(dataset: xr.Dataset, nouns: Mapping[str, str]) -> list[Section]:
    """Count what did not stay finite, where there is any."""
    table = diverged_table(dataset, nouns) if diverged_in_words(dataset) else None
    return [] if table is None or table.cells.empty else [_folded("What did not stay finite", table)]


def _folded(heading: str, table: Table) -> Section:
    return Section(heading, [Folded(table.title, [table])])


def _key_figures(ran: Coverage, content: Content, facts: Mapping[str, Any]) -> list[KeyFigure]:
    """Put the size and the speed of the run around the results."""
    all_ran = ran.networks == ran.planned
    share = "all that these data hold" if all_ran else f"of {ran.planned:,} in these data"
    figures = [KeyFigure("Networks trained", f"{ran.networks:,}", share), *content.key_figures]
    if speed := speeds(facts).get("networks_per_second"):
        figures.append(KeyFigure("Networks per second", f"{speed:,.0f}", "from start to end of the run"))
    return figures


def _versions(attrs: Mapping[Any, Any]) -> dict[str, str]:
    """Read the version of every library, by name."""
    known = attrs.get("versions", {})
    return dict(sorted((json.loads(known) if isinstance(known, str) else known).items()))
