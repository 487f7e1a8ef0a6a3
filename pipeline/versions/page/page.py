"""What the page that compares two versions says."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from relusweep.pipeline.common.paths import expanded
from relusweep.pipeline.report.content import Block, Content, KeyFigure, Section, Table
from relusweep.pipeline.report.page import write_page
from relusweep.pipeline.versions.page.maps import count_map, difference_map, panels_of, status_bars
from relusweep.pipeline.versions.page.sentences import has_anything_in_common, how_tested, in_short
from relusweep.pipeline.versions.page.tables import (
    blocks_table,
    labels_table,
    networks_table,
    problems_table,
    rates_table,
    settings_table,
    stages_table,
    variables_table,
)

__all__ = ["overview", "write_versions_page"]

_PAGE = "comparison.html"
_INTERVALS = (("Intervals", "Newcombe's for differences of rates (1998, method 10), at 95 %"),)
_BITS = (
    "Two values are the same if their bits are: a NaN equals a NaN of the same bits, and 0 differs from "
    "\N{MINUS SIGN}0. A cell has changed if both versions have it and any of its values differs. Chunks "
    "that no commit between the versions has written are not read: they cannot differ."
)


def write_versions_page(compared: xr.Dataset, folder: Path) -> Path:
    """Write the page that compares two versions, and its pictures as PNG and SVG.

    Parameters
    ----------
    compared : xarray.Dataset
        As `relusweep.pipeline.versions.compare.compare` gives it.
    folder : Path
        Made if it does not exist; files of an earlier one are replaced.

    Returns
    -------
    Path
        The page, ``comparison.html``.
    """
    attrs = compared.attrs
    content = _content(compared)
    words: dict[str, Any] = {
        "last_heading": "The two versions",
        "name": attrs["group"],
        "key_figures": content.key_figures,
        "not_run": [],
        "diverged": [],
        "after": [],
        "facts": [*_facts(attrs), *(_INTERVALS if "difference" in compared else ())],
        "stages": None,
        "how_to_open": "\n".join(_python(attrs)),
        "command": _command(attrs, folder),
        "specification": "",
        "versions": {},
    }
    return write_page(content, words, expanded(folder) / _PAGE)


def overview(compared: xr.Dataset) -> list[str | Table]:
    """Give what the terminal shows of two versions compared."""
    blocks: list[str | Table] = [in_short(compared)]
    if len(settings_table(compared).cells):
        blocks.append(settings_table(compared))
    if has_anything_in_common(compared):
        blocks.append(_narrow(variables_table(compared)))
    if "stage" in compared.dims:
        blocks.append(stages_table(compared))
    elif compared.attrs["n_changed_cells"]:
        blocks.append(labels_table(compared))
    if compared.attrs["n_tested"]:
        prefix = "size_" if "size_difference" in compared else ""
        blocks += [
            rates_table(compared, prefix, 10),
            *([rates_table(compared, "", 10)] if prefix else []),
        ]
        blocks.append(how_tested(compared))
    return blocks


def _narrow(table: Table) -> Table:
    return table._replace(cells=table.cells.drop(columns=["Added", "Removed"]))


def _content(compared: xr.Dataset) -> Content:
    attrs = compared.attrs
    return Content(
        subject=f"{attrs['a']} and {attrs['b']}",
        heading=f"What changed from {attrs['a']} to {attrs['b']}?",
        lead=in_short(compared),
        borrowed="",
        chapter="",
        key_figures=list(_key_figures(compared)),
        sections=[*_sections(compared)],
    )


def _key_figures(compared: xr.Dataset) -> Iterator[KeyFigure]:
    attrs = compared.attrs
    in_both = attrs["n_same_cells"] + attrs["n_changed_cells"]
    yield KeyFigure(
        "Cells changed", f"{attrs['n_changed_cells']:,}", f"of {in_both:,} that both versions have"
    )
    yield KeyFigure("Cells added", f"{attrs['n_added_cells']:,}", f"in {attrs['b']} alone")
    yield KeyFigure("Cells removed", f"{attrs['n_removed_cells']:,}", f"in {attrs['a']} alone")
    if attrs["n_tested"]:
        tested = f"more than chance, of {attrs['n_tested']:,} tested"
        yield KeyFigure("Rates that differ", f"{attrs['n_significant']:,}", tested)
    if attrs["n_tested"] and "size_test" in compared:
        together = f"all problems together, of {int((compared['size_test'] > 0).sum()):,} tested"
        yield KeyFigure("Sizes that differ", f"{attrs['n_significant_sizes']:,}", together)


def _sections(compared: xr.Dataset) -> Iterator[Section]:
    settings = settings_table(compared)
    same = "Both versions have the same specification, libraries and machine."
    if has_anything_in_common(compared):
        yield Section("Settings", [settings] if len(settings.cells) else [same])
    if panels := panels_of(compared):
        yield Section("Rates of success", [*_rates(compared, panels)])
    where: list[Block] = [status_bars(compared), _BITS]
    if "stage" in compared.dims:
        where += [stages_table(compared), *_some(networks_table(compared))]
    elif compared.attrs["n_changed_cells"]:
        where += [labels_table(compared), *_some(blocks_table(compared))]
    yield Section("What differs, bit for bit", [*where, variables_table(compared)])


def _some(table: Table | None) -> list[Block]:
    return [] if table is None else [table]


def _rates(compared: xr.Dataset, panels: Any) -> Iterator[Block]:
    yield difference_map(compared, panels)
    if not compared.attrs["n_tested"]:
        yield "All rates have the same bits, or trials in one version only: there is nothing to test."
        return
    yield how_tested(compared)
    if panels.prefix:
        if compared.attrs["n_significant"]:
            yield count_map(compared, panels)
        yield rates_table(compared, panels.prefix)
        yield problems_table(compared)
    yield rates_table(compared)


def _facts(attrs: dict[Any, Any]) -> list[tuple[str, str]]:
    versions = []
    for which in "ab":
        moment = f"{pd.Timestamp(attrs[f'{which}_written']):%Y-%m-%d %H:%M:%S} UTC"
        versions.append((attrs[which], f"version {attrs[f'{which}_id']}, of {moment}"))
    return [*versions, ("Store", attrs["store"]), ("Group", attrs["group"]), ("Level", f"{attrs['level']:g}")]


def _command(attrs: dict[Any, Any], folder: Path) -> str:
    given = [attrs["a_id"], attrs["b_id"], attrs["group"], "--store", attrs["store"]]
    return shlex.join(
        ["relusweep", "compare", *given, "--level", f"{attrs['level']:g}", "--folder", str(folder)]
    )


def _python(attrs: dict[Any, Any]) -> Iterator[str]:
    yield "import relusweep as rs\n"
    given = ", ".join(repr(attrs[key]) for key in ("store", "a_id", "b_id", "group"))
    yield f"comparison = rs.compare({given}, level={attrs['level']:g}).dataset"
    yield 'comparison["changed"].to_series()      # values that differ, by variable'
