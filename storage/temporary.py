"""A temporary store inside the place of another: if it can be written there, so can the other."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

import obstore
from obstore.exceptions import BaseError

from relusweep.storage.errors import StoreWriteError
from relusweep.storage.object_store import missing_key, object_store
from relusweep.storage.repository import RECORDS, Url, local_path

__all__ = ["temporary_store"]


@contextmanager
def temporary_store(url: Url) -> Iterator[str]:
    """Give the address of a store that does not exist yet, and delete at the end what was written there.

    Parameters
    ----------
    url
        Where the real store is, or will be; it is not touched.

    Yields
    ------
    str
        Below ``.relusweep`` in it.
    """
    name = f"{RECORDS}/check-{token_hex(4)}"
    path = local_path(url)
    if path is None:
        trial = f"{os.fspath(url).rstrip('/')}/{name}"
        try:
            yield trial
        finally:
            _delete_objects(url, name)
        return
    before = next(folder for folder in (path, *path.parents) if folder.exists())
    try:
        yield str(path / name)
    finally:
        shutil.rmtree(path / name, ignore_errors=True)
        _delete_empty(path / RECORDS, before)


def _delete_empty(folder: Path, until: Path) -> None:
    """Delete the folders that were made for it, from the inside out."""
    with suppress(OSError):  # it is not there, or something is in it
        while folder != until:
            folder.rmdir()
            folder = folder.parent


def _delete_objects(url: Url, name: str) -> None:
    place = object_store(url, name)
    try:
        for found in obstore.list(place):
            obstore.delete(place, [entry["path"] for entry in found])
    except (BaseError, OSError) as error:
        reason = str(error).split("\n")[0]
        raise StoreWriteError(f"cannot delete {name} of {url}: {reason}{missing_key()}") from error
