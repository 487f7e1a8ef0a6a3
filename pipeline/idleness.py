"""How long the threads of the workers had nothing to do while others computed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from math import inf

from pipeline.usage import Span

__all__ = ["Shift", "idle_shares"]


class Shift:
    """What the threads did from the first moment at which one computed to the last."""

    def __init__(self) -> None:
        self.busy: defaultdict[str, float] = defaultdict(float)
        self._last: dict[str, float] = {}
        self._begin = inf

    def add(self, spans: Iterable[Span]) -> None:
        """Count what has been computed."""
        for span in spans:
            self._begin = min(self._begin, span.start)
            self.busy[span.thread] += span.stop - span.start
            self._last[span.thread] = max(self._last.get(span.thread, span.stop), span.stop)

    @property
    def seconds(self) -> float:
        """How long it was."""
        return max(self._last.values()) - self._begin if self._last else 0.0

    def waited(self, threads: int) -> float:
        """Give the seconds from when the first of so many threads had nothing more to do, to the end."""
        if len(self._last) < threads:
            return self.seconds
        return max(self._last.values()) - min(self._last.values()) if self._last else 0.0


def idle_shares(shifts: Collection[Shift], threads: int) -> dict[str, float]:
    """Give the shares of a run that threads were idle.

    Parameters
    ----------
    shifts : collection of Shift
        One for each plan of the run: between them nobody computes.
    threads : int
        How many there are; one that never computed was idle.

    Returns
    -------
    dict
        ``idle_share``, over all threads, and ``idle_at_end_share``, of the thread that ran out of work first;
        empty if nothing has been computed. A thread whose worker died, and the one that replaced it, count
        as idle for the time in which they were not there.
    """
    seconds = sum(shift.seconds for shift in shifts)
    if not seconds:
        return {}
    there = sum(max(threads, len(shift.busy)) * shift.seconds for shift in shifts)
    return {
        "idle_share": 1 - sum(sum(shift.busy.values()) for shift in shifts) / there,
        "idle_at_end_share": sum(shift.waited(threads) for shift in shifts) / seconds,
    }
