"""Tables from files: CSV, Parquet, NPY, NPZ, NetCDF and Zarr, alone or beside one another."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.paths import expanded
from relusweep.tasks.tables.columns import Columns, beside, columns_of_arrays, is_number, listing

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


def read_table(path: str, target: str) -> Columns:
    """Read a table.

    Parameters
    ----------
    path : str
        Absolute; of several files, with `BESIDE` between them.
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
    stamp(path)
    parts = [_read_one(Path(part), target) for part in path.split(BESIDE)]
    return parts[0] if len(parts) == 1 else beside(parts)


def _read_one(path: Path, target: str) -> Columns:
    inner = path.with_suffix("") if path.suffix in _COMPRESSED else path
    match inner.suffix.lower():
        case ".csv" | ".tsv" | ".txt":
            return _csv(path)
        case ".parquet":
            return _parquet(path)
        case ".npy" | ".npz":
            return columns_of_arrays(str(path), _arrays(path), {})
        case ".nc" | ".nc4" | ".zarr":
            return _of_xarray(path, target)
    raise ValueError(f"{path} is of no format that is read; allowed are {FORMATS}")


@contextmanager
def _loading(path: Path) -> Iterator[None]:
    """Name the file that a library cannot read."""
    try:
        yield
    except (OSError, EOFError, KeyError, ValueError, BadZipFile) as error:
        raise ValueError(f"the table {path} cannot be read ({error})") from None


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    with _loading(path):
        loaded = np.load(path)
        if isinstance(loaded, np.ndarray):
            return {path.stem: loaded}
        with loaded:
            return dict(loaded)


def _csv(path: Path) -> Columns:
    import pandas as pd

    with _loading(path):
        line = _first_line(path)
    names, separator = _header(path, line)
    newer = tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1)  # always exact
    exactly: dict[str, Any] = {} if newer else {"float_precision": "round_trip"}
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
                low_memory=False,
                encoding="utf-8-sig",
                **exactly,
            )
    except pd.errors.ParserWarning:
        raise ValueError(
            f"{path} is no table: line 1 names {len(names)} columns ({listing(names)}), and the rows have "
            "more; name every column there"
        ) from None
    except pd.errors.ParserError as error:
        raise ValueError(f"{path} is no table: {str(error).strip()}") from None
    last = np.flatnonzero(frame.notna().any(axis=1).to_numpy())
    return _of_frame(str(path), frame.iloc[: last[-1] + 1 if len(last) else 0], first_line=2)


def _header(path: Path, line: str) -> tuple[list[str], str]:
    """Give the names in the first line, and what parts them."""
    import csv

    separator = max(_SEPARATORS, key=line.count)
    names = [name.strip() for name in next(csv.reader([line], delimiter=separator), [])]
    if not all(names) or not names:
        got = f"got {line!r}" if line.strip() else "and it is empty"
        raise ValueError(
            f"{path}: line 1 must name every column, {got}; write their names there, as load,heat,life, and "
            "a row in each further line"
        )
    if all(map(is_number, names)):
        raise ValueError(f"{path}: line 1 holds numbers, {listing(names)}; put names of the columns there")
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(
            f"{path}: line 1 names {listing(sorted(twice))} more than once; give each column its own name"
        )
    return names, separator


def _first_line(path: Path) -> str:
    """Read the first line of a text, perhaps compressed."""
    import bz2
    import gzip
    import lzma

    opening: Mapping[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    with opening.get(path.suffix, open)(path, "rt", encoding="utf-8-sig") as lines:
        return str(lines.readline()).rstrip("\r\n")


def _parquet(path: Path) -> Columns:
    import pandas as pd

    try:
        with _loading(path):
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


def column_of_series(series: pd.Series[Any]) -> NDArray[Any]:
    """Give the numbers of a column, NaN where missing; or its text, None where missing."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if is_numeric_dtype(series.dtype) and not is_bool_dtype(series.dtype):
        return np.asarray(series.to_numpy(np.float64, na_value=np.nan))
    if series.dtype == bool:
        return np.asarray(series)
    texts = np.array([*series.astype(str)], object)
    texts[series.isna().to_numpy()] = None
    return texts


def _of_xarray(path: Path, target: str) -> Columns:
    import xarray as xr

    with _loading(path):
        zarr = path.suffix == ".zarr"
        opened = xr.open_zarr(path, chunks=None, consolidated=False) if zarr else xr.open_dataset(path)
    with opened:
        return columns_of_dataset(str(path), opened, target)


def columns_of_dataset(path: str, data: xr.Dataset, target: str) -> Columns:
    """Make columns of the variables that lie along the rows of the target, the first dimension of each.

    Of two dimensions they are several columns, named by the labels of the second if these are text.
    """
    if target not in data.variables or not data[target].dims:
        held = listing(map(str, data.variables))
        raise ValueError(f"{path} has no variable {target!r} with rows (target); it has {held}")
    names = [*map(str, data.data_vars), *([target] if target in data.coords else [])]
    rows = data[target].dims[:1]
    chosen = {name: data[name] for name in names if data[name].dims[:1] == rows and data[name].ndim < 3}
    labels = {
        name: [*map(str, data[array.dims[1]].values.tolist())]
        for name, array in chosen.items()
        if array.ndim == 2 and array.dims[1] in data.coords and data[array.dims[1]].dtype.kind in "UOT"
    }
    return columns_of_arrays(path, {name: array.values for name, array in chosen.items()}, labels)
