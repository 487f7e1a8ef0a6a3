"""The versions of a store: how they are listed, named, found and read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import icechunk

from relusweep.storage.errors import InvalidTag, StoreNotFound, StoreWriteError, UnknownVersion
from relusweep.storage.moments import end_of
from relusweep.storage.repository import BRANCH, Url, check_readable, open_repository, reason

if TYPE_CHECKING:
    import numpy as np

    Moment = str | date | np.datetime64

__all__ = [
    "NEWEST",
    "Version",
    "create_tag",
    "delete_tag",
    "find_version",
    "history",
    "read_session",
    "resolve",
    "snapshots",
]

NEWEST = "newest"
_LIKE_AN_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{6,20}")  # Crockford's base 32
_ID_LENGTH = 20
_TOLD_TAGS = 10
# Icechunk takes `..` and a line break for a name, and keeps them.
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Version:
    """One commit of a store, newest first in `history`."""

    id: str
    written_at: datetime
    message: str
    metadata: Mapping[str, Any]
    tags: tuple[str, ...]


def read_session(
    url: Url, *, tag: str | None = None, as_of: Moment | None = None, version: Moment | None = None
) -> icechunk.Session:
    """Open one version for reading: the newest, a tag's, the newest at a time, or a version by name.

    Parameters
    ----------
    url
        As for `open_repository`.
    tag
        Name of a tag.
    as_of
        A date or time as `relusweep.storage.moments.end_of` takes it: a date means all of that day, a month
        all of it, a time without seconds all of that minute; UTC where it states no offset.
    version
        Whatever `resolve` takes.

    Raises
    ------
    StoreNotFound
        No store, tag or version of that description.
    StoreReadError
        The version cannot be read.
    ValueError
        More than one of `tag`, `as_of` and `version` given, or `as_of` is no moment.
    """
    given = {"tag": tag, "as_of": as_of, "version": version}
    if len(said := [f"{name}={value!r}" for name, value in given.items() if value is not None]) > 1:
        raise ValueError(f"give {' or '.join(said)}, not both")
    repository = open_repository(url)
    if tag is not None:
        if tag not in (tags := repository.list_tags()):
            raise StoreNotFound(f"no tag {tag!r} in the store at {url}; its tags: {_told(tags)}")
        session = repository.readonly_session(tag=tag)
    elif as_of is not None:
        session = repository.readonly_session(snapshot_id=_snapshot_as_of(repository, as_of))
    elif version is not None:
        session = repository.readonly_session(snapshot_id=find_version(repository, version))
    else:
        session = repository.readonly_session(BRANCH)
    check_readable(repository, session)
    return session


def resolve(url: Url, at: Moment) -> str:
    """Find the id of a version.

    Parameters
    ----------
    url
        As for `open_repository`.
    at
        A tag; ``"newest"``; an id, or the first six or more characters of one; a date or time in ISO 8601,
        for the newest version not later (UTC where it states no offset; a date means all of that day, a month
        all of it, a time without seconds all of that minute). What is a tag is taken as one, whatever else it
        could be.

    Raises
    ------
    StoreNotFound
        No store, or no version of that description.
    UnknownVersion
        `at` begins the ids of several versions, or can be none of all that.

    Examples
    --------
    >>> resolve("results", "2026-11-20")  # doctest: +SKIP
    'SP07VCJSR8YGKQKBC7JG'
    """
    return find_version(open_repository(url), at)


def find_version(repository: icechunk.Repository, at: Moment) -> str:
    """Find the id of a version of an open repository; see `resolve`."""
    if not isinstance(at, str):
        return _snapshot_as_of(repository, at)
    tags = repository.list_tags()
    if at in tags:
        return repository.lookup_tag(at)
    if at == NEWEST:
        return repository.lookup_branch(BRANCH)
    if _LIKE_AN_ID.fullmatch(at.upper()):
        if len(at) == _ID_LENGTH and (whole := _of_id(repository, at)):
            return whole
        ids = [info.id for info in snapshots(repository) if info.id.startswith(at.upper())]
        if len(ids) > 1:
            raise UnknownVersion(
                f"{at!r} begins the ids of {len(ids)} versions: {', '.join(ids)}; write more"
            )
        if ids:
            return ids[0]
    try:
        end_of(at)
    except ValueError as error:
        raise UnknownVersion(
            f"{at!r} is no version of this store: give {NEWEST!r}, a tag (of {_told(tags)}), the first six "
            "or more characters of an id (`relusweep log` lists them), or a time in ISO 8601, such as "
            "2026-11-22 or 2026-11-22T10:00"
        ) from error
    return _snapshot_as_of(repository, at)


def history(url: Url, at: Moment | None = None) -> list[Version]:
    """List the versions of a store, newest first; the last is the empty store.

    Parameters
    ----------
    url
        As for `open_repository`.
    at
        A version as `resolve` takes it, with which to begin; by default the newest.

    Raises
    ------
    StoreNotFound, UnknownVersion
        There is no store, or no such version.
    """
    repository = open_repository(url)
    found = snapshots(repository)
    if at is not None:
        first = repository.lookup_snapshot(find_version(repository, at))
        found = [info for info in found if info.written_at <= first.written_at]
    tags: dict[str, list[str]] = {}
    for tag in sorted(repository.list_tags()):
        tags.setdefault(repository.lookup_tag(tag), []).append(tag)
    return [
        Version(info.id, info.written_at, info.message, info.metadata, tuple(tags.get(info.id, ())))
        for info in found
    ]


def create_tag(repository: icechunk.Repository, name: str, version: str) -> str:
    """Name a version; give its id. See `relusweep.storage.committer.Committer.tag`."""
    if not _TAG.fullmatch(name) or name == NEWEST:
        raise InvalidTag(
            f"a tag is named by up to 100 letters, digits, '.', '_' and '-', the first a letter or digit, "
            f"and not {NEWEST!r}, which is always the newest version; got {name!r}"
        )
    if name in repository.list_tags():
        taken = repository.lookup_tag(name)
        raise InvalidTag(
            f"tag {name!r} names version {taken} already, and tags do not move; choose another name"
        )
    found = find_version(repository, version)
    try:
        repository.create_tag(name, found)
    except icechunk.IcechunkError as error:
        if "already exists" in str(error):  # and yet it is not listed
            raise InvalidTag(
                f"tag {name!r} was deleted, and such a name cannot be used again; choose another"
            ) from error
        raise StoreWriteError(f"cannot tag version {found} with {name!r}: {reason(error)}") from error
    return found


def delete_tag(repository: icechunk.Repository, name: str) -> None:
    """Take a name from its version; see `relusweep.storage.committer.Committer.delete_tag`."""
    if name not in (tags := repository.list_tags()):
        raise StoreNotFound(f"no tag {name!r} to delete; the store has {sorted(tags) or 'none'}")
    try:
        repository.delete_tag(name)
    except icechunk.IcechunkError as error:
        raise StoreWriteError(f"cannot delete tag {name!r}: {reason(error)}") from error


def snapshots(repository: icechunk.Repository) -> list[icechunk.SnapshotInfo]:
    """Find all versions, newest first: after an expiry, only tags lead to some of them."""
    found = {info.id: info for info in repository.ancestry(branch=BRANCH)}
    for tag in repository.list_tags():
        for info in repository.ancestry(tag=tag):
            if info.id in found:
                break
            found[info.id] = info
    return sorted(found.values(), key=lambda info: info.written_at, reverse=True)


def _of_id(repository: icechunk.Repository, whole: str) -> str | None:
    """Look a version up by its whole id, without listing all: that takes a second for 5 000 versions."""
    try:
        return repository.lookup_snapshot(whole).id
    except icechunk.IcechunkError:
        return None


def _told(tags: set[str]) -> str:
    """List tags; of many, the last by name, which of nightly runs are the newest."""
    shown = sorted(tags)[-_TOLD_TAGS:]
    more = f" and {len(tags) - len(shown)} more" if len(tags) > len(shown) else ""
    return f"{shown}{more}" if shown else "none"


def _snapshot_as_of(repository: icechunk.Repository, as_of: Moment) -> str:
    try:
        moment = end_of(as_of)
    except ValueError as error:
        raise UnknownVersion(f"as_of: {error}") from error
    for info in snapshots(repository):
        if info.written_at <= moment:
            return info.id
    raise StoreNotFound(
        f"no version as of {as_of}: the store begins {info.written_at.isoformat(' ', 'seconds')}"
    )
