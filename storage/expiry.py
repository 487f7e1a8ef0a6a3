"""Deleting old versions, always under the writer's lock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import icechunk

from relusweep.storage.errors import ExpiryTooSoon
from relusweep.storage.repository import BRANCH
from relusweep.storage.versions import snapshots

__all__ = ["expire"]

_LEAST = timedelta(days=1)


def expire(repository: icechunk.Repository, older_than: timedelta, *, dry_run: bool) -> dict[str, Any]:
    """Expire versions and collect garbage; see `relusweep.storage.committer.Committer.expire`."""
    if older_than < _LEAST:
        raise ExpiryTooSoon(
            f"versions must be at least one day old to expire, got {older_than}: what a run has written and "
            "not yet committed belongs to no version, and with a smaller age garbage collection has deleted "
            "chunks of a run"
        )
    before = datetime.now(UTC) - older_than
    old = _old_versions(repository, before)
    if not dry_run:
        repository.expire_snapshots(before)
    freed = repository.garbage_collect(before, dry_run=dry_run)
    return {
        "before": before.isoformat(timespec="seconds"),
        "expired": old,
        "kept_tags": sorted(repository.list_tags()),
        "bytes_freed": freed.bytes_deleted,
    }


def _old_versions(repository: icechunk.Repository, before: datetime) -> list[str]:
    """Find what will be forgotten, newest first: Icechunk counts tagged versions too, and has no dry run."""
    kept = {repository.lookup_branch(BRANCH), *map(repository.lookup_tag, repository.list_tags())}
    return [
        info.id
        for info in snapshots(repository)
        if info.written_at < before and info.id not in kept and info.parent_id is not None
    ]
