"""The record of a run, beside the store while it goes: for whoever watches it, and may ask it to stop."""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from relusweep.pipeline.common.errors import InvalidRun
from relusweep.pipeline.common.redaction import redact
from relusweep.pipeline.monitoring.events import (
    BlockDone,
    BlockFailed,
    Event,
    PlanStarted,
    RunFinished,
    StoreUnwritable,
    WorkersSeen,
)
from relusweep.pipeline.monitoring.run_metrics import failures
from relusweep.pipeline.monitoring.runs import cancel_name, prune, run_name
from relusweep.pipeline.monitoring.tally import Tally
from relusweep.pipeline.planning.plan import Plan
from relusweep.storage import Records, StoreError
from relusweep.storage.repository import in_full

__all__ = ["Record", "new_run_id", "recorded"]

_TOLD_FAILURES = 50
_FAREWELL = 15.0  # seconds that a heartbeat under way may take to end
_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,99}", re.ASCII)

_log = logging.getLogger(__name__)


def new_run_id(run_id: str | None = None) -> str:
    """Name a run: as given, else as RELUSWEEP_RUN_ID has it, else by the time and four digits of chance.

    Raises
    ------
    InvalidRun
        It is no name.

    Examples
    --------
    >>> new_run_id("20261122T210500-3fa9")
    '20261122T210500-3fa9'
    """
    chosen = run_id or os.environ.get("RELUSWEEP_RUN_ID")
    if chosen is None:
        return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
    if not _ID.fullmatch(chosen):
        raise InvalidRun(f"a run is named by letters, digits, _, - and ., at most 100, not {chosen!r}")
    return chosen


@contextmanager
def recorded(
    store: str, run_id: str | None, facts: dict[str, Any], heartbeat: float = 2.0
) -> Iterator[Record]:
    """Keep the record of a run while the context lasts, and in it how the run ended.

    A run that is refused before it begins leaves a record only if it has one: of one that was submitted.

    Parameters
    ----------
    store : str
    run_id : str, optional
        See `new_run_id`.
    facts : dict
        What is known of the run from the start.
    heartbeat : float
        Seconds between two states of the record.
    """
    record = Record(store, new_run_id(run_id), facts, heartbeat)
    try:
        yield record
    except BaseException as error:
        stopped = "interrupted" if isinstance(error, KeyboardInterrupt | SystemExit) else "failed"
        state = "cancelled" if record.cancelled else stopped  # while it waited, as for the store
        record.end(state, redact(f"{type(error).__name__}: {error}"))
        raise
    record.end(record.outcome)


class Record:
    """Writes the record of one run, again and again, in a thread of its own.

    Not in the run's: a store that answers slowly, or not at all, must not keep blocks waiting.

    Attributes
    ----------
    id : str
    cancelled : bool
        Whether somebody has asked the run to stop.
    outcome : str
        State of the run after its last event.
    """

    def __init__(self, store: str, run_id: str, facts: dict[str, Any], heartbeat: float = 2.0) -> None:
        self._heartbeat = heartbeat
        self.id, self.cancelled, self.outcome = run_id, False, "failed"
        self._records = Records(store)
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()  # what is written is of one moment
        self._tallies: dict[str, Tally] = {}  # by group
        self._failed: list[BlockFailed] = []
        self._told_of_failure = False
        self._document: dict[str, Any] = {
            "id": run_id,
            "state": "running",
            "does": "compute",
            "store": in_full(store),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "job": os.environ.get("SLURM_JOB_ID"),
            "started": _now(),
            **dict.fromkeys(("ended", "error", "waits", "dashboard", "metrics")),
            **dict.fromkeys(("workers", "threads"), 0),
            "groups": {},
            **facts,
        }

    def begin(self, plans: Sequence[Plan], asked_to_stop: threading.Event) -> None:
        """Begin to write what will be computed: the store is ours. ``cancel/<id>`` sets `asked_to_stop`."""
        self._document["groups"] = {
            plan.sweep.group: {"unit": plan.sweep.unit, "total": plan.total, "done": plan.done}
            for plan in plans
        }
        self._asked_to_stop = asked_to_stop
        self._thread = threading.Thread(target=self._live, name="heartbeat", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        with self._lock:
            if isinstance(event, PlanStarted):
                self._start(event.plan)
            elif isinstance(event, BlockDone | BlockFailed):
                self._tallies[event.group].add(event)
                self._document["groups"][event.group]["done"] = self._tallies[event.group].done
                if isinstance(event, BlockFailed):
                    self._failed.append(event)
            elif isinstance(event, StoreUnwritable):
                self._document["waits"] = redact(event.error)
            elif isinstance(event, WorkersSeen):
                self._document |= event._asdict()
            elif isinstance(event, RunFinished):
                stopped = event.interrupted and ("cancelled" if event.cancelled else "interrupted")
                self.outcome = stopped or ("failed" if event.failed else "finished")

    def _start(self, plan: Plan) -> None:
        """Begin to count a stage, perhaps once more: what the store did not take is planned again."""
        group = plan.sweep.group
        self._tallies[group] = Tally(plan)
        self._document["waits"] = None
        self._document["groups"][group] |= {"total": plan.total, "done": plan.done}
        self._failed = [failure for failure in self._failed if failure.group != group]

    def end(self, state: str, error: str | None = None) -> None:
        """Write the last state, and make room for other runs' records."""
        if self._thread is not None:
            self._over.set()
            self._thread.join(_FAREWELL)
        elif not self._submitted():
            return
        self._document |= {"state": state, "error": error, "ended": _now()}
        self.beat()
        try:
            self._records.delete(cancel_name(self.id))
            prune(self._records)
        except StoreError as failure:
            self._warn(failure)

    def _submitted(self) -> bool:
        try:
            return self._records.get(run_name(self.id)) is not None
        except StoreError:
            return False

    def _live(self) -> None:
        while True:
            self.beat()
            self._look()
            if self._over.wait(self._heartbeat):
                return

    def beat(self) -> None:
        """Write how things are now."""
        with self._lock:
            document = {**self._document, **self._progress(), "seen": _now()}
        try:
            self._records.put(run_name(self.id), document)
        except StoreError as failure:  # the run itself may yet go on: that is for its commits to find out
            self._warn(failure)
        else:
            self._told_of_failure = False

    def _look(self) -> None:
        """Stop the run, as SIGTERM does, where that is asked for."""
        try:
            asked = self._records.get(cancel_name(self.id)) is not None
        except StoreError as failure:
            self._warn(failure)
            return
        if asked and not self.cancelled:
            self.cancelled = True
            self._asked_to_stop.set()

    def _progress(self) -> dict[str, Any]:
        stage = self._stage()
        tally = stage and self._tallies[stage]
        speed = {"rate": tally.rate if tally else 0.0, "seconds_left": tally and tally.seconds_left}
        lost = sum(tally.not_finite for tally in self._tallies.values())
        return {"stage": stage, **speed, "not_finite": lost, **failures(self._failed, _TOLD_FAILURES)}

    def _stage(self) -> str | None:
        """Choose the last of the stages of which some blocks have come and some not; else the next one."""
        left = [group for group, tally in self._tallies.items() if tally.blocks_left]
        begun = [group for group in left if self._tallies[group].cells or self._tallies[group].failures]
        return next(iter(begun[-1:] or left[:1] or [*self._tallies][-1:]), None)

    def _warn(self, failure: StoreError) -> None:
        if not self._told_of_failure:  # once an outage, not every two seconds
            self._told_of_failure = True
            _log.warning("%s; the run goes on, who watches it sees no sign of it", failure)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
