"""What a process has used; apart from the rest, so that workers import nothing else for it."""

from __future__ import annotations

import resource
import sys
from typing import NamedTuple

__all__ = ["Usage", "usage"]


class Usage(NamedTuple):
    """Seconds of processor time since the process began, bytes of memory at its peak."""

    cpu_seconds: float
    peak_bytes: int


def usage() -> Usage:
    """Measure this process."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    return Usage(own.ru_utime + own.ru_stime, own.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
