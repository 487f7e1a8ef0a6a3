"""The page of constructed networks."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import xarray as xr

from relusweep.pipeline.report.claims import Claim, claims_table
from relusweep.pipeline.report.content import Block, Content, Folded, KeyFigure, Section
from relusweep.pipeline.report.growth.claims import claims
from relusweep.pipeline.report.growth.fits import built, fits
from relusweep.pipeline.report.growth.pictures import breaks, exponentials, powers
from relusweep.pipeline.report.growth.tables import (
    DTYPES,
    bounds_table,
    breaking,
    exponents_table,
    floats_table,
    sizes_table,
)
from relusweep.tasks.quantities.growth import Built

__all__ = ["content"]

_HOW = (
    "Networks are built as the source says, in rational arithmetic, and nothing is trained. Errors are "
    "measured at evenly spaced points where the bound is for, exactly, and once more with every product and "
    "sum rounded to float64 and to float32. Exponents are those of least squares of logarithms over networks "
    "with N and L of at least 2; intervals are as if deviations from the power were random, which they are "
    "not: they say how well a power fits. Bounds are proved of these constructions, with constants; the "
    "source gives orders alone."
)
_FLOATS = (
    "A network breaks in a floating-point type where rounding takes its error above the proved bound. "
    "Of constructions that are exact any rounding does, and they are left out. Parameters beyond float64 are "
    "fractions, which are evaluated exactly alone."
)


def content(dataset: xr.Dataset) -> Content:
    """Give claims, growth of parameters and errors beside their bounds, and where floating point breaks."""
    cells = built(dataset)
    stated = claims(dataset) if len(cells) else []
    hold = sum(claim.verdict == "holds" for claim in stated)
    return Content(
        subject="growth of parameters",
        heading="How large do the parameters of approximating networks grow?",
        lead="Networks that are built to approximate smooth functions: errors and largest parameters by "
        "width and depth, beside what is proved and claimed.",
        borrowed="The constructions",
        chapter="arXiv 2406.14936",
        key_figures=[
            KeyFigure(
                "Networks built", f"{len(cells):,}", f"of {cells['construction'].nunique()} constructions"
            ),
            KeyFigure("Claims that hold", f"{hold}", f"of {len(stated)}, as measured here"),
            *_breaking(cells),
        ],
        sections=list(_sections(cells, stated)) if len(cells) else [],
        questions=(
            'results.largest.sel(construction="smooth", q=1, d=1, target="sine").to_pandas()',
            'results.error.sel(construction="square", q=0, d=0, target="none").to_pandas()',
        ),
    )


def _breaking(cells: pd.DataFrame) -> Iterator[KeyFigure]:
    for dtype in DTYPES:
        yield KeyFigure(
            f"Broken by {dtype}", f"{len(breaking(cells, dtype)):,}", "error above the proved bound"
        )
    beyond = int((cells["built"] == Built.BEYOND_FLOAT64).sum())
    yield KeyFigure("Beyond float64", f"{beyond:,}", "evaluated exactly alone")


def _sections(cells: pd.DataFrame, stated: list[Claim]) -> Iterator[Section]:
    yield Section("What the source claims", [claims_table(stated), _HOW])
    exponents = exponents_table(list(fits(cells)))
    yield Section(
        "Parameters", [*_pictures(cells, "largest"), *([exponents] if len(exponents.cells) else [])]
    )
    yield Section("Errors", list(_pictures(cells, "error")))
    if picture := exponentials(cells):
        yield Section("Exponential growth", [picture])
    floats: list[Block] = [_FLOATS, floats_table(cells)]
    if picture := breaks(cells):
        floats.insert(1, picture)
    yield Section("Where floating point breaks", floats)
    yield Section("Bounds", [bounds_table(cells), Folded("The largest networks", [sizes_table(cells)])])


def _pictures(cells: pd.DataFrame, what: str) -> Iterator[Block]:
    for construction in ("smooth", "requ_spline"):
        if picture := powers(cells, construction, what):
            yield picture
