"""What follows a night's work: its version gets a name and is compared with the last; old ones may go."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.nightly.schedule import Schedule
from relusweep.storage import Committer, InvalidTag, StoreNotFound, history, open_dataset

__all__ = ["Change", "change_since", "forget", "name_version"]

_MOST_NAMES = 100

logger = logging.getLogger(__name__)


class Change(NamedTuple):
    """How a version differs from that of the night before.

    Attributes
    ----------
    before, after : str
        Tags, or the id of a version.
    changed, added, removed, significant : int
        Cells of other values, new cells, cells that are gone, and rates that differ by more than chance.
    page : str or None
        File of the comparison in its folder; None where it could not be written.
    """

    before: str
    after: str
    changed: int
    added: int
    removed: int
    significant: int
    page: str | None

    @property
    def words(self) -> str:
        """Say it."""
        counts = f"{self.changed:,} changed, {self.added:,} added, {self.removed:,} removed"
        return f"cells since {self.before}: {counts}"


def name_version(store: str, tag: str, version: str, naming: str | None, note: Callable[[str], None]) -> str:
    """Tag a version; with a number behind the tag where there is one, or was.

    What a night tags is its own, and no other's: it may be deleted later.

    Parameters
    ----------
    store, tag, version : str
    naming : str or None
        What an earlier process of the night has noted last.
    note : callable
        Told of every tag before it is made.
    """
    names = [tag, *(f"{tag}-{number}" for number in range(2, _MOST_NAMES))]
    with Committer(store) as committer:
        tags = {name: of.id for of in history(store) for name in of.tags}
        if naming is not None and tags.get(naming) == version:
            return naming
        for name in names:
            if name in tags:
                continue
            note(name)
            try:
                committer.tag(name, version)
            except InvalidTag:  # there was one
                continue
            return name
    raise InvalidTag(f"{store} has {len(names)} tags {tag}, {tag}-2 and so on: there is no other name left")


def change_since(before: str | None, after: str, group: str, store: str, folder: Path) -> Change | None:
    """Compare a group with what it was, and write the page; None where there is nothing before.

    Parameters
    ----------
    before, after : str
        Tags or ids of versions.
    group : str
        Of a sweep, or of all its stages.
    store : str
    folder : Path
        Where the page goes.
    """
    if before is None or not _has(store, before, group):
        return None
    from relusweep.pipeline.versions.compare import compare
    from relusweep.pipeline.versions.page import write_versions_page

    found = compare(store, before, after, group)
    try:
        page = write_versions_page(found, folder).name
    except OSError as error:  # a full disk must not hide what has changed
        logger.warning("no page of the comparison of %s with %s: %s", after, before, error)
        page = None
    counts = (int(found.attrs[f"n_{what}"]) for what in ("changed_cells", "added_cells", "removed_cells"))
    changed, added, removed = counts
    return Change(before, after, changed, added, removed, int(found.attrs["n_significant"]), page)


def forget(schedule: Schedule, old: Sequence[str]) -> list[str]:
    """Let go of what a schedule does not keep, under the lock of the store; say what that was.

    Parameters
    ----------
    schedule : Schedule
    old : sequence of str
        Tags of its nights that go, if they have not gone yet.
    """
    words: list[str] = []
    if schedule.keep_nights is None and schedule.keep_days is None:
        return words
    with Committer(schedule.store) as committer:
        if schedule.keep_nights is not None:
            there = {name for version in history(schedule.store) for name in version.tags}
            going = [tag for tag in old if tag in there]
            for tag in going:
                committer.delete_tag(tag)
            words.append(f"{counted(len(going), 'tag')} of older nights deleted")
        if schedule.keep_days is not None:
            gone = committer.expire(timedelta(days=schedule.keep_days))["expired"]
            age = counted(schedule.keep_days, "day")
            words.append(f"{counted(len(gone), 'version')} older than {age} removed; those with tags stay")
    return words


def _has(store: str, version: str, group: str) -> bool:
    try:
        open_dataset(store, group, version=version)
    except StoreNotFound:
        return False
    return True
