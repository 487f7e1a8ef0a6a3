"""How a version of the store differs from that of the run before."""

from __future__ import annotations

import logging
from pathlib import Path

from relusweep.pipeline.nightly.report import Diff
from relusweep.pipeline.versions.compare import compare, write_comparison
from relusweep.storage import StoreNotFound, open_dataset

__all__ = ["diff_since"]

logger = logging.getLogger(__name__)


def diff_since(before: str | None, after: str, group: str, store: str, folder: Path) -> Diff | None:
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
    found = compare(store, before, after, group)
    try:
        page = write_comparison(found, folder).name
    except OSError as error:  # a full disk must not hide what has changed
        logger.warning("no page of the comparison of %s with %s: %s", after, before, error)
        page = None
    changed, added, removed = (
        int(found.attrs[f"n_{what}_cells"]) for what in ("changed", "added", "removed")
    )
    return Diff(
        before=before,
        after=after,
        changed=changed,
        added=added,
        removed=removed,
        significant=int(found.attrs["n_significant"]),
        page=page,
    )


def _has(store: str, version: str, group: str) -> bool:
    try:
        open_dataset(store, group, version=version)
    except StoreNotFound:
        return False
    return True
