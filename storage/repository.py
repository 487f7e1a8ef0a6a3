"""Where a store is: from a path or an address to an Icechunk repository, or to a new one."""

import os
import re
import shutil
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import icechunk

from relusweep.storage.errors import InvalidStoreUrl, StoreNotFound, StoreReadError, StoreWriteError

__all__ = [
    "BRANCH",
    "LOCK",
    "RECORDS",
    "ObjectPlace",
    "Url",
    "check_readable",
    "create_repository",
    "foreign",
    "in_full",
    "local_path",
    "object_place",
    "open_or_create",
    "open_repository",
    "reason",
    "unreadable",
]

Url = str | os.PathLike[str]
BRANCH = "main"
LOCK = ".relusweep.lock"
RECORDS = ".relusweep"
_ASIDE = ".relusweep.new"

# On a terminal, Icechunk draws its errors in colours.
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_DRAWN = str.maketrans("×│├╰─▶", "x||`->")  # noqa: RUF001

# What Icechunk and obstore keep as it is written, and both alike.
_BUCKET = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_PREFIX = re.compile(r"[^\\\x00-\x1f\x7f]*")
_LIKE_AN_ADDRESS = re.compile(r"s3:|[a-z][a-z0-9+.-]+:/", re.IGNORECASE)

_CHUNKS_PER_MANIFEST = 256  # along each dimension
_CACHED_CHUNKS, _CACHED_NODES = 100_000, 1_000


class ObjectPlace(NamedTuple):
    """Where a store is in an object store."""

    bucket: str
    prefix: str
    region: str | None
    endpoint: str | None


def local_path(url: Url) -> Path | None:
    """Give the absolute directory of a store on a file system, None for one in an object store."""
    text = os.fspath(url)
    if not text:
        raise InvalidStoreUrl("a store is a path or s3://bucket/prefix, not an empty text")
    if "://" in text:
        return None
    if _LIKE_AN_ADDRESS.match(text):
        raise InvalidStoreUrl(
            f"{text} looks like an address, but lacks a slash: write s3://bucket/prefix, as a text and not "
            f"as a pathlib.Path; or ./{text}, for a folder of that name"
        )
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise InvalidStoreUrl(f"{text}: it is not known where ~ is; set HOME, or write it in full") from error


def in_full(url: Url) -> str:
    """Write where a store is so that processes that started in other folders find it."""
    return str(local_path(url) or url)


def open_repository(url: Url) -> icechunk.Repository:
    """Open the repository at a path or at ``s3://bucket/prefix``.

    Parameters
    ----------
    url
        Credentials, region and endpoint of S3 come from the usual ``AWS_…`` environment variables.

    Raises
    ------
    StoreNotFound
        There is no store.
    StoreReadError
        The place cannot be read.
    """
    path = local_path(url)
    try:
        # Icechunk would create the directory of a mistyped path.
        if (path is None or path.is_dir()) and icechunk.Repository.exists(storage := _icechunk_storage(url)):
            return icechunk.Repository.open(storage, config=_config())
    except (icechunk.IcechunkError, OSError) as error:
        raise StoreReadError(f"cannot open the store at {url}: {reason(error)}") from error
    raise StoreNotFound(
        f"no store at {url}: check the path, or create it with `relusweep run SWEEP --store {url}`"
    )


def foreign(path: Path) -> list[str]:
    """List what a directory holds that belongs neither to a store nor to one being created."""
    if (path / "refs" / f"branch.{BRANCH}").is_dir() or not path.is_dir():
        return []
    return sorted({entry.name for entry in path.iterdir()} - {LOCK, RECORDS, _ASIDE, "snapshots", "refs"})


def create_repository(url: Url) -> icechunk.Repository:
    """Create an empty repository; on a file system, under its lock.

    Raises
    ------
    StoreWriteError
        The place cannot be written, or something else is there.
    """
    path = local_path(url)
    try:
        if path is None:
            return icechunk.Repository.create(_icechunk_storage(url), config=_config())
        _create_local(path)
        return icechunk.Repository.open(_icechunk_storage(path), config=_config())
    except (icechunk.IcechunkError, OSError) as error:
        raise StoreWriteError(f"cannot create a store at {url}: {reason(error)}") from error


def open_or_create(url: Url) -> icechunk.Repository:
    """Open the repository at an address, or create it; see `open_repository` and `create_repository`."""
    try:
        return open_repository(url)
    except StoreNotFound:
        return create_repository(url)


def reason(error: BaseException) -> str:
    """Give an error of Icechunk in one line, what failed and why, without its trace through Icechunk."""
    text = _COLOUR.sub("", str(error)).translate(_DRAWN).strip()
    # Icechunk breaks a long line, as one that holds a path; an empty one, or a cause, comes behind it.
    lines = takewhile(lambda line: line and not line.startswith("->"), (_plain(x) for x in text.split("\n")))
    what = " ".join(lines).replace("/ ", "/")
    cause = text.rpartition("-> ")[2] if "-> " in text else ""
    return what if cause in what else f"{what}: {cause}"


def unreadable(path: str, error: Exception) -> StoreReadError:
    """Say that an array cannot be read, and what can be done."""
    return StoreReadError(
        f"array {path} cannot be read: {reason(error)}. Its stored bytes are missing or damaged: "
        "open an earlier version (tag=, as_of=, version=), or restore the store from a copy"
    )


def _plain(line: str) -> str:
    return line.strip(" |").removeprefix("x ")


def check_readable(repository: icechunk.Repository, session: icechunk.Session) -> None:
    """Read the session's snapshot: Zarr takes one that cannot be read for an empty store.

    Raises
    ------
    StoreReadError
        The snapshot is missing or damaged, or there is no way to it.
    """
    try:
        repository.lookup_snapshot(session.snapshot_id)
    except icechunk.IcechunkError as error:
        raise StoreReadError(f"version {session.snapshot_id} cannot be read: {reason(error)}") from error


def _create_local(path: Path) -> None:
    """Create the repository beside its place and move it in, the branch last: if killed, it is created again.

    Icechunk creates only in an empty directory. Ours holds the lock, and perhaps records of runs or the
    remains of such an attempt.
    """
    aside = path / _ASIDE
    shutil.rmtree(aside, ignore_errors=True)
    icechunk.Repository.create(_icechunk_storage(aside))
    files = (file for file in aside.rglob("*") if file.is_file())
    for file in sorted(files, key=lambda file: "refs" in file.relative_to(aside).parts):
        target = path / file.relative_to(aside)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.replace(target)
    shutil.rmtree(aside)


def _config() -> icechunk.RepositoryConfig:
    """Keep commits and memory as small at the end of a long run as at its beginning.

    A commit writes every manifest anew that knows one of its chunks, and Icechunk by itself has one for all
    chunks of an array, and keeps in memory those of the versions before.
    """
    config = icechunk.RepositoryConfig.default()
    every, along = icechunk.ManifestSplitCondition.AnyArray(), icechunk.ManifestSplitDimCondition.Any()
    splitting = icechunk.ManifestSplittingConfig(((every, ((along, _CHUNKS_PER_MANIFEST),)),))
    config.manifest = icechunk.ManifestConfig(splitting=splitting)
    config.caching = icechunk.CachingConfig(num_chunk_refs=_CACHED_CHUNKS, num_snapshot_nodes=_CACHED_NODES)
    return config


def _icechunk_storage(url: Url) -> icechunk.Storage:
    if "ICECHUNK_LOG" not in os.environ:
        # Or every open prints, on stdout, that a local repository needs a single committer: it has one.
        icechunk.set_logs_filter("error")
    path = local_path(url)
    if path is not None:
        return icechunk.local_filesystem_storage(str(path))
    place = object_place(url)
    return icechunk.s3_storage(
        bucket=place.bucket,
        prefix=place.prefix or None,
        region=place.region,
        endpoint_url=place.endpoint,
        allow_http=bool(place.endpoint and place.endpoint.startswith("http://")),
        force_path_style=place.endpoint is not None,  # servers other than Amazon's rarely resolve bucket.host
        from_env=True,
    )


def object_place(url: Url) -> ObjectPlace:
    """Take ``s3://bucket/prefix`` apart; region and endpoint come from the environment.

    Raises
    ------
    InvalidStoreUrl
        It is no such address, or has credentials in it.
    """
    scheme, _, rest = os.fspath(url).partition("://")  # no URL: what stands behind # or ? is part of the name
    bucket, _, prefix = rest.partition("/")
    if "@" in bucket:  # not repeated: it would end up in logs
        raise InvalidStoreUrl(
            "a store is a path or s3://bucket/prefix, without user or password: "
            "credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if scheme.lower() != "s3" or not bucket:
        raise InvalidStoreUrl(f"a store is a path or s3://bucket/prefix, not {url}")
    if not _BUCKET.fullmatch(bucket):
        raise InvalidStoreUrl(
            f"{url}: the name of a bucket has letters, digits, '.', '-' and '_'; got {bucket!r}. The address "
            "of a server goes into the variable AWS_ENDPOINT_URL"
        )
    prefix = prefix.removesuffix("/")
    if prefix and not (set(prefix.split("/")).isdisjoint(("", ".", "..")) and _PREFIX.fullmatch(prefix)):
        raise InvalidStoreUrl(
            f"{os.fspath(url)!r}: a prefix has no empty part, no . or .. between slashes, no backslash and "
            "nothing that cannot be printed: two addresses could mean one store"
        )
    return ObjectPlace(
        bucket,
        prefix,
        os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"),
    )
