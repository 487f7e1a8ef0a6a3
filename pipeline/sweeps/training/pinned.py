"""What code of the user's own gave when networks were stored, against what it gives now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from relusweep.pipeline.common.errors import SpecificationChanged
from relusweep.tasks.problems import Problem

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["check_unchanged"]


def check_unchanged(problem: Problem, seed: int, stored: xr.Dataset) -> None:
    """Compare the pinned coordinates of a problem, at the labels that a group has too.

    Parameters
    ----------
    problem : Problem
        Whose own code may be imported.
    seed : int
    stored : xarray.Dataset
        Has the pinned coordinates of the group.

    Raises
    ------
    SpecificationChanged
        They differ.
    """
    import xarray as xr

    axes, known = problem.axes, problem.coordinates(seed)
    for name in problem.pinned:
        dims, values, _ = known[name]
        names = (dims,) if isinstance(dims, str) else dims
        now = xr.DataArray(values, {dim: axes[dim] for dim in names}, names)
        then, now = xr.align(stored[name].transpose(*names), now, join="inner")
        if (differing := np.argwhere(then.values != now.values)).size:
            place = zip(names, differing[0], strict=True)
            labels = ", ".join(f"{dim} = {now[dim].values[at]}" for dim, at in place)
            raise SpecificationChanged(
                f"{', '.join(problem.own_code)}: gives other values now than those that the stored "
                f"networks were trained on, as at {labels}. Bring back the code that it was, or give the "
                "sweep another name (--set name=…, or name=… in Python), or start the group anew "
                "(--replace, or replace=True; earlier versions stay readable)"
            )
