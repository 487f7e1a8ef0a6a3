"""What a scheduled run has found, JSON-able: another process may have to resume from it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pydantic import BaseModel

from relusweep.pipeline.common.wording import counted

__all__ = ["CANCELLED", "Diff", "Drift", "Report"]

CANCELLED = "its run was cancelled"


class Drift(NamedTuple):
    """A number that has other bits when it is computed again; digits tell the two apart."""

    group: str
    variable: str
    cell: str
    then: str
    now: str


class Diff(BaseModel):
    """How a version differs from that of the run before.

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
    def counts(self) -> str:
        """How many cells differ."""
        return f"{self.changed:,} changed, {self.added:,} added, {self.removed:,} removed"


class Report(BaseModel):
    """What was computed, and how that differs from what the store had.

    Attributes
    ----------
    cells, drifted : int
        Cells computed, and those of which a number differs from the store's.
    drift : list of Drift
        The first of those numbers.
    failed : list of str
        Blocks that raised, and why.
    interrupted : bool
        Whether it was stopped before the end.
    sentences : list of str
        What was done, and what was left out.
    versions : dict
        By group, the libraries' versions ``then`` and ``now``.
    version, run : str or None
        Ids of the version of the store that it is about, and of the run or verification.
    diff : Diff or None
        Since the run before.
    """

    cells: int = 0
    drifted: int = 0
    drift: list[Drift] = []
    failed: list[str] = []
    interrupted: bool = False
    sentences: list[str] = []
    versions: dict[str, dict[str, dict[str, str]]] = {}
    version: str | None = None
    run: str | None = None
    diff: Diff | None = None

    @property
    def changed(self) -> int:
        """Cells that have changed since the run before."""
        return 0 if self.diff is None else self.diff.changed

    @property
    def outcome(self) -> Literal["well", "drifted", "failed"]:
        """What the run ends as."""
        return "failed" if self.failed else "drifted" if self.drifted or self.changed else "well"

    @property
    def message(self) -> str:
        """The outcome in a line."""
        sentences = [*self.sentences]
        if self.diff is not None:
            sentences.append(f"cells since {self.diff.before}: {self.diff.counts}")
        if self.drifted:
            sentences.insert(0, f"{counted(self.drifted, 'cell')} came out with other bits")
        if self.failed:
            more = f", and {len(self.failed) - 1} more" if len(self.failed) > 1 else ""
            sentences.insert(0, self.failed[0] + more)
        return "; ".join(sentences)
