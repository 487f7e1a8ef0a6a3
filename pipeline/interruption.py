"""Ctrl-C as a request: the run stops where it stands, and keeps what it has."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["interruption"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Request:
    """What a signal calls: it sets the event, once."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.before = {number: signal.getsignal(number) for number in _SIGNALS}

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.asked.set()
        self.restore()

    def restore(self) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)


@contextmanager
def interruption() -> Iterator[threading.Event]:
    """Turn the first SIGINT or SIGTERM into an event; the second does what it always does.

    Yields
    ------
    threading.Event
        Set from the first signal on. In a thread other than the main one, signals stay as they are. Within
        another such context it is the event of that one, so that all who run inside one another stop.
    """
    outer = signal.getsignal(signal.SIGTERM)
    if isinstance(outer, _Request):
        yield outer.asked
        return
    request = _Request()
    if threading.current_thread() is not threading.main_thread():
        yield request.asked
        return
    for number in _SIGNALS:
        signal.signal(number, request)
    try:
        yield request.asked
    finally:
        request.restore()
