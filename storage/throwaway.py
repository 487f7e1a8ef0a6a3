"""A store for a trial, inside another one's place: what can be written there can be written to that one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

import obstore
from obstore.store import S3Store

from storage.repository import Url, local_path

__all__ = ["throwaway_store"]


@contextmanager
def throwaway_store(url: Url) -> Iterator[str]:
    """Lend the address of a store that is not there yet, and delete what came of it.

    Parameters
    ----------
    url
        Where the real store is, or will be; it is not touched.

    Yields
    ------
    str
        Below ``.relusweep`` in it.
    """
    name = f".relusweep/check-{token_hex(4)}"
    path = local_path(url)
    if path is None:
        trial = f"{os.fspath(url).rstrip('/')}/{name}"
        try:
            yield trial
        finally:
            _delete_objects(trial)
        return
    before = next(folder for folder in (path, *path.parents) if folder.exists())
    try:
        yield str(path / name)
    finally:
        shutil.rmtree(path / name, ignore_errors=True)
        _delete_empty(path / ".relusweep", before)


def _delete_empty(folder: Path, until: Path) -> None:
    """Delete the folders that a trial has made, from the inside out."""
    with suppress(OSError):  # it is not there, or something is in it
        while folder != until:
            folder.rmdir()
            folder = folder.parent


def _delete_objects(url: str) -> None:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    plain = bool(endpoint and endpoint.startswith("http://"))
    place = S3Store.from_url(url, client_options={"allow_http": plain})
    for found in obstore.list(place):
        obstore.delete(place, [entry["path"] for entry in found])
