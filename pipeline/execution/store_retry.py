"""A store that cannot be written for a while: a full disk, a file server that restarts, a network down."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event as Flag
from time import monotonic

from relusweep.pipeline.monitoring.events import Committed, Event, StoreUnwritable
from relusweep.storage import Committer, StoreError, StoreWriteError

__all__ = ["StoreRetry"]

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0


class StoreRetry:
    """Waits until a store can be written again, with pauses that double; gives up when asked to stop.

    It tells every `StoreUnwritable`, and gives up too after `timeout` seconds without a commit.
    """

    def __init__(
        self, committer: Committer, asked_to_stop: Flag, tell: Callable[[Event], None], timeout: float
    ) -> None:
        self._committer, self._asked_to_stop, self._tell = committer, asked_to_stop, tell
        self._timeout = timeout
        self._since: float | None = None
        self._pause = _FIRST_PAUSE

    def notice(self, event: Event) -> None:
        """Begin to count anew after a commit: a probe alone may find room where a block finds none."""
        if isinstance(event, Committed):
            self._since, self._pause = None, _FIRST_PAUSE

    def wait(self, error: StoreWriteError) -> None:
        """Return when the store can be written again.

        Raises
        ------
        StoreWriteError
            `error`, when that takes too long or the user stops the run.
        """
        self._since = monotonic() if self._since is None else self._since
        reason = str(error)
        while (left := self._since + self._timeout - monotonic()) > 0:
            self._tell(StoreUnwritable(reason, self._pause, left))
            if self._asked_to_stop.wait(self._pause):
                break
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            try:
                return self._committer.reopen()
            except StoreError as still:
                reason = str(still)
        raise error
