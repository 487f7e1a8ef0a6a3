"""The interface between `relusweep.cluster.connect.connect` and each kind of cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from distributed.security import Security

__all__ = ["Backend", "BackendStatus", "ClusterBackend"]

C = TypeVar("C", bound=Any)


class BackendStatus(NamedTuple):
    """The state of the workers.

    Attributes
    ----------
    wanted, running, pending : int
        Numbers of workers: asked for, known to the scheduler, expected to join.
    message : str
        The same in words, with what went wrong.
    """

    wanted: int
    running: int
    pending: int
    message: str


class Backend(Protocol):
    """A scheduler with workers; each kind of configuration has one class, which is made from it."""

    def start(self) -> None:
        """Start scheduler and workers; when this returns, the scheduler answers."""

    @property
    def address(self) -> str:
        """Address of the scheduler."""

    @property
    def security(self) -> Security | None:
        """Certificates that a client needs; None where traffic is plain."""

    def scale(self, workers: int) -> None:
        """Change the number of workers."""

    def reconcile(self) -> None:
        """Replace what died; a thread calls this every second."""

    def status(self) -> BackendStatus:
        """Count the workers."""

    def close(self) -> None:
        """Stop whatever `start` started, even if that failed halfway."""


class ClusterBackend(Generic[C]):
    """Base of the backends whose `start` makes a Dask cluster object."""

    _cluster: C | None = None

    @property
    def address(self) -> str:
        """Address of the scheduler."""
        return str(self._started.scheduler_address)

    def close(self) -> None:
        """Stop whatever `start` started, even if that failed halfway."""
        if self._cluster is not None:
            self._cluster.close()

    @property
    def _started(self) -> C:
        if self._cluster is None:
            raise RuntimeError("the cluster has not been started")
        return self._cluster
