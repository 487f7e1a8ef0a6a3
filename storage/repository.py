"""Where a store is: from a path or an address to an Icechunk repository, or to a new one."""

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import icechunk

from storage.errors import StoreNotFound, StoreReadError, StoreWriteError, UnknownPlace

__all__ = [
    "BRANCH",
    "LOCK",
    "Url",
    "check_readable",
    "create_repository",
    "foreign",
    "local_path",
    "open_repository",
    "reason",
]

Url = str | os.PathLike[str]
BRANCH = "main"
LOCK = ".relusweep.lock"
_ASIDE = ".relusweep.new"


def local_path(url: Url) -> Path | None:
    """Give the absolute directory of a store on a file system, None for one in an object store."""
    text = os.fspath(url)
    if not text:
        raise UnknownPlace("a store is a path or s3://bucket/prefix, not an empty text")
    return None if "://" in text else Path(text).expanduser().absolute()


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
        # Icechunk would make the directory of a mistyped path.
        if (path is None or path.is_dir()) and icechunk.Repository.exists(storage := _icechunk_storage(url)):
            return icechunk.Repository.open(storage)
    except icechunk.IcechunkError as error:
        raise StoreReadError(f"cannot open the store at {url}: {reason(error)}") from error
    raise StoreNotFound(f"no store at {url}: check the path, or create it with `relusweep run --store {url}`")


def foreign(path: Path) -> list[str]:
    """Name what lies in a directory and is neither of a store nor of one begun."""
    if (path / "refs" / f"branch.{BRANCH}").is_dir() or not path.is_dir():
        return []
    return sorted({entry.name for entry in path.iterdir()} - {LOCK, _ASIDE, "snapshots", "refs"})


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
            return icechunk.Repository.create(_icechunk_storage(url))
        _create_local(path)
        return icechunk.Repository.open(_icechunk_storage(path))
    except (icechunk.IcechunkError, OSError) as error:
        raise StoreWriteError(f"cannot create a store at {url}: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """Give an error of Icechunk in one line, what failed and why, without its trace through Icechunk."""
    text = str(error).strip()
    what = text.split("\n")[0].removeprefix("x ")
    cause = text.rpartition("-> ")[2] if "-> " in text else ""
    return what if cause in what else f"{what}: {cause}"


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
    """Make the repository aside and move it in, its branch last: killed in between, it is simply made again.

    Icechunk itself creates only in an empty directory, and ours holds the lock and perhaps such a remainder.
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


def _icechunk_storage(url: Url) -> icechunk.Storage:
    if "ICECHUNK_LOG" not in os.environ:
        # Or every open prints, on stdout, that a local repository needs a single committer: it has one.
        icechunk.set_logs_filter("error")
    path = local_path(url)
    if path is not None:
        return icechunk.local_filesystem_storage(str(path))
    parts = urlsplit(os.fspath(url))
    if parts.scheme != "s3" or not parts.netloc:
        raise UnknownPlace(f"a store is a path or s3://bucket/prefix, not {url}")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return icechunk.s3_storage(
        bucket=parts.netloc,
        prefix=parts.path.strip("/") or None,
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        endpoint_url=endpoint,
        allow_http=bool(endpoint and endpoint.startswith("http://")),
        force_path_style=endpoint is not None,  # servers other than Amazon's rarely resolve bucket.host
        from_env=True,
    )
