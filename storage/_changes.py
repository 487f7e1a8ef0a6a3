"""Which chunks can differ between two versions: known from what was committed between, without reading."""

from collections.abc import Container
from dataclasses import dataclass

import icechunk

from relusweep.storage.repository import Url, open_repository
from relusweep.storage.versions import find_version

__all__ = ["Changes", "changes"]


@dataclass(frozen=True)
class Changes:
    """What may differ between two versions.

    Attributes
    ----------
    chunks : dict of set of tuple of int, or None
        By the path of an array, as ``boolean/npn4/loss``, the places in the grid of chunks that were written
        between the versions. None where that is not known: an expiry has cut what leads to one from the
        other.
    anew : frozenset of str
        Paths of arrays that were made or deleted between them, of which any chunk may differ.
    """

    chunks: dict[str, set[tuple[int, ...]]] | None
    anew: frozenset[str]

    def may_differ(self, path: str) -> Container[tuple[int, ...]] | None:
        """Give the chunks of an array that may differ, None for all of them."""
        if self.chunks is None or path in self.anew:
            return None
        return self.chunks.get(path, set())


def changes(url: Url, a: str, b: str) -> Changes:
    """Find what may differ between two versions.

    Parameters
    ----------
    url
        The store.
    a, b
        Versions as `relusweep.storage.versions.resolve` takes them, in any order.

    Raises
    ------
    StoreNotFound, UnknownVersion
        There is no store, or no such version.
    """
    repository = open_repository(url)
    first, second = (find_version(repository, at) for at in (a, b))
    for older, newer in ((first, second), (second, first)):
        if older in (info.id for info in repository.ancestry(snapshot_id=newer)):
            return _between(repository, older, newer)
    return Changes(None, frozenset())


def _between(repository: icechunk.Repository, older: str, newer: str) -> Changes:
    if older == newer:  # of which Icechunk has no difference
        return Changes({}, frozenset())
    found = repository.diff(from_snapshot_id=older, to_snapshot_id=newer)
    written = {path.strip("/"): {tuple(at) for at in places} for path, places in found.updated_chunks.items()}
    made = {path.strip("/") for path in (*found.new_arrays, *found.deleted_arrays)}
    return Changes(written, frozenset(made))
