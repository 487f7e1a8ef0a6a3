"""One night from claim to exit code: its work, a tag, a comparison with the last, a page, a webhook.

What is done is remembered in the ledger step by step, so that a night whose process was killed goes on.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from relusweep.cluster import ClusterError
from relusweep.pipeline.common.errors import LedgerError, SweepError
from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.monitoring.events import Listener
from relusweep.pipeline.nightly.aftermath import Change, change_since, forget, name_version
from relusweep.pipeline.nightly.ledger import Ledger
from relusweep.pipeline.nightly.modes import work
from relusweep.pipeline.nightly.rows import Claim, State, old_tags
from relusweep.pipeline.nightly.schedule import Schedule
from relusweep.pipeline.nightly.summary import write_summary
from relusweep.pipeline.nightly.webhook import post
from relusweep.pipeline.nightly.work import Worked
from relusweep.storage import StoreError, StoreLocked
from relusweep.tasks.images.errors import DataSetError

__all__ = ["EXIT_CODES", "Ended", "hold_night"]

EXIT_CODES: dict[State, int] = {"well": 0, "waiting": 0, "failed": 1, "drifted": 3, "interrupted": 130}

# A block that takes a machine's memory takes it every time.
_MOST_DEATHS = 3

logger = logging.getLogger(__name__)


class Ended(NamedTuple):
    """How a night has ended, or why it waits.

    Attributes
    ----------
    state : {'well', 'drifted', 'failed', 'waiting', 'interrupted'}
    words : str
    page : Path or None
        Its summary.
    """

    state: State
    words: str
    page: Path | None = None

    @property
    def code(self) -> int:
        """The exit code."""
        return EXIT_CODES[self.state]


def hold_night(ledger: Ledger, claim: Claim, listener: Listener) -> Ended:
    """Run a night that was claimed, close it in the ledger, and say how it has ended.

    A store that another run is writing makes the night wait for the next tick; when its next night is due
    and the store still is not free, it has failed. Whatever else goes wrong, the night has failed, and only
    the next one tries again. After SIGTERM or Ctrl-C, the next tick goes on with it.

    Parameters
    ----------
    ledger : Ledger
    claim : Claim
    listener : callable
        Told the events of runs.
    """
    if claim.night.deaths > _MOST_DEATHS:
        words = f"its process died {claim.night.deaths} times without a word, as when killed"
        return _close(ledger, claim, Worked(failed=[words]), None)
    worked, change = Worked(), None
    try:
        worked = _work(ledger, claim, listener)
        if worked.interrupted:
            return _let_go(ledger, claim, Ended("interrupted", "stopped; the next tick goes on with it"))
        change = _compare(ledger, claim, worked)
        if worked.version is not None:
            old = old_tags(ledger.nights(claim.schedule.name), claim.schedule.keep_nights)
            worked.sentences += forget(claim.schedule, old)
    except StoreLocked as error:
        if not claim.overdue:
            return _let_go(ledger, claim, Ended("waiting", f"waits: {error}"))
        worked.failed.append(f"until its next night was due, the store was not free: {error}")
    except LedgerError:  # what has become of the night cannot be written down
        raise
    except Exception as error:  # a night that failed is told, whatever it was
        if not isinstance(error, SweepError | StoreError | ClusterError | DataSetError):
            logger.exception("night %s of %s failed", claim.night.label, claim.schedule.name)
        worked.failed.append(f"{type(error).__name__}: {error}")
    return _close(ledger, claim, worked, change)


def _work(ledger: Ledger, claim: Claim, listener: Listener) -> Worked:
    def remember(**facts: Any) -> None:
        ledger.remember(claim, **facts)

    progress = claim.night.progress
    if "worked" in progress:
        return Worked.model_validate(progress["worked"])
    worked = work(claim, remember, listener)
    if not worked.interrupted:
        remember(worked=worked.model_dump(mode="json"))
    return worked


def _compare(ledger: Ledger, claim: Claim, worked: Worked) -> Change | None:
    """Tag the version, and compare it with that of the night before: once, since that may be let go next."""
    schedule, progress = claim.schedule, claim.night.progress
    if worked.version is None:
        return None
    if "change" not in progress:
        tag = _tag(ledger, claim, worked.version)
        # A refresh answers for what it found, whoever has written that since the night before.
        before = progress.get("before") or _last_tag(ledger, claim)
        found = change_since(before, tag, _compared(schedule), schedule.store, _folder(claim) / "comparison")
        ledger.remember(claim, change=None if found is None else found._asdict())
    change = None if progress["change"] is None else Change(**progress["change"])
    if schedule.mode == "refresh" and change is not None:
        worked.drifted = change.changed
    return change


def _tag(ledger: Ledger, claim: Claim, version: str) -> str:
    schedule, night = claim.schedule, claim.night

    def note(name: str) -> None:
        ledger.remember(claim, naming=name)

    wanted = f"nightly.{schedule.name}.{night.label}"
    tag = name_version(schedule.store, wanted, version, night.progress.get("naming"), note)
    ledger.remember(claim, tag=tag)
    return tag


def _compared(schedule: Schedule) -> str:
    """Name the group that is reported on."""
    return schedule.specification().report_group


def _last_tag(ledger: Ledger, claim: Claim) -> str | None:
    earlier = (night for night in ledger.nights(claim.schedule.name) if night.due < claim.night.due)
    return next((night.progress["tag"] for night in earlier if "tag" in night.progress), None)


def _close(ledger: Ledger, claim: Claim, worked: Worked, change: Change | None) -> Ended:
    changed = 0 if change is None else change.changed
    state: State = "failed" if worked.failed else "drifted" if worked.drifted or changed else "well"
    words, now = _words(worked, change), datetime.now(UTC)
    page = _write(claim, state, words, worked, change, now)
    ledger.remember(claim, page=None if page is None else str(page))
    if not ledger.finish(claim, state, EXIT_CODES[state], words, now):
        return Ended("interrupted", "its lease had run out, and another process has taken it over")
    if claim.schedule.webhook is not None and state != "well":
        message = {
            "schedule": claim.schedule.name,
            "due": claim.night.due.isoformat(),
            "outcome": state,
            "drifted": worked.drifted,
            "changed": changed,
            "failed": len(worked.failed),
            "summary": None if page is None else str(page),
            "store": claim.schedule.store,
        }
        post(claim.schedule.webhook, claim.schedule.webhook_host, message)
    return Ended(state, words, page)


def _write(
    claim: Claim, state: State, words: str, worked: Worked, change: Change | None, now: datetime
) -> Path | None:
    """Write the page; a full disk must not keep a night from being closed."""
    try:
        return write_summary(claim, state, words, worked, change, now, _folder(claim))
    except OSError as error:
        logger.warning("no summary of %s %s: %s", claim.schedule.name, claim.night.label, error)
        return None


def _let_go(ledger: Ledger, claim: Claim, ended: Ended) -> Ended:
    ledger.let_go(claim, "waiting" if ended.state == "waiting" else "interrupted", ended.words)
    return ended


def _words(worked: Worked, change: Change | None) -> str:
    words = [*worked.sentences]
    if worked.drifted:
        words.insert(0, f"{counted(worked.drifted, 'cell')} did not come again bit for bit")
    if change is not None:
        words.append(change.words)
    if worked.failed:
        more = f", and {len(worked.failed) - 1} more" if len(worked.failed) > 1 else ""
        words.insert(0, worked.failed[0] + more)
    return "; ".join(words)


def _folder(claim: Claim) -> Path:
    return Path(claim.schedule.folder) / claim.night.label
