"""Who works for a client, and where its scheduler can be watched."""

from __future__ import annotations

import logging
from importlib.metadata import version
from time import monotonic
from typing import TYPE_CHECKING

from relusweep.pipeline.monitoring.events import WorkersSeen

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["WorkerMonitor"]

_EVERY = 2.0
_TIMEOUT = 5.0  # of a message, seconds

_log = logging.getLogger(__name__)


class WorkerMonitor:
    """Asks a scheduler for its workers, every two seconds at most: a small message, whatever their number."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._due = 0.0
        pages = _pages(client)
        # One server serves both, and the pages of the dashboard end in their name.
        self._metrics = pages and pages.removesuffix("/status") + "/metrics"
        self._dashboard = pages if pages and _has_bokeh(client) else None

    def poll(self) -> WorkersSeen | None:
        """Give the workers if it is time to, and the scheduler answers."""
        if monotonic() < self._due:
            return None
        self._due = monotonic() + _EVERY
        scheduler = self._client.scheduler
        if scheduler is None:  # the connection was closed
            return None
        try:
            known = self._client.sync(scheduler.identity, n_workers=0, callback_timeout=_TIMEOUT)
        except (OSError, TimeoutError) as error:  # lost futures tell of a scheduler that died
            _log.info("the scheduler does not say who works: %r", error)
            return None
        return WorkersSeen(known["n_workers"], known["total_threads"], self._dashboard, self._metrics)


def _has_bokeh(client: Client) -> bool:
    """Ask the scheduler, whose pages say otherwise only that they need it."""
    try:
        client.run_on_scheduler(version, "bokeh")
    except Exception:  # it is missing there, or the scheduler runs nothing for clients
        return False
    return True


def _pages(client: Client) -> str | None:
    try:
        link = client.dashboard_link
    except (KeyError, OSError):  # it serves none, or the user's template of links does not fit
        return None
    return str(link) if link else None
