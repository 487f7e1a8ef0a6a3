"""What a process has used, and when a thread was busy; apart from the rest, so that workers import little."""

from __future__ import annotations

import re
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

__all__ = ["Span", "Usage", "timed", "usage"]

A = TypeVar("A")
R = TypeVar("R")


class Usage(NamedTuple):
    """Seconds of processor time since the process began, bytes of memory at its peak."""

    cpu_seconds: float
    peak_bytes: int


class Span(NamedTuple):
    """When a thread computed something: its name, and seconds since the epoch."""

    thread: str
    start: float
    stop: float


def usage() -> Usage:
    """Measure this process."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    return Usage(own.ru_utime + own.ru_stime, _peak_bytes(own.ru_maxrss))


def _peak_bytes(maxrss: int) -> int:
    # Linux hands `maxrss` on to a process that is spawned: a worker's would be that of its large parent.
    status = Path("/proc/self/status")
    own = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.exists() else None
    if own:
        return int(own[1]) * 1024
    return maxrss * (1 if sys.platform == "darwin" else 1024)


def timed(task: Callable[[A], R], argument: A) -> tuple[R, Span]:
    """Compute, and say who did it and when."""
    start = time.time()  # of the whole machine: other clocks differ from process to process
    result = task(argument)
    return result, Span(f"{socket.gethostname()} {threading.get_native_id()}", start, time.time())
