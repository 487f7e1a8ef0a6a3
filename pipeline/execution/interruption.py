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
    """What a signal calls: it sets the events of all who run inside one another, once."""

    def __init__(self) -> None:
        self.asked: list[threading.Event] = []
        self.before = {number: signal.getsignal(number) for number in _SIGNALS}

    def __call__(self, number: int, frame: FrameType | None) -> None:
        for event in self.asked:
            event.set()
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
        another such context, the first signal sets the events of both.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    outer = signal.getsignal(signal.SIGTERM)
    request = outer if isinstance(outer, _Request) else _Request()
    request.asked.append(asked)
    if request is not outer:
        for number in _SIGNALS:
            signal.signal(number, request)
    try:
        yield asked
    finally:
        request.asked.remove(asked)
        if not request.asked:
            request.restore()
