"""How a version of the store differs from that of the run before."""

from __future__ import annotations

import logging
from pathlib import Path

from relusweep.pipeline.common.errors import IncomparableVersions
from relusweep.pipeline.nightly.report import Diff
from relusweep.pipeline.versions.compare import compare
from relusweep.pipeline.versions.page import write_versions_page
from relusweep.storage import StoreNotFound, UnknownVersion

__all__ = ["diff_since"]

logger = logging.getLogger(__name__)


def diff_since(before: str | None, after: str, group: str, store: str, folder: Path) -> Diff | None:
    """Compare a group with what it was, and write the page; None where there is nothing to compare.

    Parameters
    ----------
    before, after : str
        Tags or ids of versions; None where there was no run before.
    group : str
        Of a sweep, or of all its stages.
    store : str
    folder : Path
        Where the page goes.
    """
    if before is None:
        return None
    try:
        found = compare(store, before, after, group)
    except (
        StoreNotFound,
        UnknownVersion,
        IncomparableVersions,
    ):  # its tag was deleted; neither has the group
        return None
    try:
        page = write_versions_page(found, folder).name
    except OSError as error:  # a full disk must not hide what has changed
        logger.warning("no page of the comparison of %s with %s: %s", after, before, error)
        page = None
    counts = {what: int(found.attrs[f"n_{what}_cells"]) for what in ("changed", "added", "removed")}
    significant = int(found.attrs["n_significant"])
    return Diff(before=before, after=after, significant=significant, page=page, **counts)
