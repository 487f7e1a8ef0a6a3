"""Which chunks can differ between two versions: known from the commits in between, without reading any."""

from dataclasses import dataclass

import icechunk

from relusweep.storage.repository import Url, open_repository
from relusweep.storage.versions import find_version

__all__ = ["ChangedChunks", "changed_chunks"]


@dataclass(frozen=True)
class ChangedChunks:
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

    def may_differ(self, path: str) -> set[tuple[int, ...]] | None:
        """Give the chunks of an array that may differ, None for all of them."""
        if self.chunks is None or path in self.anew:
            return None
        return self.chunks.get(path, set())


def changed_chunks(url: Url, a: str, b: str) -> ChangedChunks:
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
    return ChangedChunks(None, frozenset())


def _between(repository: icechunk.Repository, older: str, newer: str) -> ChangedChunks:
    if older == newer:  # of which Icechunk has no difference
        return ChangedChunks({}, frozenset())
    found = repository.diff(from_snapshot_id=older, to_snapshot_id=newer)
    written = {path.strip("/"): {tuple(at) for at in places} for path, places in found.updated_chunks.items()}
    made = {path.strip("/") for path in (*found.new_arrays, *found.deleted_arrays)}
    return ChangedChunks(written, frozenset(made))
