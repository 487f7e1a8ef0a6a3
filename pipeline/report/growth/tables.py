"""Tables of exponents, of bounds that are kept, and of where floating point breaks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.growth.fits import Fit, grouped
from relusweep.pipeline.report.text import NOTHING, significant
from relusweep.tasks.quantities.growth import Built
from relusweep.tasks.statistics import Rate

__all__ = ["DTYPES", "bounds_table", "breaking", "exponents_table", "floats_table", "sizes_table", "written"]

DTYPES = ("float32", "float64")
_BOUNDS = {
    "error": "bound_error",
    "largest": "bound_parameters",
    "width": "bound_width",
    "depth": "bound_depth",
}
_ROUNDING = 1 + 1e-12  # of numbers that were stored as float64


def written(rate: Rate, place: int) -> str:
    """Write an exponent with its interval."""
    value, low, high = (float(end[place]) for end in rate)
    if np.isnan(value):
        return NOTHING
    ends = "" if np.isnan(low) else f" [{low:.2f}, {high:.2f}]"
    return f"{value + 0.0:.2f}{ends}".replace("-", "\N{MINUS SIGN}")


def exponents_table(fits: Sequence[Fit]) -> Table:
    """Set the exponents of error and largest parameter beside those of the claimed orders."""
    rows = [
        {
            "Construction": fit.name,
            "Networks": f"{len(fit.cells):,}",
            **{
                f"{words}, exponent of {axis}": _exponent(fit, what, axis)
                for what, words in _WORDS.items()
                for axis in ("N", "L")
            },
        }
        for fit in fits
        if fit.construction not in _NO_POWERS
    ]
    return Table("Fitted exponents [95 %], and those of the claimed orders", pd.DataFrame(rows))


_WORDS = {"error": "Error", "largest": "Largest parameter"}
_NO_POWERS = ("gaussian", "logistic", "monomial", "product", "square")  # errors of order N^(-L), or one layer


def _exponent(fit: Fit, what: str, axis: str) -> str:
    if axis not in fit.axes:
        return NOTHING
    place = fit.axes.index(axis)
    claimed = float(getattr(fit, f"claimed_{what}").rate[place])
    beside = "" if np.isnan(claimed) else f"; claimed {claimed + 0.0:g}".replace("-", "\N{MINUS SIGN}")
    return written(getattr(fit, what), place) + beside


def bounds_table(cells: pd.DataFrame) -> Table:
    """Count how many networks keep the bounds that are proved of them."""
    rows = []
    for name, of in grouped(cells, "construction"):
        row = {"Construction": name.replace("_", " "), "Networks": f"{len(of):,}"}
        for what, bound in _BOUNDS.items():
            known = of[of[bound].notna() & of[what].notna()]
            kept = known[what] <= known[bound] * _ROUNDING
            ratio = (known[what] / known[bound]).replace(np.inf, np.nan).max() if len(known) else np.nan
            row[f"{what.capitalize()} within bound"] = f"{int(kept.sum()):,} of {len(known):,}"
            row[f"most of bound, {what}"] = significant(float(ratio))
        rows.append(row)
    return Table("Bounds that are proved, and the most of each that a network reaches", pd.DataFrame(rows))


def breaking(cells: pd.DataFrame, dtype: str) -> pd.DataFrame:
    """Give the networks whose error in a dtype is above the bound; of bounds of 0 rounding is no break."""
    found: pd.DataFrame = cells[
        (cells["bound_error"] > 0)
        & ~(cells[f"error_{dtype}"] <= cells["bound_error"])
        & (cells["built"] == Built.BUILT)
    ]
    return found


def floats_table(cells: pd.DataFrame) -> Table:
    """Say from which parameters on float32 and float64 leave the bound of the error."""
    rows = []
    for name, of in grouped(cells[cells["bound_error"] > 0], "construction"):
        row = {"Construction": name.replace("_", " "), "Networks": f"{len(of):,}"}
        for dtype in DTYPES:
            broken = breaking(of, dtype)
            row[f"{dtype}: above the bound"] = f"{len(broken):,}"
            row[f"{dtype}: the first"] = _first(broken)
        row["Beyond float64"] = f"{int((of['built'] == Built.BEYOND_FLOAT64).sum()):,}"
        rows.append(row)
    return Table("Networks whose error in float32 and float64 is above the proved bound", pd.DataFrame(rows))


def _first(broken: pd.DataFrame) -> str:
    """Name the network of the least parameters among some."""
    if not len(broken):
        return NOTHING
    one = broken.nsmallest(1, "log10_largest").iloc[0]
    where = ", ".join(f"{axis} {int(one[axis])}" for axis in ("q", "d", "N", "L") if one[axis])
    return f"{where}: largest {significant(10 ** float(one['log10_largest']))}"


def sizes_table(cells: pd.DataFrame) -> Table:
    """Give for each construction the largest network that was built."""
    rows = []
    for name, of in grouped(cells, "construction"):
        one = of.nlargest(1, "n_nonzero").iloc[0]
        where = ", ".join(f"{axis} {int(one[axis])}" for axis in ("q", "d", "N", "L") if one[axis])
        rows.append(
            {
                "Construction": name.replace("_", " "),
                "Largest network": where,
                "Width": f"{int(one['width']):,}",
                "Depth": f"{int(one['depth']):,}",
                "Parameters": f"{int(one['n_parameters']):,}",
                "not zero": f"{int(one['n_nonzero']):,}",
                "Largest parameter": significant(float(one["largest"])),
                "Error": significant(float(one["error"])),
                "in float64": significant(float(one["error_float64"])),
                "in float32": significant(float(one["error_float32"])),
                "Bound": significant(float(one["bound_error"])),
            }
        )
    return Table("The network of most parameters of each construction", pd.DataFrame(rows))
