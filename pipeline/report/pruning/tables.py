"""The tables on pruning: what is shown, cell by cell, as text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.pruning.summary import PLACES, SOURCE_TRIES, Deep, Masked, Wide
from relusweep.pipeline.report.text import NOTHING, count, intervals
from relusweep.tasks.statistics import wilson

__all__ = ["deep_table", "masks_table", "shapes_table", "source_table", "structures_table", "wide_table"]

_MOST_SHAPES = 5
_MOST_STRUCTURES = 3


def source_table(wide: Wide) -> Table:
    """Make the source's table: least units by inputs and width, of the first original in four tries."""
    rows = wide.table[["width", "n_inputs", "first", "first_right", "first_of"]].to_numpy(float)
    cells = {
        (width, n): NOTHING if np.isnan(first) else f"{first:.0f} ({right:,.0f} of {of:,.0f})"
        for width, n, first, right, of in rows
    }
    widths, inputs = (sorted(set(wide.table[name])) for name in ("width", "n_inputs"))
    columns = {f"n = {n}": [cells.get((width, n), NOTHING) for width in widths] for n in inputs}
    title = (
        f"Least units that succeed, of the first original of {SOURCE_TRIES} tries (and how many of all "
        "subsets of so many units do)"
    )
    return Table(title, pd.DataFrame({"Width": list(map(str, widths)), **columns}))


def wide_table(wide: Wide) -> Table:
    """Make the table over all originals of each size, with intervals."""
    frame = wide.table
    cells = {
        **_places(frame),
        "Learned, % [95 %]": _shares(frame["originals"], frame["ran"]),
        "Least units: median (range)": _ranges(frame),
        "Originals with the least, % [95 %]": _shares(frame["at_best"], frame["originals"]),
        "Subsets that succeed": [
            f"{right:,} of {of:,}" if of else NOTHING
            for right, of in frame[["right", "of"]].astype(int).to_numpy()
        ],
        "Epochs: fastest, median": [
            f"{count(fastest)}, {count(middle)}" if np.isfinite(middle) else NOTHING
            for fastest, middle in frame[["fastest", "epochs"]].to_numpy(float)
        ],
    }
    return Table("Over all originals, at the least size of each", pd.DataFrame(cells))


def deep_table(deep: Deep, *, parity: bool) -> Table:
    """Make the table of the sizes reached by each size of originals."""
    frame = deep.table
    within = {
        "Conjectured: units of a layer": frame["conjectured"].map(str),
        "Prunings within it": [
            f"{part:,} of {of:,}" for part, of in frame[["within", "prunings"]].to_numpy()
        ],
        "Originals with one within it, % [95 %]": _shares(frame["originals_within"], frame["originals"]),
    }
    cells = {
        **_places(frame),
        "Learned, % [95 %]": _shares(frame["originals"], frame["ran"]),
        "Prunings": frame["prunings"].map("{:,}".format),
        "Units left: median (range)": _ranges(frame),
        "Layers of the smallest": frame["smallest"].replace("", NOTHING),
        **(within if parity else {}),
    }
    return Table("Units that are left", pd.DataFrame(cells))


def shapes_table(deep: Deep) -> Table:
    """Make the table of the smallest layers that prunings left, by size of the originals."""
    frame = deep.shapes.groupby(list(PLACES), sort=False).head(_MOST_SHAPES)
    totals = deep.shapes.groupby(list(PLACES))["prunings"].transform("sum")
    cells = {
        **_places(frame),
        "Layers left": frame["layers"],
        "Units": frame["units"].map(str),
        "Prunings": [
            f"{n:,} of {of:,}" for n, of in zip(frame["prunings"], totals[frame.index], strict=True)
        ],
    }
    return Table(f"The {_MOST_SHAPES} smallest combinations of layers of each size", pd.DataFrame(cells))


def masks_table(masked: Masked) -> Table:
    """Make the table of masks by size of the originals."""
    frame = masked.table
    cells = {
        **_places(frame),
        "Masks of": frame["masked"],
        "Originals": [f"{part:,} of {of:,}" for part, of in frame[["originals", "ran"]].to_numpy()],
        "Right masks, median": frame["right"].map(count),
        "Kept by the smallest: median (range)": _ranges(frame),
        "Minimal masks, median": frame["minimal"].map(count),
        "Up to exchange of units": frame["structures"].map(count),
    }
    return Table("Masks that leave an original right on all rows", pd.DataFrame(cells))


def structures_table(masked: Masked) -> Table:
    """Make the table of the commonest minimal sub-networks of each size."""
    by_size = masked.structures.groupby([*PLACES, "masked"], sort=False)
    frame = by_size.head(_MOST_STRUCTURES)
    cells = {
        **_places(frame),
        "Masks of": frame["masked"],
        "What is kept": [_drawn(row) for _, row in frame.iterrows()],
        "Originals that have it, % [95 %]": _shares(frame["originals"], frame["of"]),
    }
    title = "The commonest minimal sub-networks of each size, up to exchange of units"
    title += f", of the {masked.most} smallest of each original" if masked.most else ""
    return Table(title, pd.DataFrame(cells), code=("What is kept",))


def _drawn(row: pd.Series) -> str:
    """Write a mask: of weights, each unit's incoming ones and bias, then the output's."""
    inputs, width, depth, mask = (int(row[name]) for name in ("n_inputs", "width", "depth", "mask"))
    fan_ins = [inputs, *[width] * depth]
    if row["masked"] == "units":
        sizes = [width] * depth
    else:
        sizes = [fan_in + 1 for fan_in in fan_ins[:-1] for _ in range(width)] + [width + 1]
    text, parts = f"{mask:0{sum(sizes)}b}", []
    for size in sizes:
        parts.append(text[:size])
        text = text[size:]
    return " ".join(parts)


def _places(frame: pd.DataFrame) -> dict[str, pd.Series]:
    names = dict(zip(PLACES, ("Inputs", "Width", "Depth", "Layers"), strict=True))
    several = len(set(frame["depth"])) > 1
    shown = [name for name in names if frame[name].astype(bool).any() and (several or name != "depth")]
    return {names[name]: frame[name].map(str) for name in shown}


def _ranges(frame: pd.DataFrame) -> list[str]:
    return [
        NOTHING if np.isnan(middle) else f"{count(middle)} ({least:.0f} to {most:.0f})"
        for middle, least, most in frame[["median", "least", "most"]].to_numpy(float)
    ]


def _shares(part: pd.Series, whole: pd.Series) -> list[str]:
    rate, low, high = wilson(part.to_numpy(), whole.to_numpy())
    return intervals(pd.DataFrame({"rate": rate, "low": low, "high": high}))
