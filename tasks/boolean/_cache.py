"""Arrays that take long to compute, kept in the user's cache directory."""

from __future__ import annotations

import logging
import os
import tempfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

__all__ = ["cached"]

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

_logger = logging.getLogger(__name__)


def cached(name: str, compute: Callable[[], Arrays], is_right: Callable[[Arrays], bool]) -> Arrays:
    """Read the arrays from the cache; where they are missing, damaged or not right, compute and keep them."""
    path = _place(name)
    if path is None:
        return compute()
    arrays = _read(path)
    if arrays is not None and is_right(arrays):
        return arrays
    arrays = compute()
    try:
        _write(path, arrays)
    except OSError as error:
        _logger.warning("%s is not kept for the next time: %s", path, error)
    return arrays


def _place(name: str) -> Path | None:
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:  # HOME is not set, and the user has no name
        return None
    return Path(base, "relusweep", f"{name}.npz")


def _read(path: Path) -> Arrays | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return dict(archive)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        _logger.warning("%s is damaged and will be computed again: %s", path, error)
        return None


def _write(path: Path, arrays: Arrays) -> None:
    """Rename into place, so that no reader meets half a file and the last of several writers wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            np.savez(file, allow_pickle=False, **arrays)
        except BaseException:
            Path(file.name).unlink()
            raise
    Path(file.name).replace(path)
