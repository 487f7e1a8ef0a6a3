"""The tables that were learned, and how well: R² of regressions, the most common class of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import xarray as xr

from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.scale import specification
from relusweep.pipeline.report.text import NOTHING, enumeration, percent
from relusweep.pipeline.report.training.axes import labels
from relusweep.pipeline.report.training.outcome import Outcome

__all__ = ["common_class_error", "data_table", "explained", "problem_of"]

_MOST_NAMES = 6


def problem_of(dataset: xr.Dataset) -> str:
    """Say what is learned, in words."""
    problem = specification(dataset)["problem"]
    paths = labels(dataset, "path")
    of = paths[0] if len(paths) == 1 else counted(len(paths), "table")
    return f"{_names(problem['target'])} of {of}"


def data_table(dataset: xr.Dataset) -> Table:
    """List the tables: their rows, inputs, targets and classes, and what was left out."""
    known = specification(dataset)["problem"]["tables"]
    return Table("Tables", pd.DataFrame([_row(path, known[path]) for path in labels(dataset, "path")]))


def _row(path: str, known: Mapping[str, Any]) -> dict[str, str]:
    classes = [_names(some) for some in known["classes"]]
    return {
        "Table": path,
        "Training rows": f"{known['rows']:,}",
        "Test rows": f"{known['test_rows']:,}",
        "Inputs": _names(known["inputs"]),
        "Targets": _names(known["targets"]),
        **({"Classes": "; ".join(classes)} if classes else {}),
        "Left out": "; ".join(known["left_out"]) or NOTHING,
    }


def _names(every: Sequence[str]) -> str:
    """Write names; of many how many there are."""
    return enumeration(every) if len(every) <= _MOST_NAMES else f"{len(every)}, {every[0]} to {every[-1]}"


def explained(dataset: xr.Dataset) -> Outcome | None:
    """Give R², the share of the variance of the targets that outputs explain; None where no loss tells it.

    Of test rows where there are some: 1 less the squared error by that of the mean of their targets.
    """
    test = "test_" if "test_loss" in dataset else ""
    if f"{test}target_variance" not in dataset.coords or "mse" not in labels(dataset, "loss"):
        return None
    loss = dataset["test_loss" if test else "final_loss"].where(dataset["loss"] == "mse")
    share = (1 - loss / dataset[f"{test}target_variance"]).transpose(*dataset["success_epoch"].dims)
    return Outcome(dataset[["success_epoch"]].assign(explained=share).compute(), "explained")


def common_class_error(dataset: xr.Dataset) -> str | None:
    """Write the error of whoever always says the most common class; None of several targets or tables."""
    name = next((name for name in ("class_test_rows", "class_rows") if name in dataset.coords), None)
    if name is None or dataset[name].dims != ("column", "class"):
        return None
    rows = dataset[name].where(dataset[name].sum("class") > 0, drop=True)
    if rows.sizes["column"] != 1:
        return None
    return percent(float(1 - rows.max() / rows.sum()))
