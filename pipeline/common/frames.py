"""Results as tables: one row a network."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, suppress
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from pandas.api.types import pandas_dtype

from relusweep.pipeline.common.boxes import boxes
from relusweep.pipeline.common.errors import CannotExport
from relusweep.pipeline.common.files import check_writable
from relusweep.pipeline.common.queries import ran

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetWriter

__all__ = ["export", "frame"]

_ROWS = 2**17  # of a table in memory, of some dozen columns
_MOST_COLUMNS = 1000
_OWN = ("done", "fingerprint")


def frame(dataset: xr.Dataset, *, inner: Collection[str] = (), missing: bool = False) -> pd.DataFrame:
    """Give a table of one row a network; see `export` for the arguments."""
    return pd.concat(_frames(dataset, inner, missing), ignore_index=True)


def export(dataset: xr.Dataset, path: Path, *, inner: Collection[str] = (), missing: bool = False) -> int:
    """Write a table of one row a network, part by part.

    Parameters
    ----------
    dataset : xarray.Dataset
        A part of a group, with ``success_epoch`` or ``done``.
    path : Path
        Ends in ``.csv`` or ``.parquet``; its folder is made if it does not exist.
    inner : collection of str
        Variables with dimensions of their own, as ``parameters``: a column for each of their entries, named
        after its label, as ``parameters_0``. By default there are none.
    missing : bool
        Whether networks that have not run have rows too, with nothing in them but their labels.

    Returns
    -------
    int
        Rows.

    Raises
    ------
    CannotExport
        The name ends in something else, there is no such variable, it would have too many columns, or the
        file cannot be written.
    """
    writers: dict[str, type[_Csv | _Parquet]] = {".csv": _Csv, ".parquet": _Parquet}
    if path.suffix not in writers:
        raise CannotExport(f"{path} ends in {path.suffix or 'nothing'}; allowed are {', '.join(writers)}")
    check_writable(path)
    tables = _frames(dataset, inner, missing)
    first = next(tables)  # before anything is written
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with writers[path.suffix](beside) as writer:
            rows = sum(writer.write(table) for table in (first, *tables))
        beside.replace(path)
        return rows
    except OSError as error:
        raise CannotExport(f"{path} cannot be written ({error}); give another name") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _frames(dataset: xr.Dataset, inner: Collection[str], missing: bool) -> Iterator[pd.DataFrame]:
    only_done = "success_epoch" not in dataset and "done" in dataset
    there = dataset["done"] if only_done else ran(dataset)
    sizes = {str(dim): size for dim, size in there.sizes.items()}
    if not there.size:
        raise CannotExport(
            f"no networks are selected: {', '.join(f'{dim} has {n}' for dim, n in sizes.items())}"
        )
    names = [*_labels(dataset, sizes), *_numbers(dataset, sizes), *_inner(dataset, inner, sizes)]
    for box in boxes(sizes, _ROWS):
        part = dataset[names].isel(box).compute()
        spans = dict(zip(sizes, there.isel(box).transpose(*sizes).shape, strict=True))
        columns = {name: column for name in names for name, column in _columns(part[name], spans)}
        table = pd.DataFrame(columns)
        yield table if missing else table[there.isel(box).transpose(*sizes).values.reshape(-1)]


def _labels(dataset: xr.Dataset, sizes: Collection[str]) -> list[str]:
    """Name what is known of networks: the axes of a sweep first."""
    known = [
        str(name)
        for name, of in dataset.coords.items()
        if {*of.dims} <= {*sizes} and not isinstance(dataset.indexes.get(name), pd.MultiIndex)
    ]
    dims = [dim for dim in sizes if dim in known]
    return dims + sorted({*known} - {*dims}, key=lambda name: ("part" not in dataset[name].attrs, name))


def _numbers(dataset: xr.Dataset, sizes: Collection[str]) -> list[str]:
    return [
        str(name) for name, of in dataset.data_vars.items() if {*of.dims} <= {*sizes} and name not in _OWN
    ]


def _inner(dataset: xr.Dataset, names: Collection[str], sizes: Collection[str]) -> list[str]:
    there = [str(name) for name, of in dataset.data_vars.items() if not {*of.dims} <= {*sizes}]
    for name in names:
        if name not in there:
            from relusweep.pipeline.common.validation import nearest  # and with it pydantic

            raise CannotExport(
                f"no variable {name!r} with dimensions of its own{nearest(name, there)}; there are "
                f"{', '.join(there) or 'none'}"
            )
        count = np.prod([size for dim, size in dataset[name].sizes.items() if dim not in sizes])
        if count > _MOST_COLUMNS:
            raise CannotExport(
                f"{name} would be {count:,} columns, at most {_MOST_COLUMNS:,} are; select some of its "
                "labels, or write the dataset with to_zarr or to_netcdf"
            )
    return [*names]


def _columns(array: xr.DataArray, sizes: dict[str, int]) -> Iterator[tuple[str, Any]]:
    """Give the columns of a variable: one, or one for each entry of its inner dimensions."""
    inner = [str(dim) for dim in array.dims if dim not in sizes]
    others = {dim: size for dim, size in sizes.items() if dim not in array.dims}
    whole = xr.DataArray(array.variable).expand_dims(others)
    values = whole.transpose(*sizes, *inner).values.reshape(np.prod(list(sizes.values()), dtype=int), -1)
    labels = product(*(array[dim].values.tolist() for dim in inner))
    for column, of in zip(values.T, labels, strict=True):
        yield "_".join([str(array.name), *map(str, of)]), _typed(column, array)


def _typed(values: NDArray[Any], array: xr.DataArray) -> Any:
    """Make whole numbers of what is stored as such, and what xarray gives as floats."""
    stored = np.dtype(array.encoding.get("dtype", values.dtype))
    if values.dtype.kind == "f" and stored.kind in "iu":
        return pd.Series(values).astype(pandas_dtype(f"{'U' * (stored.kind == 'u')}Int{8 * stored.itemsize}"))
    return values.astype(object) if values.dtype.kind == "T" else values


class _Csv(AbstractContextManager["_Csv"]):
    def __init__(self, path: Path) -> None:
        self._file, self._begun = path.open("w", newline=""), False

    def write(self, table: pd.DataFrame) -> int:
        table.to_csv(self._file, header=not self._begun, index=False)
        self._begun = True
        return len(table)

    def __exit__(self, *of: object) -> None:
        self._file.close()


class _Parquet(AbstractContextManager["_Parquet"]):
    def __init__(self, path: Path) -> None:
        try:
            import pyarrow
        except ModuleNotFoundError as error:
            raise CannotExport(
                "Parquet needs pyarrow, which is not installed: pip install 'relusweep[parquet]', or take a "
                "name in .csv"
            ) from error
        self._arrow, self._path = pyarrow, path
        self._writer: ParquetWriter | None = None

    def write(self, table: pd.DataFrame) -> int:
        from pyarrow.parquet import ParquetWriter

        known = None if self._writer is None else self._writer.schema
        rows = self._arrow.Table.from_pandas(table, schema=known, preserve_index=False)
        if self._writer is None:
            self._writer = ParquetWriter(self._path, rows.schema)
        self._writer.write_table(rows)
        return len(table)

    def __exit__(self, *of: object) -> None:
        if self._writer is not None:
            self._writer.close()
