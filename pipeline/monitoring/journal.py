"""What happens in a run, one line of JSON for each event: for programs that collect logs."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from relusweep.pipeline.common.redaction import redact
from relusweep.pipeline.common.usage import Span
from relusweep.pipeline.monitoring.events import (
    BlockDone,
    BlockFailed,
    Committed,
    Event,
    Listener,
    PlanStarted,
    RunFinished,
    StoreUnwritable,
    WorkersSeen,
)
from relusweep.pipeline.sweeps.base import Block

__all__ = ["journal"]

_log = logging.getLogger(__name__)


@contextmanager
def journal(target: str, run_id: str) -> Iterator[Listener]:
    """Append what happens to a file while the context lasts, each line when it happens.

    Also what this program logs itself, as warnings. See docs/watching.md for the fields.

    Parameters
    ----------
    target : str
        A file, made if it does not exist, or ``-`` for standard error.
    run_id : str
        In every line.

    Yields
    ------
    callable
        Give it every event of the run.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    handler = logging.StreamHandler(sys.stderr) if target == "-" else _file(target)
    handler.setFormatter(_JsonLines(run_id))
    ours = logging.getLogger("relusweep")
    before = ours.level
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    journal = _Journal()
    try:
        yield journal
    except BaseException as error:
        journal.ended_by(error)
        raise
    finally:
        ours.removeHandler(handler)
        ours.setLevel(before)
        handler.close()


def _file(name: str) -> logging.Handler:
    path = Path(name).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    return logging.FileHandler(path, encoding="utf-8")


class _JsonLines(logging.Formatter):
    def __init__(self, run_id: str) -> None:
        super().__init__()
        self._run = run_id

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": getattr(record, "event", "message"),
            "run": self._run,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return redact(json.dumps(line, default=str))


class _Journal:
    """Puts events into the log; those of blocks name the group that goes."""

    def __init__(self) -> None:
        self._group = ""
        self._workers: WorkersSeen | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, PlanStarted):
            self._plan_started(event)
        elif isinstance(event, WorkersSeen):
            self._workers_seen(event)
        elif isinstance(event, BlockDone):
            self._block("block done", event.block, event.spans, successes=event.successes)
        elif isinstance(event, BlockFailed):
            self._block("block failed", event.block, (), error=event.error)
        elif isinstance(event, Committed):
            self._tell("committed", version=event.version, blocks=event.blocks)
        elif isinstance(event, StoreUnwritable):
            self._tell("store unwritable", logging.WARNING, error=event.error, seconds=event.pause)
        elif isinstance(event, RunFinished):
            self._run_finished(event)

    def _plan_started(self, event: PlanStarted) -> None:
        plan = event.plan
        self._group = plan.sweep.group
        fingerprint = f"{plan.sweep.fingerprint:016x}"
        counts = {"total": plan.total, "done": plan.done, "blocks": len(plan.blocks)}
        self._tell("plan started", fingerprint=fingerprint, unit=plan.sweep.unit, **counts)

    def _workers_seen(self, event: WorkersSeen) -> None:
        if event != self._workers:
            self._workers = event
            self._tell("workers", **event._asdict())

    def _block(self, what: str, block: Block, spans: Sequence[Span], **fields: Any) -> None:
        self._tell(
            what,
            logging.WARNING if "error" in fields else logging.INFO,
            block=block.key,
            cells={dim: [labels[0], labels[-1]] for dim, labels in block.labels},
            fingerprint=f"{block.fingerprint:016x}",
            seconds=sum(span.stop - span.start for span in spans),
            worker=sorted({span.thread for span in spans}),
            **fields,
        )

    def _run_finished(self, event: RunFinished) -> None:
        seconds = event.facts.get("seconds")
        ended = {"interrupted": event.interrupted, "cancelled": event.cancelled}
        self._tell("run finished", seconds=seconds, failed=len(event.failed), **ended)

    def ended_by(self, error: BaseException) -> None:
        """Tell that there will be no `RunFinished`."""
        self._tell("run failed", logging.ERROR, error=f"{type(error).__name__}: {error}")

    def _tell(self, what: str, level: int = logging.INFO, **fields: Any) -> None:
        _log.log(level, what, extra={"event": what, "fields": {"group": self._group, **fields}})
