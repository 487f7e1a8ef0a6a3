"""Results in files of their own: Zarr and NetCDF."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from pathlib import Path

import xarray as xr

from relusweep.pipeline.common.errors import CannotExport

__all__ = ["check_name", "check_writable", "write_results"]

_ENDINGS = ".zarr, .nc"


def check_name(path: Path) -> None:
    """Refuse a name before anything is computed.

    Raises
    ------
    CannotExport
        It ends in something else than ``.zarr`` or ``.nc``, or cannot be written.
    """
    if path.suffix not in _ENDINGS.split(", "):
        raise CannotExport(f"{path} ends in {path.suffix or 'nothing'}; allowed are {_ENDINGS}")
    check_writable(path, folder=path.suffix == ".zarr")


def check_writable(path: Path, *, folder: bool = False) -> None:
    """Refuse what cannot be written, before anything is computed; make the folder that it goes to.

    Parameters
    ----------
    path : Path
    folder : bool
        Whether `path` is to be a folder, and not a file.

    Raises
    ------
    CannotExport
        It is the other of the two, or its folder cannot be made or written.
    """
    if path.exists() and path.is_dir() != folder:
        there, wanted = ("a file", "a folder") if folder else ("a folder", "a file")
        raise CannotExport(
            f"{path} is {there}, and {wanted} is to be written; give another name, or move it away"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise CannotExport(f"{path} cannot be written ({error}); give another name") from error


def write_results(results: xr.Dataset, path: Path) -> None:
    """Write a dataset; what has the name already is replaced when all is written."""
    beside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        if path.suffix == ".zarr":
            with warnings.catch_warnings():  # that Zarr 3 does not specify what opens faster
                warnings.filterwarnings("ignore", "Consolidated metadata", UserWarning)
                results.to_zarr(beside, mode="w", consolidated=True)
            shutil.rmtree(path, ignore_errors=True)
        else:
            results.to_netcdf(beside, engine="h5netcdf")
        beside.replace(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        beside.unlink(missing_ok=True)
