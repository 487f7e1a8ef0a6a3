"""Call a backend's `reconcile` regularly while its client is in use."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from relusweep.cluster.backend import Backend

__all__ = ["reconciling"]

_logger = logging.getLogger(__name__)


@contextmanager
def reconciling(backend: Backend, every: float = 1.0) -> Iterator[None]:
    """Let a thread replace workers that die.

    Parameters
    ----------
    backend : Backend
    every : float
        Seconds between the end of one call and the next.
    """
    left = threading.Event()

    def repeat() -> None:
        while not left.wait(every):
            try:
                backend.reconcile()
            except Exception:  # whatever it is, the next call may succeed; running workers are not touched
                _logger.exception("could not check the workers; trying again in %g s", every)

    thread = threading.Thread(target=repeat, name="relusweep-reconcile", daemon=True)
    thread.start()
    try:
        yield
    finally:
        left.set()
        thread.join()
