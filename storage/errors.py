# ruff: noqa: N818  (the names say what happened; the base class says that it is an error)
"""Everything the storage room can raise, in one tree.

Each error is also the builtin that it specialises, carries only its message, and so crosses processes.
"""

__all__ = [
    "BlockWrittenTwice",
    "ExpiryTooSoon",
    "InvalidTag",
    "LayoutMismatch",
    "StoreError",
    "StoreLocked",
    "StoreNotFound",
    "StoreReadError",
    "StoreWriteError",
    "UnknownPlace",
    "UnknownVersion",
]


class StoreError(Exception):
    """Something about a store; the base of all below."""

    exit_code = 2  # of a command that ends with it


class StoreNotFound(StoreError, FileNotFoundError):
    """No store, group, tag or version of that name."""


class UnknownPlace(StoreError, ValueError):
    """A URL of a kind that stores cannot be kept at."""


class UnknownVersion(StoreError, ValueError):
    """What was given for a moment is none."""


class InvalidTag(StoreError, ValueError):
    """A name that no tag can have: of other characters than allowed, taken, or of a tag that was deleted."""


class ExpiryTooSoon(StoreError, ValueError):
    """An age, or a moment, at which what would be deleted may be in use."""


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
