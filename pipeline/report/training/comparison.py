"""Networks of the same start compared pair by pair, along the axes of the protocol: numbers and tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.common.wording import label
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.text import NOTHING, intervals, percent, points
from relusweep.pipeline.report.training.axes import varied
from relusweep.pipeline.report.training.outcome import MOST_LABELS, Outcome

__all__ = ["HOW", "HOW_BY_LOSS", "best", "compared", "comparison_table", "paired_axes"]

_PAIRS = (
    "Networks of the same trial start from the same weights on the same data at every label of these axes, "
    "and are compared pair by pair. "
)
HOW = _PAIRS + (
    "Differences are second less first, with Newcombe's 95 % interval for pairs; p is McNemar's exact test, "
    "corrected for the number of comparisons along an axis."
)
HOW_BY_LOSS = _PAIRS + (
    "The tables say how often the second ends with the lower loss, with its 95 % Wilson interval; p is the "
    "sign test, corrected for the number of comparisons along an axis."
)


def paired_axes(dataset: xr.Dataset) -> list[str]:
    """Name the axes of several labels along which the same trial starts alike, as the data say."""
    known = dataset.attrs.get("paired_along", ())
    paired = json.loads(known) if isinstance(known, str) else np.ravel(known).tolist()
    return [dim for dim in varied(dataset) if dim in paired and dataset.sizes[dim] <= MOST_LABELS]


def compared(outcome: Outcome, dim: str) -> pd.DataFrame:
    """Compare every two labels of an axis by pairs of networks that differ in that label alone.

    Returns
    -------
    pandas.DataFrame
        A row for each two labels, ``first`` and ``second``: the ``pairs`` of which both ran; ``difference``,
        from ``low`` to ``high``: the success of the second less that of the first or, by loss, the share of
        the pairs of which the second ended lower; the successes ``of_first`` and ``of_second``, NaN by loss;
        and the corrected ``p``.
    """
    from relusweep.tasks.statistics import benjamini_hochberg

    rows = [_pair(outcome, dim, *places) for places in combinations(range(outcome.data.sizes[dim]), 2)]
    frame = pd.DataFrame(rows)
    return frame.assign(p=benjamini_hochberg(frame["p"].where(frame["pairs"] > 0)))


def _pair(outcome: Outcome, dim: str, first: int, second: int) -> dict[str, Any]:
    from relusweep.tasks.statistics import mcnemar, paired_difference_interval, wilson

    a, b = (outcome.data.isel({dim: place}, drop=True) for place in (first, second))
    ran = (a["success_epoch"] >= -1) & (b["success_epoch"] >= -1)
    if outcome.by_loss:  # what is not finite is worse than all that is
        a_wins, b_wins = _below(a, b), _below(b, a)
    else:
        a_wins, b_wins = (of["success_epoch"] >= 0 for of in (a, b))
    pairs, both, a_alone, b_alone = (
        int((ran & found).sum()) for found in (True, a_wins & b_wins, a_wins & ~b_wins, b_wins & ~a_wins)
    )
    if outcome.by_loss:
        rate = wilson(b_alone, a_alone + b_alone)
        found = dict(zip(("difference", "low", "high"), map(float, rate), strict=True))
    else:
        low, high = paired_difference_interval(both, a_alone, b_alone, pairs - both - a_alone - b_alone)
        rates = {"of_first": (both + a_alone) / pairs, "of_second": (both + b_alone) / pairs} if pairs else {}
        difference = (b_alone - a_alone) / pairs if pairs else np.nan
        found = {"difference": difference, "low": float(low), "high": float(high), **rates}
    names = dict(zip(("first", "second"), outcome.data[dim].values[[first, second]].tolist(), strict=True))
    p = float(mcnemar(a_alone, b_alone))
    return {**names, "pairs": pairs, "of_first": np.nan, "of_second": np.nan, **found, "p": p}


def _below(a: xr.Dataset, b: xr.Dataset) -> xr.DataArray:
    one, other = (of["final_loss"].where(np.isfinite(of["final_loss"]), np.inf) for of in (a, b))
    return one < other


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
