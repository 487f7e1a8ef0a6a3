"""Tables of what a group holds, whatever it is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.common.wording import axis
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.text import NOTHING

__all__ = ["axes_table", "cells_done", "groups_of", "variables_table"]

_OF_THE_STORE = ("done", "fingerprint")


def groups_of(data: xr.Dataset | xr.DataTree) -> Mapping[str, xr.Dataset]:
    """Give the groups by name: the stages of a tree; one alone has no name."""
    if isinstance(data, xr.Dataset):
        return {"": data}
    return {name: stage.dataset for name, stage in sorted(data.children.items())}


def cells_done(group: xr.Dataset) -> str:
    """Say how much of a group is computed."""
    done = group["done"]
    return f"{int(done.sum()):,} of {done.size:,}"


def axes_table(group: xr.Dataset, title: str) -> Table:
    """List the axes along which a group is computed: how many labels each has, and which."""
    rows = [
        (dim, f"{size:,}", axis(group[dim].values.tolist()), _name(group[dim]))
        for dim, size in group["done"].sizes.items()
    ]
    return Table(title, _cells(("Axis", "Labels", "Values", "What it is"), rows), code=("Axis",))


def variables_table(group: xr.Dataset, title: str) -> Table:
    """List the variables: along what they lie, of which type they are stored, and what they mean."""
    rows = [
        (
            name,
            ", ".join(map(str, array.dims)) or NOTHING,
            np.dtype(array.encoding.get("dtype", array.dtype)),
            array.attrs.get("units", NOTHING),
            _name(array),
        )
        for name, array in group.data_vars.items()
        if name not in _OF_THE_STORE
    ]
    head = ("Variable", "Along", "Type", "Unit", "What it is")
    return Table(title, _cells(head, rows), code=head[:3])


def _cells(head: Sequence[str], rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame([map(str, row) for row in rows], columns=list(head), dtype=object)


def _name(array: xr.DataArray) -> str:
    return str(array.attrs.get("long_name", NOTHING))
