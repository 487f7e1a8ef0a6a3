"""Looks after a place while its client is in use."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from relusweep.cluster.backend import Backend

__all__ = ["reconciling"]

_EVERY = 1.0

_logger = logging.getLogger(__name__)


@contextmanager
def reconciling(backend: Backend, every: float = _EVERY) -> Iterator[None]:
    """Let a thread replace what dies at a place.

    Parameters
    ----------
    backend : Backend
    every : float
        Seconds from the end of one look to the next.
    """
    left = threading.Event()

    def look_after() -> None:
        while not left.wait(every):
            try:
                backend.reconcile()
            except Exception:  # whatever it is, the next look may go better; workers at work are not touched
                _logger.exception("could not look after the workers; trying again in %g s", every)

    thread = threading.Thread(target=look_after, name="relusweep-reconcile", daemon=True)
    thread.start()
    try:
        yield
    finally:
        left.set()
        thread.join()
