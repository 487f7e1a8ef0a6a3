"""What happens in a run, one line of JSON for each event: for programs that collect logs."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from relusweep.pipeline.common.paths import expanded
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
        journal.tell("run failed", logging.ERROR, error=f"{type(error).__name__}: {error}")
        raise
    finally:
        ours.removeHandler(handler)
        ours.setLevel(before)
        handler.close()


def _file(name: str) -> logging.Handler:
    path = expanded(name)
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
    """Puts events into the log; what concerns no stage alone names the group that was asked for."""

    def __init__(self) -> None:
        self._group = ""
        self._workers: WorkersSeen | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, PlanStarted):
            self._plan_started(event)
        elif isinstance(event, WorkersSeen):
            if event != self._workers:
                self._workers = event
                self.tell("workers", **event._asdict())
        elif isinstance(event, BlockDone):
            self._block(
                "block done", event, event.spans, successes=event.successes, not_finite=event.not_finite
            )
        elif isinstance(event, BlockFailed):
            self._block("block failed", event, (), error=event.error)
        elif isinstance(event, Committed):
            self.tell("committed", version=event.version, blocks=event.blocks, groups=event.groups)
        elif isinstance(event, StoreUnwritable):
            self.tell("store unwritable", logging.WARNING, error=event.error, seconds=event.pause)
        elif isinstance(event, RunFinished):
            ended = {"interrupted": event.interrupted, "cancelled": event.cancelled}
            seconds, failed = event.facts.get("seconds"), len(event.failed)
            self.tell("run finished", seconds=seconds, failed=failed, diverged=event.diverged, **ended)

    def _plan_started(self, event: PlanStarted) -> None:
        plan = event.plan
        self._group = plan.sweep.group
        fingerprint = f"{plan.sweep.fingerprint:016x}"
        counts = {"total": plan.total, "done": plan.done, "blocks": len(plan.blocks)}
        self.tell("plan started", fingerprint=fingerprint, unit=plan.sweep.unit, **counts)

    def _block(self, what: str, event: BlockDone | BlockFailed, spans: Sequence[Span], **fields: Any) -> None:
        block = event.block
        self.tell(
            what,
            logging.WARNING if "error" in fields else logging.INFO,
            group=event.group,
            block=block.key,
            cells={dim: [labels[0], labels[-1]] for dim, labels in block.labels},
            fingerprint=f"{block.fingerprint:016x}",
            seconds=sum(span.stop - span.start for span in spans),
            worker=sorted({span.thread for span in spans}),
            **fields,
        )

    def tell(self, what: str, level: int = logging.INFO, **fields: Any) -> None:
        _log.log(level, what, extra={"event": what, "fields": {"group": self._group, **fields}})
