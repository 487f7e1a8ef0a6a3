"""Which runs a store has seen, read from their records alone: the same from every machine that sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from relusweep.storage import Records

__all__ = ["Run", "ask_to_stop", "cancel_name", "prune", "read_runs", "run_name"]

LIVE = frozenset({"submitted", "running"})

# A driver writes every two seconds; one whose store does not answer for a moment is not lost yet.
_SILENCE = timedelta(seconds=30)

_KEPT = 100
_PRUNED_AT_ONCE = 20  # or every run would read the records of all


@dataclass(frozen=True)
class Run:
    """The record of a run, as a reader takes it.

    Attributes
    ----------
    document : Mapping
        What the driver wrote, see docs/watching.md.
    state : str
        As written, or ``lost`` where a run that should go gives no sign.
    queue : str, optional
        What Slurm says of one that has not begun; see `relusweep.pipeline.monitoring.waiting`.
    """

    document: Mapping[str, Any]
    state: str
    queue: str | None = None

    @property
    def id(self) -> str:
        """Name of the run."""
        return str(self.document["id"])

    @property
    def goes(self) -> bool:
        """Whether it goes on, or waits to begin."""
        return self.state in LIVE


def run_name(run_id: str) -> str:
    """Name the record of a run."""
    return f"runs/{run_id}"


def cancel_name(run_id: str) -> str:
    """Name the record that asks a run to stop."""
    return f"cancel/{run_id}"


def ask_to_stop(store: str, run_id: str) -> None:
    """Ask a run to stop; its driver does within seconds, with all that has come committed.

    Raises
    ------
    relusweep.storage.StoreWriteError
        The store cannot be written.
    """
    Records(store).put(cancel_name(run_id), {"asked": datetime.now(UTC).isoformat(timespec="seconds")})


def read_runs(store: str, most: int = 10, *, silence: timedelta = _SILENCE) -> list[Run]:
    """Read the newest runs of a store, so many at most, the newest first; it need not exist.

    One that should go and has written nothing for `silence` is lost.

    Raises
    ------
    relusweep.storage.StoreReadError
        The records cannot be read.
    """
    records = Records(store)
    names = reversed(records.names("runs"))
    documents = (records.get(name) for name in names)
    return list(islice((Run(doc, _state(doc, silence)) for doc in documents if doc), most))


def prune(records: Records) -> None:
    """Delete the oldest records of runs that are over, where there are too many."""
    names = records.names("runs")
    if len(names) < _KEPT + _PRUNED_AT_ONCE:
        return
    for name in names[:-_KEPT]:
        document = records.get(name)
        if document and _state(document) not in LIVE:
            records.delete(name)
            records.delete(cancel_name(name.removeprefix("runs/")))


def _state(document: Mapping[str, Any], silence: timedelta = _SILENCE) -> str:
    state = str(document.get("state"))
    if state != "running":
        return state
    silent = datetime.now(UTC) - datetime.fromisoformat(document["seen"])
    return "lost" if silent > silence else state
