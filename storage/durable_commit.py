"""Commits that survive a power failure: left alone, the kernel writes files to the disk some time later."""

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import icechunk

from relusweep.storage.repository import BRANCH

_libc = ctypes.CDLL(None, use_errno=True)


def durable_commit(
    repository: icechunk.Repository,
    session: icechunk.Session,
    path: Path,
    message: str,
    metadata: Mapping[str, Any],
) -> str:
    """Commit to a store on a file system: the branch moves only when everything it leads to is on the disk.

    Returns
    -------
    str
        The version's id.

    Raises
    ------
    icechunk.IcechunkError, OSError
        Writing failed. If only the last step did, the branch has moved.
    """
    before = session.snapshot_id
    version = session.flush(message, dict(metadata))
    _settle(path)
    repository.reset_branch(BRANCH, version, from_snapshot_id=before)
    _settle(path)
    return version


def _settle(path: Path) -> None:
    """Wait until everything written to the file system of a directory is on its disk.

    Everything, because the names of the files that Icechunk writes are not known. On macOS the kernel only
    begins to write.
    """
    if not hasattr(_libc, "syncfs"):
        os.sync()
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        if _libc.syncfs(folder):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(folder)
