"""Results of several stores or groups from Python, joined."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from relusweep.pipeline.sweeps.training.joining import joined

__all__ = ["join"]


def join(results: Sequence[xr.Dataset], dim: str) -> xr.Dataset:
    """Join results of training sweeps along an axis, as if one sweep had run them.

    Parameters
    ----------
    results : sequence of xarray.Dataset
        Of several stores, or several groups of one: groups or parts of them, with the same labels along all
        other axes and the same variables. Their sweeps may have other names and probes.
    dim : str
        An axis, as ``"learning_rate"``; also one that was given one value, and opens as a scalar coordinate.

    Returns
    -------
    xarray.Dataset
        What `relusweep.open` would give of the whole: ``.sweep`` answers questions to it. What is large stays
        in the stores, lazily.

    Raises
    ------
    relusweep.errors.CannotJoin
        The sweeps differ in more than that axis, or the datasets in more than its labels. The message says in
        what.
    relusweep.errors.ResultsDiffer
        A network stands in two of them with different results.

    Examples
    --------
    >>> import relusweep as rs
    >>> slow, fast = rs.open("slow", "npn4"), rs.open("fast", "npn4")  # doctest: +SKIP
    >>> both = rs.join([slow, fast], "learning_rate")  # doctest: +SKIP
    >>> both.sweep.success_rate(["problem", "trial"])  # doctest: +SKIP
    """
    return joined(results, dim)
