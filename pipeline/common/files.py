"""Results in files of their own: Zarr and NetCDF."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path

import xarray as xr

from relusweep.pipeline.common.errors import CannotExport

__all__ = ["check_name", "write_results"]

_ENDINGS = ".zarr, .nc"


def check_name(path: Path) -> None:
    """Refuse a name before anything is computed.

    Raises
    ------
    CannotExport
        It ends in something else than ``.zarr`` or ``.nc``.
    """
    if path.suffix not in _ENDINGS.split(", "):
        raise CannotExport(f"{path} ends in {path.suffix or 'nothing'}; allowed are {_ENDINGS}")


def write_results(results: xr.Dataset, path: Path) -> None:
    """Write a dataset; what has the name already is replaced when all is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
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
