# ruff: noqa: N818  (the names say what happened; the base class says that it is an error)
"""Everything the storage room can raise, in one tree.

Each error is also the builtin that it specialises, carries only its message, and so crosses processes.
"""

__all__ = [
    "BlockWrittenTwice",
    "ExpiryTooSoon",
    "InvalidStoreUrl",
    "InvalidTag",
    "LayoutMismatch",
    "StoreError",
    "StoreLocked",
    "StoreNotFound",
    "StoreReadError",
    "StoreWriteError",
    "UnknownVersion",
]


class StoreError(Exception):
    """Something about a store; the base of all below."""

    exit_code = 2  # of a command that ends with it


class StoreNotFound(StoreError, FileNotFoundError):
    """No store, group, tag or version of that name."""


class InvalidStoreUrl(StoreError, ValueError):
    """An address at which no store can be."""


class UnknownVersion(StoreError, ValueError):
    """A name that is no version, or a text that is no date or time."""


class InvalidTag(StoreError, ValueError):
    """A name that a tag cannot have: it has other characters, is taken, or belonged to a deleted tag."""


class ExpiryTooSoon(StoreError, ValueError):
    """Versions too young to delete, or a time at which data not yet committed could be deleted."""


class StoreLocked(StoreError, BlockingIOError):
    """Another committer holds the store, or has committed to it meanwhile."""


class StoreWriteError(StoreError, OSError):
    """Writing failed (full disk, read-only, no network); the store stands at its last commit."""

    exit_code = 1


class StoreReadError(StoreError, OSError):
    """Stored bytes are missing, truncated or changed."""

    exit_code = 1


class LayoutMismatch(StoreError, ValueError):
    """A layout, or the arrays given for it, do not fit what is asked for or stored."""


class BlockWrittenTwice(StoreError, ValueError):
    """One committer was given the same cell twice."""
