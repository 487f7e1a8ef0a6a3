"""How long the threads of the workers had nothing to do while others computed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from math import inf

from relusweep.pipeline.common.usage import Span

__all__ = ["Shift", "idle_shares"]


class Shift:
    """The time from the first moment at which a thread computed to the last.

    Attributes
    ----------
    busy : float
        Seconds that threads computed, summed over them.
    """

    def __init__(self) -> None:
        self.busy = 0.0
        self._begin = inf
        self._last: dict[str, float] = {}

    def add(self, spans: Iterable[Span]) -> None:
        """Count what has been computed."""
        for span in spans:
            self.busy += span.stop - span.start
            self._begin = min(self._begin, span.start)
            self._last[span.thread] = max(span.stop, self._last.get(span.thread, span.stop))

    @property
    def seconds(self) -> float:
        """How long it was."""
        return max(self._last.values()) - self._begin if self._last else 0.0

    def present(self, threads: int) -> float:
        """Give the seconds in which threads could compute, summed over them."""
        return max(threads, len(self._last)) * self.seconds

    def waited(self, threads: int) -> float:
        """Give the seconds from when the first thread had nothing more to do, to the end."""
        if len(self._last) < threads:
            return self.seconds
        return max(self._last.values()) - min(self._last.values())


def idle_shares(shifts: Collection[Shift], threads: int) -> dict[str, float]:
    """Give the shares of a run in which threads had nothing to do.

    Parameters
    ----------
    shifts : collection of Shift
        One for each plan of the run: between them nobody computes.
    threads : int
        How many there are; one that never computed was idle.

    Returns
    -------
    dict
        ``idle_share``, of all threads, and ``idle_at_end_share``, of the one that was the first to have
        nothing more to do; empty if nothing has been computed. When a worker dies, its threads and those
        that replace them count as idle for as long as they are not there.
    """
    seconds = sum(shift.seconds for shift in shifts)
    if not seconds:
        return {}
    busy = sum(shift.busy for shift in shifts)
    return {
        "idle_share": 1 - busy / sum(shift.present(threads) for shift in shifts),
        "idle_at_end_share": sum(shift.waited(threads) for shift in shifts) / seconds,
    }
