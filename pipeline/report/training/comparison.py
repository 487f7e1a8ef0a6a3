"""Networks of the same start compared pair by pair, along the axes of the protocol: numbers and tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from relusweep.pipeline.common.paired import compare
from relusweep.pipeline.common.queries import paired_along
from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.text import NOTHING, intervals, percent, points
from relusweep.pipeline.report.training.axes import varied
from relusweep.pipeline.report.training.outcome import MOST_LABELS, Outcome

__all__ = ["HOW", "HOW_BY_LOSS", "best", "compared", "comparison_table", "paired_axes"]

_PAIRS = (
    "Networks of the same trial start from the same weights at every label of these axes, and are compared "
    "pair by pair; at each label of another such axis by itself. In intervals of rates they count as one. "
)
HOW = _PAIRS + (
    "Differences are second less first, with Newcombe's 95 % interval for pairs; p is McNemar's exact test, "
    "corrected for the number of comparisons along an axis."
)
HOW_BY_LOSS = _PAIRS + (
    "The tables say how often the second ends with the lower {lower}, with its 95 % Wilson interval; p is "
    "the sign test, corrected for the number of comparisons along an axis."
)


def paired_axes(outcome: Outcome) -> list[str]:
    """Name the axes of several labels along which the same trial starts alike, as the data say.

    Where networks are compared by loss, there is no comparing of one loss with another.
    """
    data, measured = outcome.data, outcome.loss or ""
    alike = {*paired_along(data)} - ({"loss"} if measured.endswith("loss") else set())
    return [dim for dim in varied(data) if dim in alike and data.sizes[dim] <= MOST_LABELS]


def compared(outcome: Outcome, dim: str) -> pd.DataFrame:
    """Compare every two labels of an axis by pairs of networks that differ in that label alone.

    Returns
    -------
    pandas.DataFrame
        A row for each two labels, ``first`` and ``second``, ``at`` each combination of the other axes along
        which networks start alike: the ``pairs`` of which both ran; ``difference``, from ``low`` to
        ``high``: the success of the second less that of the first or, by loss, the share of the pairs of
        which the second ended lower; the successes ``of_first`` and ``of_second``, NaN by loss; and the
        corrected ``p``.
    """
    from relusweep.tasks.statistics import benjamini_hochberg

    labels = outcome.data[dim].values.tolist()
    frame = pd.concat([_beside(outcome, dim, first) for first in range(len(labels) - 1)], ignore_index=True)
    return frame.assign(p=benjamini_hochberg(frame["p"].where(frame["pairs"] > 0)))


def _beside(outcome: Outcome, dim: str, first: int) -> pd.DataFrame:
    """Compare a label with those after it."""
    data = outcome.data.isel({dim: slice(first, None)})
    alike = [name for name in paired_along(data) if name != dim and data.sizes.get(name, 1) > 1]
    over = [name for name in data["success_epoch"].dims if name not in (*alike, dim)]
    found = compare(data, dim, over=over, variable=outcome.loss or "success_epoch")
    others = [*alike, dim]
    rows = found.reset_coords(drop=True).to_dataframe(others).reset_index()
    at = [", ".join(f"{name} {label(row[name])}" for name in alike) for _, row in rows.iterrows()]
    known = {"first": data[dim].values.tolist()[0], "second": rows[dim], "at": at, "pairs": rows["pairs"]}
    return pd.DataFrame({**known, **_values(outcome, rows), "p": rows["p_value"]})


def _values(outcome: Outcome, rows: pd.DataFrame) -> dict[str, Any]:
    from relusweep.tasks.statistics import wilson

    if not outcome.by_loss:
        of = {"of_first": rows["baseline_rate"], "of_second": rows["rate"]}
        return of | {name: rows[name] for name in ("difference", "low", "high")}
    share = wilson(rows["lower"], rows["lower"] + rows["higher"])
    return {
        "of_first": np.nan,
        "of_second": np.nan,
        **dict(zip(("difference", "low", "high"), share, strict=True)),
    }


def best(outcome: Outcome, dim: str) -> Any:
    """Name the label of an axis with the most success, or the least loss; None where nothing ran."""
    values = outcome.over(dim)["value"].to_series().dropna()
    if values.empty:
        return None
    return values.idxmin() if outcome.by_loss else values.idxmax()


def comparison_table(outcome: Outcome, dim: str, frame: pd.DataFrame) -> Table:
    """Make the table of the comparisons along an axis."""
    lower = {"Second ends lower, % of pairs [95 %]": intervals(frame.rename(columns={"difference": "rate"}))}
    higher = {
        "First, %": frame["of_first"].map(percent),
        "Second, %": frame["of_second"].map(percent),
        "Difference, points [95 %]": list(_differences(frame)),
    }
    cells = {
        "First": frame["first"].map(label),
        "Second": frame["second"].map(label),
        **({"At": frame["at"]} if frame["at"].any() else {}),
        "Pairs": frame["pairs"].map("{:,}".format),
        **(lower if outcome.by_loss else higher),
        "p": frame["p"].map(_probability),
    }
    return Table(f"Pairs along {dim}", pd.DataFrame(cells))


def _differences(frame: pd.DataFrame) -> Iterator[str]:
    for ends in frame[["difference", "low", "high"]].to_numpy():
        value, low, high = map(points, ends)
        yield NOTHING if value == NOTHING else f"{value} [{low}, {high}]"


def _probability(p: float) -> str:
    if np.isnan(p):
        return NOTHING
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"
