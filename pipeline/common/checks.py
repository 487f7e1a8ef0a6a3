"""What a look at a machine or a cluster has found."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Check"]


class Check(NamedTuple):
    """One thing that was looked at: what was found, and where it is wrong, how to mend it."""

    what: str
    found: str
    remedy: str | None = None
