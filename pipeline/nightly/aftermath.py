"""What follows a night's work: its version gets a name, and is compared with that of the night before."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from storage import Committer, InvalidTag, StoreNotFound, history, open_dataset

__all__ = ["Change", "change_since", "name_version"]

_MOST_NAMES = 100


class Change(NamedTuple):
    """How a version differs from that of the night before.

    Attributes
    ----------
    before, after : str
        Tags, or the id of a version.
    changed, added, removed, significant : int
        Cells of other values, new cells, cells that are gone, and rates that differ by more than chance.
    page : Path
        Of the comparison.
    """

    before: str
    after: str
    changed: int
    added: int
    removed: int
    significant: int
    page: Path

    @property
    def words(self) -> str:
        """Say it."""
        counts = f"{self.changed:,} changed, {self.added:,} added, {self.removed:,} removed"
        return f"cells since {self.before}: {counts}"


def name_version(store: str, tag: str, version: str) -> str:
    """Tag a version; with a number behind the tag where it names another version, or once did.

    Returns
    -------
    str
        The tag: that of a night begun twice is found again.
    """
    tags = {name: of.id for of in history(store) for name in of.tags}
    names = [tag, *(f"{tag}-{number}" for number in range(2, _MOST_NAMES))]
    with Committer(store) as committer:
        for name in names:
            if tags.get(name) == version:
                return name
            try:
                committer.tag(name, version)
            except InvalidTag:  # taken
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
    from pipeline.compare import compare, write_comparison

    found = compare(store, before, after, group)
    page = write_comparison(found, folder)
    counts = (int(found.attrs[f"n_{what}"]) for what in ("changed_cells", "added_cells", "removed_cells"))
    changed, added, removed = counts
    return Change(before, after, changed, added, removed, int(found.attrs["n_significant"]), page)


def _has(store: str, version: str, group: str) -> bool:
    try:
        open_dataset(store, group, version=version)
    except StoreNotFound:
        return False
    return True
