"""What the work of a night has given, JSON-able: a later process may have to go on from it."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import BaseModel

__all__ = ["CANCELLED", "Drift", "Worked"]

CANCELLED = "its run was cancelled"


class Drift(NamedTuple):
    """A number that did not come again.

    Attributes
    ----------
    group, variable : str
    cell : str
        Its labels, in words.
    then, now : str
        Digits that tell the two apart.
    """

    group: str
    variable: str
    cell: str
    then: str
    now: str


class Worked(BaseModel):
    """What was computed.

    Attributes
    ----------
    cells : int
        Computed tonight.
    drifted : int
        Cells of which a number differs from the store's.
    drift : list of Drift
        The first of those numbers.
    failed : list of str
        Blocks that raised, and why.
    interrupted : bool
        Whether it was stopped before the end.
    sentences : list of str
        What was done, and what was left out.
    groups : list of str
        In the store.
    versions : dict
        By group, the libraries' versions ``then`` and ``now``.
    version : str or None
        Id of the version of the store that it is about.
    run : str or None
        Id of the run, or of the verification.
    """

    cells: int = 0
    drifted: int = 0
    drift: list[Drift] = []
    failed: list[str] = []
    interrupted: bool = False
    sentences: list[str] = []
    groups: list[str] = []
    versions: dict[str, dict[str, dict[str, str]]] = {}
    version: str | None = None
    run: str | None = None
