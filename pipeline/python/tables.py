"""Tables of arrays from Python: written to a file once, so that workers and later runs find the same rows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.tables.columns import Columns, columns_of_arrays, is_text
from relusweep.tasks.tables.reading import BESIDE, absolute, column_of_series, columns_of_dataset, read_table

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["table"]


def table(
    path: str | os.PathLike[str],
    data: Mapping[str, ArrayLike] | pd.DataFrame | xr.Dataset,
    /,
    *,
    target: str | list[str],
    task: str,
    **fields: Any,
) -> dict[str, Any]:
    """Write arrays to a file, and give the problem of learning from them.

    Sweeps are described by text, which a store keeps; the rows are in the file, which workers and later runs
    read. Its digest is part of the sweep, as of any table.

    Parameters
    ----------
    path : path
        A file ``.npz``, where all workers find it. One that is there stays if it holds the same.
    data : mapping of str to array_like, pandas.DataFrame or xarray.Dataset
        Numbers or text of shape (n_rows,); of arrays also (n_rows, n_columns), whose columns are called by
        the name and their number, as ``x0``.
    target, task, **fields
        Of the problem; see `relusweep.tasks.problems.table`.

    Returns
    -------
    dict
        The problem of a sweep.

    Raises
    ------
    ValueError
        The data hold other than numbers and text, or differ in length; or the file holds other data.

    Examples
    --------
    >>> import relusweep as rs
    >>> x = np.random.default_rng(0).normal(size=(100, 3))
    >>> problem = rs.table("mine.npz", {"x": x, "y": x[:, 0] * x[:, 1]}, target="y", task="regression",
    ...                    test=0.2)  # doctest: +SKIP
    >>> sweep = rs.sweep({"name": "mine", "problem": problem, "network": {"width": 8, "depth": 2},
    ...                   "protocol": {"loss": "mse", "stop": "last_epoch"}, "trials": 10})  # doctest: +SKIP
    """
    place = absolute(path)
    if BESIDE in place or not place.endswith(".npz"):
        raise ValueError(f"arrays are written to one file .npz, got {place}")
    targets = [target] if isinstance(target, str) else list(target)
    arrays = _arrays_of(data, targets[0])
    _write(Path(place), arrays, targets[0])
    return {"kind": "table", "path": place, "target": targets, "task": task, **fields}


def _arrays_of(data: Any, target: str) -> dict[str, NDArray[Any]]:
    """Give arrays of numbers and text."""
    if hasattr(data, "data_vars"):
        return dict(columns_of_dataset("the dataset", data, target).values)
    if hasattr(data, "iloc"):
        return {str(name): column_of_series(values) for name, values in data.items()}
    if not isinstance(data, Mapping):
        raise ValueError(
            f"data are arrays by name, a DataFrame or a Dataset, got {type(data).__name__}; give a mapping, "
            'as {"x": x, "y": y}'
        )
    return {str(name): np.asarray(array) for name, array in data.items()}


def _write(path: Path, arrays: Mapping[str, NDArray[Any]], target: str) -> None:
    asked = columns_of_arrays("the data", arrays, {})
    if path.exists():
        if not _same(read_table(str(path), target), asked):
            raise ValueError(f"{path} holds other data; give another path, or take it away")
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}.npz")
    try:
        np.savez(beside, **{name: _plain(array) for name, array in arrays.items()})  # type: ignore[arg-type]
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """Turn objects into text; what is missing is empty."""
    if array.dtype.kind != "O":
        return array
    return np.array(["" if text is None else str(text) for text in array.ravel()]).reshape(array.shape)


def _same(one: Columns, other: Columns) -> bool:
    names = list(one.values)
    return names == list(other.values) and all(
        is_text(a) == is_text(b) and np.array_equal(a, b, equal_nan=not is_text(a))
        for a, b in zip(one.values.values(), other.values.values(), strict=True)
    )
