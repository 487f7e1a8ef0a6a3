"""What the page of a comparison says."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from relusweep.pipeline.report.content import Block, Content, KeyFigure, Section, Table
from relusweep.pipeline.report.page import write_page
from relusweep.pipeline.versions.page.maps import count_map, difference_map, panels_of, status_bars
from relusweep.pipeline.versions.page.tables import (
    asked_table,
    blocks_table,
    labels_table,
    networks_table,
    problems_table,
    rates_table,
    stages_table,
    variables_table,
)
from relusweep.pipeline.versions.page.words import has_anything_in_common, how_tested, in_short

__all__ = ["overview", "write_comparison"]

_PAGE = "comparison.html"
_INTERVALS = (("Intervals", "Newcombe's for differences of rates (1998, method 10), at 95 %"),)
_BITS = (
    "Values are the same where their bits are: NaN equals NaN of the same bits, 0 differs from "
    "\N{MINUS SIGN}0. A cell has changed where any of its values has, and both versions have it. Chunks "
    "that no commit between the versions has written are not read: they cannot differ."
)


def write_comparison(comparison: xr.Dataset, folder: Path) -> Path:
    """Write the page of a comparison, and its pictures as PNG and SVG.

    Parameters
    ----------
    comparison : xarray.Dataset
        As `relusweep.pipeline.versions.compare.compare` gives it.
    folder : Path
        Made if it does not exist; files of an earlier comparison are replaced.

    Returns
    -------
    Path
        The page, ``comparison.html``.
    """
    attrs = comparison.attrs
    content = _content(comparison)
    words: dict[str, Any] = {
        "last_heading": "The comparison",
        "name": attrs["group"],
        "key_figures": content.key_figures,
        "not_run": [],
        "missing": None,
        "facts": [*_facts(attrs), *(_INTERVALS if "difference" in comparison else ())],
        "stages": None,
        "how_to_open": "\n".join(_python(attrs)),
        "command": _command(attrs, folder),
        "specification": "",
        "versions": {},
    }
    return write_page(content, words, folder.expanduser() / _PAGE)


def overview(comparison: xr.Dataset) -> list[str | Table]:
    """Give what the terminal shows of a comparison."""
    blocks: list[str | Table] = [in_short(comparison)]
    if len(asked := asked_table(comparison).cells):
        blocks.append(asked_table(comparison)._replace(cells=asked))
    if has_anything_in_common(comparison):
        blocks.append(_narrow(variables_table(comparison)))
    if "stage" in comparison.dims:
        blocks.append(stages_table(comparison))
    elif comparison.attrs["n_changed_cells"]:
        blocks.append(labels_table(comparison))
    if comparison.attrs["n_tested"]:
        prefix = "size_" if "size_difference" in comparison else ""
        blocks += [
            rates_table(comparison, prefix, 10),
            *([rates_table(comparison, "", 10)] if prefix else []),
        ]
        blocks.append(how_tested(comparison))
    return blocks


def _narrow(table: Table) -> Table:
    return table._replace(cells=table.cells.drop(columns=["Added", "Removed"]))


def _content(comparison: xr.Dataset) -> Content:
    attrs = comparison.attrs
    return Content(
        subject=f"{attrs['a']} and {attrs['b']}",
        heading=f"What changed from {attrs['a']} to {attrs['b']}?",
        lead=in_short(comparison),
        borrowed="",
        chapter="",
        key_figures=list(_key_figures(comparison)),
        sections=[*_sections(comparison)],
    )


def _key_figures(comparison: xr.Dataset) -> Iterator[KeyFigure]:
    attrs = comparison.attrs
    in_both = attrs["n_same_cells"] + attrs["n_changed_cells"]
    yield KeyFigure(
        "Cells changed", f"{attrs['n_changed_cells']:,}", f"of {in_both:,} that both versions have"
    )
    yield KeyFigure("Cells added", f"{attrs['n_added_cells']:,}", f"in {attrs['b']} alone")
    yield KeyFigure("Cells removed", f"{attrs['n_removed_cells']:,}", f"in {attrs['a']} alone")
    if attrs["n_tested"]:
        tested = f"more than chance, of {attrs['n_tested']:,} tested"
        yield KeyFigure("Rates that differ", f"{attrs['n_significant']:,}", tested)
    if attrs["n_tested"] and "size_test" in comparison:
        together = f"all problems together, of {int((comparison['size_test'] > 0).sum()):,} tested"
        yield KeyFigure("Sizes that differ", f"{attrs['n_significant_sizes']:,}", together)


def _sections(comparison: xr.Dataset) -> Iterator[Section]:
    asked = asked_table(comparison)
    same = "The two versions were asked the same, and computed by the same libraries on the same machine."
    if has_anything_in_common(comparison):
        yield Section("What was asked", [asked] if len(asked.cells) else [same])
    if panels := panels_of(comparison):
        yield Section("Rates of success", [*_rates(comparison, panels)])
    where: list[Block] = [status_bars(comparison), _BITS]
    if "stage" in comparison.dims:
        where += [stages_table(comparison), *_some(networks_table(comparison))]
    elif comparison.attrs["n_changed_cells"]:
        where += [labels_table(comparison), *_some(blocks_table(comparison))]
    yield Section("What differs, bit for bit", [*where, variables_table(comparison)])


def _some(table: Table | None) -> list[Block]:
    return [] if table is None else [table]


def _rates(comparison: xr.Dataset, panels: Any) -> Iterator[Block]:
    yield difference_map(comparison, panels)
    if not comparison.attrs["n_tested"]:
        yield "Rates are of the same bits, or of trials that one version has alone: there is nothing to test."
        return
    yield how_tested(comparison)
    if panels.prefix:
        if comparison.attrs["n_significant"]:
            yield count_map(comparison, panels)
        yield rates_table(comparison, panels.prefix)
        yield problems_table(comparison)
    yield rates_table(comparison)


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
