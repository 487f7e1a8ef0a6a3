"""What every place is to `cluster.connect.connect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from distributed.security import Security

__all__ = ["Place", "PlaceStatus"]


class PlaceStatus(NamedTuple):
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


class Place(Protocol):
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

    def status(self) -> PlaceStatus:
        """Tell how it stands."""

    def close(self) -> None:
        """Stop whatever `start` started; also when that failed halfway."""
