"""Small JSON documents beside a store: who runs, how far they are, what they are asked to do.

They are no results: no version holds them, and nobody needs the store's lock to write one.
"""

import json
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from relusweep.storage.errors import StoreReadError, StoreWriteError
from relusweep.storage.object_store import missing_key, object_store
from relusweep.storage.repository import RECORDS, Url, local_path, object_place, open_or_create

__all__ = ["Records"]

_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*", re.ASCII)
_SUFFIX = ".json"


class Records:
    """Read and write the records of one store, wherever it is.

    Each is written whole or not at all: who reads while another writes gets the one before.

    Parameters
    ----------
    url
        Of the store, as for `relusweep.storage.Committer`; it need not exist. Reading makes nothing. The
        first record makes the directory, or, in a bucket, an empty store: Icechunk makes none where something
        lies.

    Raises
    ------
    InvalidStoreUrl
        Stores cannot be kept there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     records = Records(folder)
    ...     records.put("runs/a", {"state": "running"})
    ...     records.get("runs/a"), records.get("runs/b"), records.names("runs")
    ({'state': 'running'}, None, ['runs/a'])
    """

    def __init__(self, url: Url) -> None:
        self._url = url
        path = local_path(url)
        self._folder = None if path is None else path / RECORDS
        if path is None:
            object_place(url)  # refused here, where it is no place

    def put(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a record, in place of the one of that name.

        Parameters
        ----------
        name
            Parts of letters, digits, ``_``, ``-`` and ``.``, with ``/`` between them.
        document
            JSON-able.

        Raises
        ------
        StoreWriteError
            It cannot be written.
        ValueError
            The name is not allowed, or the document is not JSON-able.
        """
        path = _path(name)
        text = json.dumps(dict(document), allow_nan=False)
        try:
            obstore.put(self._writable, path, text.encode())
        except (BaseError, OSError) as error:
            raise StoreWriteError(self._failure("write", name, error)) from error

    def get(self, name: str) -> dict[str, Any] | None:
        """Read a record; None if there is none of that name.

        Raises
        ------
        StoreReadError
            It cannot be read, or is no JSON object.
        """
        path = _path(name)
        if not self._exists():
            return None
        try:
            document = json.loads(bytes(obstore.get(self._store, path).bytes()))
        except FileNotFoundError:
            return None
        except (BaseError, OSError, ValueError) as error:
            raise StoreReadError(self._failure("read", name, error)) from error
        if not isinstance(document, dict):
            raise StoreReadError(f"record {name} of {self._url} is no JSON object: delete it")
        return document

    def names(self, prefix: str) -> list[str]:
        """List the records under ``prefix``, such as ``runs``, in alphabetical order.

        Raises
        ------
        StoreReadError
            The place cannot be read.
        """
        _path(prefix)
        if not self._exists():
            return []
        try:
            paths = [meta["path"] for batch in obstore.list(self._store, prefix) for meta in batch]
        except (BaseError, OSError) as error:
            raise StoreReadError(self._failure("list", prefix, error)) from error
        return sorted(path.removesuffix(_SUFFIX) for path in paths if path.endswith(_SUFFIX))

    def delete(self, name: str) -> None:
        """Delete a record; nothing happens where there is none.

        Raises
        ------
        StoreWriteError
            It cannot be deleted.
        """
        path = _path(name)
        if not self._exists():
            return
        try:
            obstore.delete(self._store, path)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise StoreWriteError(self._failure("delete", name, error)) from error

    def file(self, name: str) -> Path | None:
        """Name the file in which a record lies, or will; None in an object store."""
        return None if self._folder is None else self._folder / _path(name)

    def _exists(self) -> bool:
        try:
            return self._folder is None or self._folder.is_dir()
        except OSError as error:
            raise StoreReadError(f"cannot read the store at {self._url}: {error.strerror}") from error

    @cached_property
    def _writable(self) -> LocalStore | S3Store:
        if self._folder is None:
            open_or_create(self._url)
        return self._store

    @cached_property
    def _store(self) -> LocalStore | S3Store:
        if self._folder is not None:
            return LocalStore(self._folder, mkdir=True)
        return object_store(self._url, RECORDS)

    def _failure(self, doing: str, name: str, error: Exception) -> str:
        reason = str(error).split("\n")[0]
        hint = "" if self._folder else missing_key()
        return f"cannot {doing} record {name} of {self._url}: {reason}{hint}"


def _path(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"a record's name is letters, digits, _, -, . and / between them, not {name!r}")
    return name + _SUFFIX
