"""Results from Python as tables in files, of one row a network."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import xarray as xr

from relusweep.pipeline.common.frames import export as write
from relusweep.pipeline.common.paths import expanded
from relusweep.pipeline.python.sweeps import Store

__all__ = ["export"]


def export(results: xr.Dataset, file: Store, *, inner: Collection[str] = (), missing: bool = False) -> Path:
    """Write a table of one row a network: CSV or Parquet.

    Its columns are the labels of the networks and what else is known of them, and every variable but those
    with dimensions of their own. It is read and written part by part, however many networks there are.
    ``results.sweep.frame()`` gives the same table in memory.

    Parameters
    ----------
    results : xarray.Dataset
        Of a sweep, or any part of it.
    file : path
        A name in ``.csv`` or, with ``relusweep[parquet]``, ``.parquet``.
    inner : collection of str
        Variables with dimensions of their own to be written too, as ``parameters``: a column for each of
        their entries, named after its label, as ``parameters_0``; at most 1,000 each.
    missing : bool
        Whether networks that have not run have rows too, which hold nothing but their labels.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    relusweep.errors.CannotExport
        The name ends in something else, Parquet cannot be written here, or there is no such variable.

    Examples
    --------
    >>> import relusweep as rs
    >>> rs.export(rs.open("results", "npn4"), "npn4.parquet")  # doctest: +SKIP
    """
    path = expanded(Path(file))
    write(results, path, inner=inner, missing=missing)
    return path
