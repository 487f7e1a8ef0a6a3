"""What two versions of a store hold of a sweep, beside each other: which cells differ, and by how much."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

__all__ = ["compare", "write_comparison"]


def compare(store: str, a: str, b: str, group: str, *, level: float = 0.05) -> xr.Dataset:
    """Compare two versions of a group, or of all groups of a tree.

    Attributes of what is given: ``n_changed_cells``, ``n_added_cells``, ``n_removed_cells``,
    ``n_significant``.
    """
    raise NotImplementedError


def write_comparison(comparison: xr.Dataset, folder: Path) -> Path:
    """Write the page of a comparison, and its pictures."""
    raise NotImplementedError
