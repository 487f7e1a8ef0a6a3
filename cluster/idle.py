"""The question of the Dask operator to a scheduler in a pod: since when has it had nothing to do.

Named in the scheduler's settings. Of the scheduler's HTTP API this is all: it knows no certificates, and
another of its pages retires workers for whoever asks.
"""

from distributed.http.scheduler.api import CheckIdleHandler

__all__ = ["routes"]

routes: list[tuple[str, type, dict[str, object]]] = [("/api/v1/check_idle", CheckIdleHandler, {})]
