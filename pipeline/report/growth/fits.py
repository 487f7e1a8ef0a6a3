"""Cells of the sweep as a table, and the exponents of N and L that fit them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.tasks.quantities.growth import Built
from relusweep.tasks.statistics import Rate, slopes

__all__ = ["Fit", "built", "fits", "name_of"]

_LEAST = 2  # of N and L in fits: at 1 a factor is a constant


class Fit(NamedTuple):
    """Exponents of one construction, q and d.

    Attributes
    ----------
    name : str
        The construction with its q and d.
    construction : str
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
    frame = dataset.drop_vars("fingerprint", errors="ignore").compute().to_dataframe().reset_index()
    rows: pd.DataFrame = frame[frame["built"].isin([Built.BUILT, Built.BEYOND_FLOAT64])]
    return rows.astype({"q": int, "d": int, "N": int, "L": int}).reset_index(drop=True)


def name_of(construction: str, q: int, d: int) -> str:
    """Name a construction with what it is built for."""
    known = [f"{axis} {value}" for axis, value in (("q", q), ("d", d)) if value]
    return ", ".join([construction.replace("_", " "), *known])


def fits(cells: pd.DataFrame) -> Iterator[Fit]:
    """Fit every construction, q and d, where N or L vary enough."""
    for (construction, _, q, d), rows in cells.groupby(["construction", "target", "q", "d"], sort=True):
        whole = rows[(rows["N"] != 1) & (rows["L"] != 1)]
        axes = tuple(axis for axis in ("N", "L") if whole[axis].nunique() > _LEAST)
        if not axes:
            continue
        logs = [np.log(whole[axis]) for axis in axes]

        def exponents(values: pd.Series, logs: list[pd.Series] = logs) -> Rate:
            with np.errstate(divide="ignore", invalid="ignore"):
                return slopes(np.log(values), *logs)

        largest = 10.0 ** whole["log10_largest"].clip(upper=300)
        yield Fit(
            name_of(construction, q, d),
            construction,
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
