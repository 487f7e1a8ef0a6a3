"""Which versions of the store keep a name, and which go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.nightly.schedule import Schedule
from relusweep.storage import Committer, InvalidTag, history

__all__ = ["apply_retention", "tag_version"]

_MOST_TAGS = 100


def tag_version(store: str, tag: str, version: str, noted: str | None, note: Callable[[str], object]) -> str:
    """Tag a version, with a number behind the tag where there is one of that name, or was; give the tag.

    A run's tag is its own, and no other's: it may be deleted later.

    Parameters
    ----------
    noted : str or None
        The last tag that an earlier process of the run has noted.
    note : callable
        Called with every tag before it is made.
    """
    with Committer(store) as committer:
        tags = {name: of.id for of in history(store) for name in of.tags}
        if noted is not None and tags.get(noted) == version:
            return noted
        for name in (tag, *(f"{tag}-{number}" for number in range(2, _MOST_TAGS))):
            if name in tags:
                continue
            note(name)
            try:
                committer.tag(name, version)
            except InvalidTag:  # it was deleted, and does not come back
                continue
            return name
    raise InvalidTag(
        f"{store} has or had all tags {tag}, {tag}-2 … {tag}-{_MOST_TAGS - 1}: give the schedule another name"
    )


def apply_retention(schedule: Schedule, old: Sequence[str]) -> list[str]:
    """Delete the versions that a schedule does not keep, and `old` tags that are there; say what went."""
    sentences: list[str] = []
    if schedule.keep_nights is None and schedule.keep_days is None:
        return sentences
    with Committer(schedule.store) as committer:
        if schedule.keep_nights is not None:
            there = {name for version in history(schedule.store) for name in version.tags}
            going = [tag for tag in old if tag in there]
            for tag in going:
                committer.delete_tag(tag)
            sentences.append(f"{counted(len(going), 'tag')} of older nights deleted")
        if schedule.keep_days is not None:
            expired = committer.expire(timedelta(days=schedule.keep_days))["expired"]
            age = counted(schedule.keep_days, "day")
            sentences.append(
                f"{counted(len(expired), 'version')} older than {age} removed; those with tags stay"
            )
    return sentences
