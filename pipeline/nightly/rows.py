"""What the ledger tells of nights."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from relusweep.pipeline.nightly.schedule import Schedule

__all__ = ["Claim", "Night", "State", "old_tags"]

State = Literal["running", "waiting", "interrupted", "well", "drifted", "failed"]


class Night(NamedTuple):
    """A row of the ledger.

    Attributes
    ----------
    schedule : str
    due : datetime
        In UTC.
    label : str
        Its local date, with a number behind it where a day has several nights.
    state : {'running', 'waiting', 'interrupted', 'well', 'drifted', 'failed'}
    lease, started, finished : datetime or None
    skipped : int
        How many nights before it were missed and are not made up for.
    deaths : int
        How often its process ended without a word.
    progress : dict
        What a later claim must know to go on: see `relusweep.pipeline.nightly.night`.
    code : int or None
        Exit code.
    words : str
        What became of it.
    """

    schedule: str
    due: datetime
    label: str
    state: State
    owner: str
    lease: datetime
    started: datetime
    finished: datetime | None
    skipped: int
    deaths: int
    progress: dict[str, Any]
    code: int | None
    words: str


class Claim(NamedTuple):
    """A night that is ours to run.

    Attributes
    ----------
    schedule : Schedule
    night : Night
    overdue : bool
        Whether the next night is due already.
    """

    schedule: Schedule
    night: Night
    overdue: bool


def old_tags(nights: Sequence[Night], keep: int | None) -> list[str]:
    """Name the tags of nights that are to go.

    Parameters
    ----------
    nights : sequence of Night
        Of a schedule, the newest first.
    keep : int or None
        How many of them keep their tags; None for all.
    """
    tags = [night.progress["tag"] for night in nights if "tag" in night.progress]
    return [] if keep is None else tags[keep:]
