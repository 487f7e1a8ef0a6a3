"""The only writer of a store: one process, one lock, results and their `done` marks in one transaction."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import icechunk
import numpy as np
import zarr

from relusweep.storage.durable_commit import durable_commit
from relusweep.storage.errors import (
    ExpiryTooSoon,
    LayoutMismatch,
    StoreError,
    StoreLocked,
    StoreReadError,
    StoreWriteError,
)
from relusweep.storage.expiry import expire
from relusweep.storage.fork import Fork, WriteReceipt
from relusweep.storage.layout import Layout
from relusweep.storage.prepared_group import Part, PreparedGroup
from relusweep.storage.repository import (
    BRANCH,
    Url,
    check_readable,
    local_path,
    open_or_create,
    open_repository,
    reason,
)
from relusweep.storage.template import create_group, extend_group
from relusweep.storage.versions import NEWEST, create_tag, delete_tag
from relusweep.storage.writer_lock import lock_store

__all__ = ["Committer"]


class Committer:
    """Write results into a store and commit them; hold the store's lock meanwhile.

    Closing without a commit loses what was written since the last one, and nothing else.

    Parameters
    ----------
    url
        A path, or ``s3://bucket/prefix``. A path is locked with ``flock``, which the kernel releases however
        the process ends. S3 knows no such lock: there, the later of two committers fails in `commit`.
    create
        Make an empty store where there is none.

    Raises
    ------
    StoreLocked
        Another committer holds the store; the message says which.
    StoreNotFound
        There is no store and `create` is false.
    StoreWriteError
        The place cannot be written.

    Examples
    --------
    >>> with Committer("results", create=True) as committer:  # doctest: +SKIP
    ...     committer.prepare(layout)
    ...     committer.write("boolean/npn4", {"leak": slice(0, 1)}, arrays, fingerprint=17)
    ...     committer.commit("first leak", {})
    """

    def __init__(self, url: Url, *, create: bool = False) -> None:
        self._url = url
        if not create:
            open_repository(url)  # or a wrong path would be made a directory by locking it
        self._groups: dict[str, PreparedGroup] = {}
        path = local_path(url)
        self._lock = None if path is None else lock_store(path)
        try:
            self._repository = open_or_create(url)
            self._session = self._repository.writable_session(BRANCH)
            check_readable(self._repository, self._session)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def prepare(self, layout: Layout, *, replace: bool = False) -> None:
        """Create a group, or extend it in place to a larger layout; takes effect with the next commit.

        Parameters
        ----------
        layout
            Holds every label that the stored group has; new ones may stand anywhere on an axis.
        replace
            Start the group anew. Earlier versions keep what it held.

        Raises
        ------
        LayoutMismatch
            The layout is no extension of what is stored.
        StoreWriteError
            Writing failed; what was written since the last commit is dropped.
        """
        with self._dropping_on_failure(f"prepare {layout.group}"):
            if replace or layout.group not in zarr.open_group(self._session.store, mode="a"):
                create_group(self._session.store, layout)
                self._groups.pop(layout.group, None)
            else:
                extend_group(self._session.store, layout)
        before = self._groups.get(layout.group)
        self._groups[layout.group] = PreparedGroup(layout, self._session.store, before)

    def fork(self, group: str) -> Fork:
        """Let others write large arrays of a prepared group; `write` takes in what they wrote.

        Whatever was prepared or written since the last commit is committed: others see nothing else.

        Raises
        ------
        LayoutMismatch
            The group was not prepared.
        StoreWriteError
            Committing failed.
        """
        self._prepared(group)
        self.commit(f"prepare {group}", {})
        with self._dropping_on_failure(f"fork {group}"):
            # Of a session of its own: one that has been forked may not be committed before a merge.
            return Fork(self._repository.writable_session(BRANCH).fork(), group)

    def write(
        self,
        group: str,
        region: Mapping[str, Part],
        arrays: Mapping[str, np.ndarray],
        fingerprint: int,
        written: WriteReceipt | None = None,
    ) -> None:
        """Write one block of results and mark its cells done; takes effect with the next commit.

        Parameters
        ----------
        group
            A group that `prepare` has been given.
        region
            Positions per dimension: a slice without step, or an array; a dimension not named is meant whole.
        arrays
            Every variable of the layout, each of its dtype and of the region's shape over its dims.
        fingerprint
            Kept beside the cells: 1 to 2**64 − 1.
        written
            What a fork has written of this block: those variables are not among `arrays`.

        Raises
        ------
        BlockWrittenTwice
            A cell of the region was written before by this committer.
        LayoutMismatch
            The group was not prepared; the region or the fingerprint is out of bounds; arrays, shapes or
            dtypes differ from the layout's.
        StoreReadError
            The block shares a chunk with stored cells, and that is damaged.
        StoreWriteError
            Writing failed; what was written since the last commit is dropped.
        """
        target = self._prepared(group)
        if not 0 < fingerprint < 2**64:
            raise LayoutMismatch(f"{group}: fingerprint {fingerprint} is not between 1 and 2**64 - 1")
        target.check(region, arrays, written)
        with self._dropping_on_failure(f"write {region} of {group}"):
            if written is not None:
                self._session.merge(written.session)
            target.write(region, arrays, fingerprint)

    def commit(self, message: str, metadata: Mapping[str, Any]) -> str | None:
        """Make everything since the last commit a new version, which survives a power failure.

        Parameters
        ----------
        message, metadata
            Kept with the version; metadata is JSON-able.

        Returns
        -------
        str or None
            The version's id; None when there was nothing to commit.

        Raises
        ------
        StoreLocked
            Another committer has committed meanwhile (S3).
        StoreWriteError
            Committing failed; what was written since the last commit is dropped.
        """
        if not self._session.has_uncommitted_changes:
            return None
        with self._dropping_on_failure("commit"):
            path = local_path(self._url)
            if path is None:
                version = self._session.commit(message, dict(metadata))
            else:
                version = durable_commit(self._repository, self._session, path, message, metadata)
        with self._dropping_on_failure("go on after a commit"):
            if path is not None:
                os.utime(path)  # xarray names Dask chunks after it: two versions must not share names
            self._renew()
        return version

    def reopen(self) -> None:
        """Begin again at the newest version after writing failed; no group is prepared then.

        Raises
        ------
        StoreWriteError
            The store cannot be written yet.
        """
        self._groups.clear()
        with self._dropping_on_failure("write again"):
            # A version of its own that no branch leads to: expiry removes it.
            trial = self._repository.writable_session(BRANCH)
            zarr.open_group(trial.store, mode="a").attrs["trial"] = True
            trial.flush("can the store be written again?")
            self._session = self._repository.writable_session(BRANCH)

    def tag(self, name: str, version: str | None = None) -> str:
        """Name a version: a tag does not move, and the name of a deleted one cannot be used again.

        Parameters
        ----------
        name
            Letters, digits, ``.``, ``_`` and ``-``, beginning with a letter or digit; not ``newest``.
        version
            As `relusweep.storage.versions.resolve` takes it; by default the last commit.

        Returns
        -------
        str
            The id of the version.

        Raises
        ------
        InvalidTag
            The name has other characters, is taken, or is that of a tag that was deleted.
        StoreNotFound, UnknownVersion
            There is no such version.
        StoreWriteError
            Writing failed.
        """
        return create_tag(self._repository, name, NEWEST if version is None else version)

    def delete_tag(self, name: str) -> None:
        """Delete a tag; its version then expires like others, and the name cannot be used again.

        Raises
        ------
        StoreNotFound
            There is no such tag.
        StoreWriteError
            Writing failed.
        """
        delete_tag(self._repository, name)

    def expire(self, older_than: timedelta, *, dry_run: bool = False) -> dict[str, Any]:
        """Delete old versions, and the data that only they hold.

        The newest version and every tagged one stay, bit for bit. Readers of a deleted version get an error.

        Parameters
        ----------
        older_than
            How old, a day at least.
        dry_run
            Change nothing.

        Returns
        -------
        dict
            ``expired``, ids of the deleted versions; ``kept_tags``, names; ``bytes_freed`` on disk (in a dry
            run only those that killed runs have left behind); ``before``, the cut-off.

        Raises
        ------
        ExpiryTooSoon
            The age is less than a day, or something is not yet committed.
        StoreWriteError
            Deleting failed; what is left is deleted the next time.
        """
        if self._session.has_uncommitted_changes:
            raise ExpiryTooSoon(
                "commit first: data that is not committed belongs to no version, and could be deleted"
            )
        try:
            outcome = expire(self._repository, older_than, dry_run=dry_run)
        except (icechunk.IcechunkError, OSError) as error:
            raise StoreWriteError(f"could not expire versions of {self._url}: {reason(error)}") from error
        self._repository = open_repository(self._url)  # what it remembers of its versions has changed
        return outcome

    def _prepared(self, group: str) -> PreparedGroup:
        if group not in self._groups:
            raise LayoutMismatch(f"group {group!r} was not prepared; prepared are {sorted(self._groups)}")
        return self._groups[group]

    def _renew(self) -> None:
        self._session = self._repository.writable_session(BRANCH)
        for group in self._groups.values():
            group.open(self._session.store)

    def _drop(self) -> None:
        self._session.discard_changes()
        self._groups.clear()

    @contextmanager
    def _dropping_on_failure(self, doing: str) -> Iterator[None]:
        """Return to the last commit when writing fails: half of a block may have been written."""
        try:
            yield
        except StoreError:  # a refusal, before anything was written
            raise
        except icechunk.ConflictError as error:
            self._drop()
            raise StoreLocked(
                f"another committer has committed to {self._url} meanwhile; what this one wrote since its "
                f"last commit was not stored: stop one of the two and run again"
            ) from error
        except (icechunk.IcechunkError, OSError) as error:
            self._drop()
            raise StoreWriteError(
                f"could not {doing} in {self._url}: {reason(error)}. The store stands at its last "
                f"commit: check free space, permissions and network, then run again"
            ) from error
        except ValueError as error:  # a checksum, met where a block shares a chunk with stored ones
            self._drop()
            raise StoreReadError(
                f"could not {doing} in {self._url}: {reason(error)}. Stored bytes are damaged: restore "
                f"the store from a copy, or start the group anew (replace=True)"
            ) from error
        except BaseException:  # Ctrl-C above all
            self._drop()
            raise
