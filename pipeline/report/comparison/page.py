"""x."""

from pathlib import Path

import xarray as xr


def write_comparison(comparison: xr.Dataset, folder: Path) -> Path:
    """W."""
    raise NotImplementedError
