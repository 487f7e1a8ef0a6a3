"""What a source reports, as data: which named sweeps show it, and at which scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

__all__ = ["SCALES", "Elsewhere", "Scale", "Source", "Step"]

Scale = Literal["small", "source", "large"]
SCALES: tuple[Scale, ...] = ("small", "source", "large")


@dataclass(frozen=True)
class Step:
    """A named sweep that shows a part of what a source reports.

    Attributes
    ----------
    sweep : str
        Its name; at the scale ``large`` it is run as it is.
    shows : str
        What of the source it shows.
    sections : str
        Which sections of the sweep's own page show it.
    small, source : str, optional
        What is changed at these scales: ``field=value``, separated by spaces, as behind ``--set``. None where
        the sweep is left out: it is too large for a small scale, or goes beyond the source. Labels are among
        those of the named sweep, so that a small scale grows into a large one; where other fields change, so
        does the name.
    images : bool
        Whether it needs a data set of images.
    """

    sweep: str
    shows: str
    sections: str
    small: str | None = ""
    source: str | None = ""
    images: bool = False

    def settings(self, scale: Scale) -> tuple[str, ...] | None:
        """Give what is changed at a scale; None where the sweep is left out."""
        changes = {"small": self.small, "source": self.source, "large": ""}[scale]
        return None if changes is None else tuple(changes.split())


class Elsewhere(NamedTuple):
    """A part of what a source reports that no sweep shows, and what does."""

    shows: str
    where: str


@dataclass(frozen=True)
class Source:
    """A source.

    Attributes
    ----------
    title : str
        What it is about, in a few words.
    reference : str
        Authors, title, place and year.
    steps : tuple of Step
        In the order in which they are run.
    elsewhere : tuple of Elsewhere
    """

    title: str
    reference: str
    steps: tuple[Step, ...]
    elsewhere: tuple[Elsewhere, ...] = ()
