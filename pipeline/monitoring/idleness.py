"""How long the threads of the workers had nothing to do, from the first task of a run to the last."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from relusweep.pipeline.common.usage import Span

__all__ = ["Shift"]


class Shift:
    """The time from the first moment at which a thread computed to the last."""

    def __init__(self) -> None:
        self._busy = 0.0  # seconds, summed over the threads
        self._begin = inf
        self._last: dict[str, float] = {}

    def add(self, spans: Iterable[Span]) -> None:
        """Count what has been computed."""
        for span in spans:
            self._busy += span.stop - span.start
            self._begin = min(self._begin, span.start)
            self._last[span.thread] = max(span.stop, self._last.get(span.thread, span.stop))

    def idle_shares(self, threads: int) -> dict[str, float]:
        """Give the shares of the time in which threads had nothing to do.

        Parameters
        ----------
        threads : int
            How many there are; one that never computed was idle.

        Returns
        -------
        dict
            ``idle_share``, of all threads, and ``idle_at_end_share``, of the one that was the first to have
            nothing more to do; empty if nothing has been computed. When a worker dies, its threads and those
            that replace them count as idle for as long as they are not there.
        """
        if not self._last:
            return {}
        end = max(self._last.values())
        seconds = end - self._begin
        first = min(self._last.values()) if len(self._last) >= threads else self._begin
        return {
            "idle_share": 1 - self._busy / (max(threads, len(self._last)) * seconds),
            "idle_at_end_share": (end - first) / seconds,
        }
