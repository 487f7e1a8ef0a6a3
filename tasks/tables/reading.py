"""Tables from files: CSV, Parquet, NPY, NPZ, NetCDF and Zarr, alone or beside one another."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from relusweep.tasks.paths import expanded
from relusweep.tasks.tables.columns import Columns, beside, columns_of_arrays, listing

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["BESIDE", "FORMATS", "absolute", "read_table", "stamp"]

BESIDE = " + "
"""Between the paths of files that lie beside one another, row by row."""

FORMATS = ".csv, .tsv, .parquet, .npy, .npz, .nc and .zarr"

_COMPRESSED = (".gz", ".bz2", ".xz")
_SEPARATORS = ",;\t"


def absolute(path: str | os.PathLike[str]) -> str:
    """Give the absolute path of a file, or of each of several beside one another."""
    return BESIDE.join(str(expanded(part.strip()).absolute()) for part in os.fspath(path).split(BESIDE))


def stamp(path: str) -> tuple[tuple[int, int], ...]:
    """Give times of change and sizes of the files of a table: where they are the same, so is what they hold.

    Raises
    ------
    ValueError
        A file is not there.
    """
    try:
        return tuple(_stamp(Path(part)) for part in path.split(BESIDE))
    except OSError as error:
        raise ValueError(
            f"the table {error.filename} cannot be read ({error.strerror}); give the path of a file of "
            f"{FORMATS}"
        ) from None


def _stamp(path: Path) -> tuple[int, int]:
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    stats = [file.stat() for file in files]
    return max(stat.st_mtime_ns for stat in stats), sum(stat.st_size for stat in stats)


def read_table(path: str, wanted: Iterable[str], target: str) -> Columns:
    """Read a table; a process reads it once, as long as its files do not change.

    Parameters
    ----------
    path : str
        Absolute; of several files, with `BESIDE` between them.
    wanted : iterable of str
        Columns of NetCDF and Zarr that are read, beside the target; all that have its rows where there are none.
    target : str
        A column: its first dimension is that of the rows, in NetCDF and Zarr.

    Returns
    -------
    Columns

    Raises
    ------
    ValueError
        A file is not there, or is none of `FORMATS`, or does not hold a table.
    """
    return _read(path, stamp(path), tuple(wanted), target)


@lru_cache(maxsize=2)
def _read(path: str, _changed: object, wanted: tuple[str, ...], target: str) -> Columns:
    parts = [_read_one(Path(part), wanted, target) for part in path.split(BESIDE)]
    return parts[0] if len(parts) == 1 else beside(parts)


def _read_one(path: Path, wanted: tuple[str, ...], target: str) -> Columns:
    inner = path.with_suffix("") if path.suffix in _COMPRESSED else path
    try:
        match inner.suffix.lower():
            case ".csv" | ".tsv" | ".txt":
                return _csv(path)
            case ".parquet":
                return _parquet(path)
            case ".npy":
                return columns_of_arrays(str(path), {path.stem: np.load(path)}, {})
            case ".npz":
                with np.load(path) as arrays:
                    return columns_of_arrays(str(path), dict(arrays), {})
            case ".nc" | ".nc4" | ".zarr":
                return _of_xarray(path, wanted, target)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the table {path} cannot be read ({error})") from None
    raise ValueError(f"{path} is of no format that is read; allowed are {FORMATS}")


def _csv(path: Path) -> Columns:
    import pandas as pd

    names, separator = _header(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows that are longer than the names
            frame = pd.read_csv(
                path,
                sep=separator,
                names=names,
                header=0,
                index_col=False,
                skip_blank_lines=False,
                float_precision="round_trip",
                low_memory=False,
                encoding="utf-8-sig",
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise ValueError(f"{path} is no table: {str(error).strip()}") from None
    last = np.flatnonzero(frame.notna().any(axis=1).to_numpy())
    return _of_frame(str(path), frame.iloc[: last[-1] + 1 if len(last) else 0], first_line=2)


def _header(path: Path) -> tuple[list[str], str]:
    """Give the names in the first line, and what parts them."""
    import csv

    import pandas as pd

    with pd.io.common.get_handle(path, "r", encoding="utf-8-sig", compression="infer") as opened:
        line = opened.handle.readline().rstrip("\r\n")
    separator = max(_SEPARATORS, key=line.count)
    names = [name.strip() for name in next(csv.reader([line], delimiter=separator), [])]
    if not all(names) or not names:
        raise ValueError(f"{path}: line 1 must name every column, got {line!r}")
    if all(map(_is_number, names)):
        raise ValueError(f"{path}: line 1 holds numbers, {listing(names)}; put the names of the columns there")
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(
            f"{path}: line 1 names {listing(sorted(twice))} more than once; give each column a name of its own"
        )
    return names, separator


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parquet(path: Path) -> Columns:
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except ImportError:
        raise ValueError(f"{path}: Parquet needs pyarrow; install relusweep[parquet]") from None
    named = [name for name in frame.index.names if name is not None]
    return _of_frame(str(path), frame.reset_index() if named else frame)


def _of_frame(path: str, frame: pd.DataFrame, first_line: int | None = None) -> Columns:
    arrays = {str(name): column_of_series(values) for name, values in frame.items()}
    if len(arrays) < len(frame.columns):
        raise ValueError(f"{path} has columns of the same name; give each a name of its own")
    return columns_of_arrays(path, arrays, {})._replace(first_line=first_line)


def column_of_series(series: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """Give the numbers of a column, NaN where missing; or its text, None where missing."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if is_numeric_dtype(series.dtype) and not is_bool_dtype(series.dtype):
        return series.to_numpy(np.float64, na_value=np.nan)
    if series.dtype == bool:
        return series.to_numpy()
    missing = series.isna().to_numpy()
    return np.where(missing, None, series.astype(str).to_numpy(object))


def _of_xarray(path: Path, wanted: tuple[str, ...], target: str) -> Columns:
    """Take variables along the rows: of two dimensions several columns, named by the labels of the second."""
    import xarray as xr

    with xr.open_zarr(path, chunks=None) if path.suffix == ".zarr" else xr.open_dataset(path) as opened:
        return columns_of_dataset(str(path), opened, wanted, target)


def columns_of_dataset(path: str, data: xr.Dataset, wanted: tuple[str, ...], target: str) -> Columns:
    """Make columns of the variables that lie along the rows of the target."""
    known = {str(name): array for name, array in data.variables.items()}
    if target not in known or not known[target].dims:
        raise ValueError(f"{path} has no variable {target!r} with rows (target); it has {listing(known)}")
    rows = known[target].dims[0]
    names = [target, *wanted] if wanted else [*map(str, data.data_vars), target]
    found = {name: known[name] for name in dict.fromkeys(names) if name in known}
    other = {name: array.dims for name, array in found.items() if array.dims[:1] != (rows,)}
    if wanted and other:
        name, dims = next(iter(other.items()))
        raise ValueError(f"{path}: {name} lies along {dims}; its first dimension must be {rows}, as of {target}")
    chosen = {name: array for name, array in found.items() if name not in other}
    labels = {
        name: data[array.dims[1]].values.astype(str)
        for name, array in chosen.items()
        if array.ndim == 2 and array.dims[1] in data.coords and data[array.dims[1]].dtype.kind in "UOT"
    }
    return columns_of_arrays(path, {name: array.values for name, array in chosen.items()}, labels)
