"""The tables of the page and of the terminal: what is shown, cell by cell, as text."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.functions.summary import MEASURES, Summary, correlations, family_name, suffices
from relusweep.pipeline.report.text import NOTHING, intervals, percent, signed

__all__ = [
    "bound_tables",
    "correlation_table",
    "extreme_tables",
    "family_table",
    "function_table",
    "size_table",
]

_EXTREMES = 10
_EXTREMES_EACH = 3  # where there are several numbers of inputs
_SHORT = {measure: name.removesuffix(" (bits)") for measure, name in MEASURES.items()}


def family_table(summary: Summary) -> Table:
    """Make the table of success, rows right and mean measures by number of inputs and kind of functions."""
    frame = summary.by_family.to_dataframe(["n_inputs", "family"]).reset_index()
    cells = {
        "Inputs n": frame["n_inputs"].map(str),
        "Kind": frame["family"].map(family_name),
        "Functions": frame["family"].map(summary.functions).map("{:,}".format),
        **_success(frame),
        **{f"{name} / n": _written(frame[measure], "{:.3f}") for measure, name in _SHORT.items()},
    }
    return Table("By number of inputs and kind of functions", pd.DataFrame(cells))


def size_table(summary: Summary) -> Table:
    """Make the table of success and rows right per size: the numbers of the heat maps, with intervals."""
    frame = summary.by_size.to_dataframe(["n_inputs", "leak", "width", "depth", "family"]).reset_index()
    cells = {
        "Inputs n": frame["n_inputs"].map(str),
        "Leak": frame["leak"].map("{:g}".format),
        "Width": frame["width"].map(str),
        "Depth": frame["depth"].map(str),
        "Width^depth \N{GREATER-THAN OR EQUAL TO} n": np.where(suffices(frame), "yes", "no"),
        "Kind": frame["family"].map(family_name),
        **_success(frame),
    }
    return Table("Success per size", pd.DataFrame(cells))


def bound_tables(summary: Summary) -> list[Table]:
    """Count the sizes where a construction solves parity, and where training did; none without parity."""
    if "parity" not in summary.families:
        return []
    frame = summary.by_size.sel(family="parity").to_dataframe().reset_index().dropna(subset="rate")
    sizes = frame.assign(enough=suffices(frame), learned=frame["rate"] > 0)
    counted = sizes.groupby(["n_inputs", "leak", "enough"])[["learned", "rate"]].agg(
        sizes=("learned", "size"), learned=("learned", "sum"), best=("rate", "max")
    )
    counted = counted.reset_index()
    cells = {
        "Inputs n": counted["n_inputs"].map(str),
        "Leak": counted["leak"].map("{:g}".format),
        "Width^depth \N{GREATER-THAN OR EQUAL TO} n": np.where(counted["enough"], "yes", "no"),
        "Sizes": counted["sizes"].map(str),
        "Of them, learned parity at least once": counted["learned"].map(str),
        "Success of the best, %": counted["best"].map(percent),
    }
    title = "Sizes at which a construction solves parity, and at which training did"
    return [Table(title, pd.DataFrame(cells))]


def correlation_table(summary: Summary) -> Table:
    """Make the table of rank correlations of the measures with rows right and with epochs."""
    frame = correlations(summary)
    cells = {
        "Inputs n": frame["n_inputs"].replace("all", "all, measures / n"),
        "Kind": frame["family"].map(family_name),
        "Functions": frame["functions"].map("{:,}".format),
        **{
            f"{name}, {what}": frame[f"{measure} {of}"].map(signed)
            for measure, name in _SHORT.items()
            for of, what in (("share", "rows right"), ("epochs", "epochs"))
        },
    }
    title = "Spearman's rank correlation of measures with rows right, and with epochs before success"
    return Table(title, pd.DataFrame(cells))


def extreme_tables(summary: Summary) -> list[Table]:
    """Make the tables of the functions of which the fewest and the most rows are right; of few, of all."""
    count = _EXTREMES_EACH if summary.many("n_inputs") else _EXTREMES
    functions = _functions(summary).dropna(subset="share")
    hardest, easiest = (
        functions.sort_values(["n_inputs", "share", "problem"], ascending=[True, hard_first, True])
        for hard_first in (True, False)
    )
    if summary.data.sizes["problem"] <= 2 * count:
        return [Table("Functions, hardest first", pd.DataFrame(_described(hardest)))]
    return [
        Table(title, pd.DataFrame(_described(ordered.groupby("n_inputs").head(count))))
        for title, ordered in (("Hardest functions", hardest), ("Easiest functions", easiest))
    ]


def function_table(summary: Summary) -> Table:
    """Make the table of every function."""
    return Table("Every function", pd.DataFrame(_described(_functions(summary))))


def _functions(summary: Summary) -> pd.DataFrame:
    return summary.by_function.to_dataframe(["n_inputs", "problem"]).reset_index()


def _described(frame: pd.DataFrame) -> Mapping[str, pd.Series]:
    return {
        "Inputs n": frame["n_inputs"].map(str),
        "Function": frame["problem"],
        **_success(frame),
        "Epochs": _written(frame["epochs"], "{:,.0f}"),
        "Degree": _written(frame["degree"], "{:.0f}"),
        "Influence": _written(frame["influence"], "{:.3f}"),
        "Entropy (bits)": _written(frame["entropy"], "{:.3f}"),
    }


def _written(measures: pd.Series, form: str) -> pd.Series:
    return measures.map(form.format).where(measures.notna(), NOTHING)


def _success(frame: pd.DataFrame) -> Mapping[str, pd.Series]:
    return {
        "Networks": frame["networks"].map("{:,}".format),
        "Rows right, %": frame["share"].map(percent),
        "Success, % [95 %]": pd.Series(intervals(frame), frame.index),
    }
