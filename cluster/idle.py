"""The HTTP route by which the Dask operator asks a scheduler in a pod since when it has been idle.

Named in the scheduler's settings. It is the only route of the scheduler's HTTP API that is served: the
API has no TLS, and another of its routes lets anyone retire workers.
"""

from distributed.http.scheduler.api import CheckIdleHandler

__all__ = ["routes"]

routes: list[tuple[str, type, dict[str, object]]] = [("/api/v1/check_idle", CheckIdleHandler, {})]
