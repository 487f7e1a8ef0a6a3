"""The report: one self-contained HTML page, and every picture as PNG and SVG beside it."""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import xarray as xr

from pipeline.report.facts import facts_rows, how_to_open, key_figures, specification_text, versions
from pipeline.report.gaps import not_in_sweep, not_run
from pipeline.report.heatmaps import heatmaps
from pipeline.report.strips import strips
from pipeline.report.summary import Summary, summarise
from pipeline.report.swaps import distribution
from pipeline.report.tables import (
    hardest_tables,
    missing_table,
    most_swaps_table,
    size_table,
    swaps_tables,
    width_tables,
)
from pipeline.report.theme import DARK, LIGHT, Picture, leak_name, render
from pipeline.report.widths import widths

__all__ = ["write_report"]

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("pipeline.report"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGE = "report.html"


def write_report(dataset: xr.Dataset, folder: Path, facts: Mapping[str, Any]) -> Path:
    """Write the report of a Boolean sweep: a page that needs nothing else, and its pictures as files.

    Parameters
    ----------
    dataset : xarray.Dataset
        A group such as ``boolean/npn4``, or a selection from it: dims ``problem``, ``leak``, ``width``,
        ``depth`` and ``trial``; it may be unfinished. A dim other than ``problem`` may have become a scalar
        coordinate.
    folder : Path
        Where to write; made if it does not exist, files of an earlier report are replaced.
    facts : Mapping
        What is known of the run, see `RunFacts`.

    Returns
    -------
    Path
        The page, ``report.html``; beside it ``success``, ``measures``, ``swaps`` and, where networks of
        depth 1 ran, ``minimum_width``, each as ``.png`` and ``.svg``.

    Raises
    ------
    ValueError
        If there is no class, or a dim of the sweep is neither a dim nor a coordinate.
    """
    summary = summarise(dataset)
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {
        picture.name: _publish(picture, folder)
        for picture in (heatmaps(summary), strips(summary), distribution(summary), widths(summary))
        if picture is not None
    }
    page = folder / _PAGE
    page.write_text(
        _TEMPLATES.get_template("page.html").render(_content(summary, pictures, facts)), encoding="utf-8"
    )
    return page


def _publish(picture: Picture, folder: Path) -> dict[str, str]:
    """Write the files of a picture; return what the page shows of it."""
    light = render(picture, LIGHT, "svg")
    (folder / f"{picture.name}.svg").write_bytes(light)
    (folder / f"{picture.name}.png").write_bytes(render(picture, LIGHT, "png"))
    return {
        "name": picture.name,
        "alt": picture.alt,
        "caption": picture.caption,
        "light": _embedded(light),
        "dark": _embedded(render(picture, DARK, "svg")),
    }


def _embedded(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + b64encode(svg).decode("ascii")


def _content(
    summary: Summary, pictures: Mapping[str, Mapping[str, str]], facts: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "name": facts.get("sweep", "Boolean sweep"),
        "n_inputs": summary.n_inputs,
        "lead": _lead(summary),
        "key": key_figures(summary, facts),
        "not_run": not_run(summary),
        "not_in_sweep": not_in_sweep(summary),
        "pictures": pictures,
        "sizes": size_table(summary),
        "hardest": hardest_tables(summary),
        "swaps": swaps_tables(summary),
        "most_swaps": most_swaps_table(summary),
        "widths": width_tables(summary),
        "missing": missing_table(summary),
        "facts": facts_rows(summary, facts),
        "versions": versions(summary, facts),
        "specification": specification_text(summary, facts),
        "how_to_open": how_to_open(summary, facts),
        "command": facts.get("command"),
    }


def _lead(summary: Summary) -> str:
    """Say in a sentence what was trained on what."""
    sizes = summary.data.sizes
    spans = (_span(summary.data[dim].to_numpy()) for dim in ("width", "depth"))
    return (
        f"Networks of width {next(spans)} and depth {next(spans)}, with "
        f"{' and '.join(map(leak_name, summary.leaks))}, each started from {sizes['trial']} random "
        f"initialisations and trained on each of {sizes['problem']:,} classes of functions that differ by "
        "more than negating and permuting inputs and negating the output (NPN classes)."
    )


def _span(values: np.ndarray) -> str:
    return f"{values.min()} to {values.max()}" if len(values) > 1 else f"{values[0]}"
