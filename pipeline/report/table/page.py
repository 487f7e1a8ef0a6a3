"""What the page of a sweep over tables adds: the tables, and how well they are fitted."""

from __future__ import annotations

import xarray as xr

from relusweep.pipeline.report.content import Block, KeyFigure, Section
from relusweep.pipeline.report.scale import specification
from relusweep.pipeline.report.table.tables import common_class_error, data_table, explained, problem_of
from relusweep.pipeline.report.training.axes import labels
from relusweep.pipeline.report.training.outcome import marginal_table

__all__ = ["key_figures", "problem_of", "questions", "sections"]

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
    problem, several = specification(dataset)["problem"], len(labels(dataset, "loss")) > 1
    regression = problem["task"] == "regression"
    scaled, losses = (
        ("Inputs and targets", ", and losses are in these units") if regression else ("Inputs", "")
    )
    units = f"{scaled} have mean 0 and standard deviation 1 in the training rows{losses}."
    different = "Values of different losses cannot be compared with one another."
    error = common_class_error(dataset)
    rows = "test" if "class_test_rows" in dataset.coords else "training"
    common = f"Who always says the most common class is wrong in {error} % of the {rows} rows."
    said = {units: problem["standardise"], common: error is not None, different: several}
    return [sentence for sentence, holds in said.items() if holds]


def questions(dataset: xr.Dataset) -> list[str]:
    """Give lines of Python that ask how well the tables are fitted."""
    lines = {
        "test_rows_right": "results.test_rows_right / results.test_rows   # accuracy on test rows",
        "test_target_variance": "1 - results.test_loss / results.test_target_variance   # R² on test rows",
    }
    found = [line for name, line in lines.items() if name in dataset.variables]
    return [*found, "results.sweep.missing()   # what has not run"]


def key_figures(dataset: xr.Dataset) -> list[KeyFigure]:
    """Give R² of all networks, or the error of always saying the most common class."""
    if (of := explained(dataset)) is not None:
        found = of.over()
        low, high = (of.write(float(found[name])) for name in ("median_low", "median_high"))
        note = f"median of all networks; 95 %: {low} to {high}"
        return [KeyFigure("R²", of.write(float(found["value"])), note)]
    if error := common_class_error(dataset):
        return [KeyFigure("Most common class", f"{error} %", "wrong of whoever always says it")]
    return []
