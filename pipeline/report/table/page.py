"""What the page of a sweep over tables adds: the tables, and how well they are fitted."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.content import Block, KeyFigure, Section
from relusweep.pipeline.report.table.tables import common_class_error, data_table, explained, problem_of
from relusweep.pipeline.report.training.axes import labels
from relusweep.pipeline.report.training.outcome import marginal_table

__all__ = ["key_figures", "problem_of", "sections"]

_R2 = (
    "R² is the share of the variance of the targets that the outputs explain, with the 95 % interval of its "
    "median: 1 less the squared error by that of the targets' own mean. It is 0 of whoever always says that "
    "mean, below 0 of whoever does worse."
)
_NOT_FINITE = "Networks that did not stay finite are left out."


def sections(dataset: xr.Dataset) -> list[Section]:
    """Give the tables and, of regressions, R²."""
    blocks: list[Block] = [data_table(dataset), *_sentences(dataset)]
    found = [Section("The data", blocks)]
    if (of := explained(dataset)) is not None:
        found.append(Section("Variance explained", [f"{_R2} {_NOT_FINITE}", marginal_table(of)]))
    return found


def _sentences(dataset: xr.Dataset) -> list[str]:
    several = len(labels(dataset, "loss")) > 1
    different = "Values of different losses cannot be compared with one another."
    error = common_class_error(dataset)
    rows = "test" if "class_test_rows" in dataset.coords else "training"
    common = f"Who always says the most common class is wrong in {error} % of the {rows} rows."
    return [*([common] if error else []), *([different] if several else [])]


def key_figures(dataset: xr.Dataset) -> list[KeyFigure]:
    """Give R² of all networks, or the error of always saying the most common class."""
    if (of := explained(dataset)) is not None:
        found = of.over()
        low, high = (of.write(float(found[name])) for name in ("median_low", "median_high"))
        return [KeyFigure("R²", of.write(float(found["value"])), f"median of all networks; 95 %: {low} to {high}")]
    if error := common_class_error(dataset):
        return [KeyFigure("Most common class", f"{error} %", "wrong of whoever always says it")]
    return []
