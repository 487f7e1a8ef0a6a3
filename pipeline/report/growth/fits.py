"""Cells of the sweep as a table, and the exponents of N and L that fit them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.tasks.quantities.growth import NONE, Built
from relusweep.tasks.statistics import Rate, slopes

__all__ = ["Fit", "built", "fits", "grouped", "name_of"]

_FEWEST = 3  # values of N or L that tell an exponent


class Fit(NamedTuple):
    """Exponents of one construction, q and d.

    Attributes
    ----------
    name : str
        The construction with its target, q and d.
    construction, target : str
    q, d : int
    cells : pandas.DataFrame
    axes : tuple of str
        Those of N and L that vary: exponents are of these.
    error, largest : Rate
        Exponents of the error and of the largest parameter.
    error_ratio, largest_ratio : Rate
        Exponents of both over the order that the source claims: above 0 means more than claimed.
    claimed_error, claimed_largest : Rate
        Exponents of the claimed orders themselves over these cells.
    """

    name: str
    construction: str
    target: str
    q: int
    d: int
    cells: pd.DataFrame
    axes: tuple[str, ...]
    error: Rate
    largest: Rate
    error_ratio: Rate
    largest_ratio: Rate
    claimed_error: Rate
    claimed_largest: Rate


def built(dataset: xr.Dataset) -> pd.DataFrame:
    """Give a row for every construction that was built."""
    frame = dataset.drop_vars("fingerprint", errors="ignore").load().to_dataframe().reset_index()
    rows: pd.DataFrame = frame[frame["built"] >= Built.BUILT]
    return rows.astype({"q": int, "d": int, "N": int, "L": int}).reset_index(drop=True)


def grouped(cells: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Give the rows of each value of a column, or of each combination of several, ascending."""
    yield from cells.groupby(list(columns) if len(columns) > 1 else columns[0])


def name_of(target: str, q: int, d: int) -> str:
    """Name what a construction is built for; empty where it has no choice."""
    known = [f"{axis} {value}" for axis, value in (("q", q), ("d", d)) if value]
    return ", ".join([*([] if target == NONE else [target]), *known])


def fits(cells: pd.DataFrame) -> Iterator[Fit]:
    """Fit every construction, q and d, over N and L of at least 2, where they vary enough.

    At 1 a power of N or L is 1 whatever its exponent, and logarithms of it are 0.
    """
    for (construction, target, q, d), rows in grouped(cells, "construction", "target", "q", "d"):
        whole = rows[(rows["N"] != 1) & (rows["L"] != 1)]
        axes = tuple(axis for axis in ("N", "L") if len(set(whole[axis])) > 1)
        if all(len(set(whole[axis])) < _FEWEST for axis in axes):
            continue
        logs = [np.log(whole[axis]) for axis in axes]

        def exponents(values: pd.Series, logs: list[pd.Series] = logs) -> Rate:
            with np.errstate(divide="ignore", invalid="ignore"):
                return slopes(np.log(values), *logs)

        largest = 10.0 ** whole["log10_largest"].clip(upper=300)
        yield Fit(
            ", ".join(filter(None, [construction.replace("_", " "), name_of(target, q, d)])),
            construction,
            target,
            q,
            d,
            rows,
            axes,
            exponents(whole["error"]),
            exponents(largest),
            exponents(whole["error"] / whole["claimed_error"]),
            exponents(largest / whole["claimed_parameters"]),
            exponents(whole["claimed_error"]),
            exponents(whole["claimed_parameters"]),
        )
