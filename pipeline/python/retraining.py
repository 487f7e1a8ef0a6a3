"""Stored networks from Python, trained again from their labels."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from typing import Any

import xarray as xr
from rich.console import Console

from relusweep.pipeline.execution.again import retrained
from relusweep.pipeline.monitoring.progress import progress as showing
from relusweep.pipeline.python.runs import Where, config_of

__all__ = ["retrain"]


def retrain(
    results: xr.Dataset,
    keep: Any = "parameters",
    *,
    imports: Collection[str] = (),
    cluster: Where | None = None,
    workers: int | None = None,
    progress: bool = True,
    allow_different: bool = False,
) -> xr.Dataset:
    """Train stored networks again, from their labels, and keep more of them than the sweep kept.

    Every network of every training sweep has its rows, its start and the orders of its rows from its labels:
    nobody must have kept weights beforehand. What comes is checked against what is stored, bit by bit.

    Parameters
    ----------
    results : xarray.Dataset
        Of a training sweep, or any part of it with ``success_epoch``: after ``sel``, ``isel``, ``stack`` or
        ``where``, also scattered networks. Those that have not run stay missing.
    keep : Any
        What to keep beside how training ended: probes, as the field ``probes`` of a sweep takes them, as
        ``["parameters", {"curve": {"every": 10}}]``.
    imports : collection of str
        Code of your own that the networks need, as ``"module:name"``: what only a store names is not imported
        unasked.
    cluster, workers
        Where to compute, as for `relusweep.run`; by default in this process, on one core.
    progress : bool
        Whether to show how far it is.
    allow_different : bool
        Where results differ, give the new ones, with a variable ``different`` that says of which networks.

    Returns
    -------
    xarray.Dataset
        In memory, in the dimensions of the selection: how training ended, and what was to be kept.

    Raises
    ------
    relusweep.errors.ResultsDiffer
        A network does not end as it is stored. The message says which, and in what.
    relusweep.errors.InvalidSweep
        The probes are not for these networks, or networks need code that `imports` does not list.
    ValueError
        The dataset is of no training sweep, or does not say which networks these are.

    Examples
    --------
    >>> import relusweep as rs
    >>> results = rs.open("results", "npn4")  # doctest: +SKIP
    >>> some = rs.retrain(results.sel(width=3, depth=1, trial=[0, 7]))  # doctest: +SKIP
    >>> rs.networks(some).stacked()  # doctest: +SKIP
    """
    config = None if cluster is None and workers is None else config_of(cluster, workers)
    with ExitStack() as stack:
        told = [stack.enter_context(showing(Console()))] if progress else []
        return retrained(results, keep, imports, config, told, allow_different=allow_different)
