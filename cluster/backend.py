"""What every place is to `relusweep.cluster.connect.connect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from distributed.security import Security

__all__ = ["Backend", "BackendStatus", "ClusterBackend"]

C = TypeVar("C", bound=Any)


class BackendStatus(NamedTuple):
    """How a place stands.

    Attributes
    ----------
    wanted, running, pending : int
        Workers: asked for, known to the scheduler, on their way.
    words : str
        The same for people, with what went wrong.
    """

    wanted: int
    running: int
    pending: int
    words: str


class Backend(Protocol):
    """Somewhere with a scheduler and workers; one class for each kind of configuration, made from it."""

    def start(self) -> None:
        """Begin to bring up scheduler and workers; the scheduler answers when this returns."""

    @property
    def address(self) -> str:
        """Of the scheduler."""

    @property
    def security(self) -> Security | None:
        """What a client needs to be let in."""

    def scale(self, workers: int) -> None:
        """Ask for another number of workers."""

    def reconcile(self) -> None:
        """Replace what died; called every second from a thread."""

    def status(self) -> BackendStatus:
        """Tell how it stands."""

    def close(self) -> None:
        """Stop whatever `start` started; also when that failed halfway."""


class ClusterBackend(Generic[C]):
    """What places share whose scheduler is that of a Dask cluster object, which `start` makes."""

    _cluster: C | None = None

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return str(self._started.scheduler_address)

    def close(self) -> None:
        """Stop whatever `start` started; also when that failed halfway."""
        if self._cluster is not None:
            self._cluster.close()

    @property
    def _started(self) -> C:
        if self._cluster is None:
            raise RuntimeError("the place has not been started")
        return self._cluster
