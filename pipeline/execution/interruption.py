"""Ctrl-C as a request: the run stops where it stands, and keeps what it has."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["interruption"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Request:
    """What a signal calls once: it sets an event, and those of the contexts around it."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._before: dict[int, Any] = {number: signal.getsignal(number) for number in _SIGNALS}
        for number in _SIGNALS:
            signal.signal(number, self)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.asked.set()
        self.restore()
        if isinstance(outer := self._before[number], _Request):
            outer(number, frame)

    def restore(self) -> None:
        current: Any = signal.getsignal(signal.SIGTERM)
        if current is self:
            for number, handler in self._before.items():
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
    if threading.current_thread() is not threading.main_thread():
        yield threading.Event()
        return
    request = _Request()
    try:
        yield request.asked
    finally:
        request.restore()
