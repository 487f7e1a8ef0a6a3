"""What the page says of sweeps that look for the first network that solves a Boolean function."""

from __future__ import annotations

from pathlib import Path

import xarray as xr
import yaml

from relusweep.pipeline.report.content import Attachment, Block, Content, Folded, KeyFigure, Section
from relusweep.pipeline.report.frontier.pictures import shapes
from relusweep.pipeline.report.frontier.summary import SHAPE, Frontier, summarise
from relusweep.pipeline.report.frontier.tables import (
    class_table,
    open_table,
    power_table,
    shape_table,
    swaps_table,
)
from relusweep.pipeline.report.scale import specification
from relusweep.pipeline.report.text import span

__all__ = ["content"]

_KNOWN = (
    "Found: at least one network of the shape had every row right. Constructed: weights can be written "
    "down, one hidden unit for each swap of the class in one layer, or the sawtooth for parity. What one "
    "shape can, every larger one can too: units of zeros make a network wider, and layers that pass on what "
    "they take make it deeper. Excluded: a network of width 1 is a monotone function of one weighted sum, "
    "so it solves no class of more than one swap, whatever its depth; these are not run. Open: none of "
    "this. That no start succeeded proves nothing."
)
_POWER = (
    "The source shows that width w and depth l solve the parity of n inputs where n is at most w^l, and "
    "parity has n swaps. Yes: every class with fewer swaps than w^l is known to be solved, found or "
    "constructed. No: some cannot be. Open classes need more than their swaps say, or more starts."
)
_CERTIFICATES = (
    "Success is judged in float32. What the command relusweep derive SWEEP certificate --first-success "
    "stores is not: it trains the first network of each class and shape that succeeded again, checks all its "
    "rows in whole numbers, with nothing rounded, and keeps its weights."
)
_MORE = (
    "This specification asks for a million starts of the open shapes next to known ones, and of no others."
)


def content(dataset: xr.Dataset) -> Content:
    """Give what the page says.

    Parameters
    ----------
    dataset : xarray.Dataset
        A group such as ``boolean/frontier4``, or a selection from it: dims ``problem``, ``leak``, ``width``,
        ``depth`` and ``trial``.
    """
    frontier = summarise(dataset)
    n, sizes = frontier.n_inputs, frontier.first.sizes
    spans = [span(frontier.first[dim].values) for dim in ("width", "depth")]
    return Content(
        subject=f"the smallest networks of Boolean functions of {n} inputs",
        heading=f"Which is the smallest network of every Boolean function of {n} inputs?",
        lead=(
            f"Networks of width {spans[0]} and depth {spans[1]}, trained on each of {sizes['problem']:,} "
            "classes of functions that differ by more than negating and permuting inputs and negating the "
            "output (NPN classes), from start after start until one has every row right."
        ),
        borrowed="Functions, bounds and protocol",
        chapter="chapter 3",
        key_figures=_key_figures(frontier),
        sections=[
            Section(
                "Shapes that solve", [_KNOWN, shapes(frontier), Folded("By shape", [shape_table(frontier)])]
            ),
            Section("Swaps below width to the depth", [_POWER, power_table(frontier)]),
            *_one_layer(frontier),
            Section("Open shapes", _open(dataset, frontier)),
            Section(
                "The least shapes of every class",
                [_CERTIFICATES, Folded("By class", [class_table(frontier)])],
            ),
        ],
        nouns={"problem": "class"},
    )


def _key_figures(frontier: Frontier) -> list[KeyFigure]:
    settings = frontier.found.size
    return [
        KeyFigure(
            "Class and shape known",
            f"{int(frontier.known.sum()):,}",
            f"of {settings:,}, leaks apart: found, constructed, or larger than one that is",
        ),
        KeyFigure("Excluded", f"{int(frontier.excluded.sum()) * len(frontier.leaks):,}", "by an argument"),
        KeyFigure(
            "Open",
            f"{int(frontier.open.sum()):,}",
            f"{int(frontier.at_the_frontier.sum()):,} next to known ones",
        ),
    ]


def _one_layer(frontier: Frontier) -> list[Section]:
    if not (frontier.first["depth"] == 1).any():
        return []
    words = "One hidden layer as wide as the swaps suffices; training may find a narrower one."
    return [Section("Where training beats the construction", [words, swaps_table(frontier)])]


def _open(dataset: xr.Dataset, frontier: Frontier) -> list[Block]:
    table = open_table(frontier)
    if table.cells.empty:
        return ["None next to a known one."]
    name = f"{specification(dataset)['name']}_more.yaml"
    return [
        _MORE,
        Attachment(name, name, lambda path: _write(dataset, frontier, path)),
        Folded(table.title, [table]),
    ]


def _write(dataset: xr.Dataset, frontier: Frontier, path: Path) -> None:
    """Write the specification of more starts for the open shapes next to known ones, and for no others."""
    near = frontier.at_the_frontier
    labels = {
        str(dim): near[dim].values[near.any([other for other in near.dims if other != dim])].tolist()
        for dim in near.dims
    }
    fields = {name: value for name, value in specification(dataset).items() if value is not None}
    fields |= {"name": path.stem, "trials": {**fields["trials"], "most": 1_000_000}}
    fields["problem"] |= {"problems": labels.pop("problem")}
    fields["network"] |= labels
    fields["where"] = _condition(near)
    path.write_text(f"# relusweep run {path.name}\n{yaml.safe_dump(fields, sort_keys=False)}")


def _condition(near: xr.DataArray) -> str:
    """Name the classes of each leak and shape."""
    by_shape = near.stack(at=["leak", *SHAPE])
    clauses = []
    for leak, width, depth in by_shape["at"].values[by_shape.any("problem").values].tolist():
        ids = near["problem"].values[near.sel(leak=leak, width=width, depth=depth).values].tolist()
        clauses.append(f"leak == {leak} and width == {width} and depth == {depth} and problem in {ids}")
    return " or ".join(clauses)
