"""Names for versions, from Python."""

from __future__ import annotations

from relusweep.pipeline.python.results import Store, Version
from relusweep.storage import Committer

__all__ = ["tag"]


def tag(store: Store, name: str, at: Version | None = None) -> str:
    """Name a version of a store, the newest by default, for good: the name never moves.

    Parameters
    ----------
    store : path
        A directory, or ``s3://bucket/prefix``.
    name : str
        Letters, digits, ``.``, ``_`` and ``-``.
    at : str or datetime, optional
        As for `relusweep.open`.

    Returns
    -------
    str
        The id of the version.

    Raises
    ------
    relusweep.errors.InvalidTag
        The name is taken, or has other characters.
    relusweep.errors.StoreLocked
        A run writes to the store.
    """
    with Committer(store) as committer:
        return committer.tag(name, None if at is None else str(at))
