"""How answers are shown: as text on a terminal, as tables in a notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import PosixPath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Page", "Shown", "Table"]


class Table(NamedTuple):
    """A table of text.

    Attributes
    ----------
    title : str
    head : sequence of str
        Names of the columns; none where the first column names the rows.
    rows : sequence of sequence of str
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    @classmethod
    def of(cls, title: str, cells: pd.DataFrame) -> Table:
        """Make one of a data frame."""
        rows = [[*map(str, row)] for row in cells.itertuples(index=False)]
        return cls(title, [*map(str, cells.columns)], rows)

    @property
    def lines(self) -> list[str]:
        """Head and rows, in letters of one width."""
        lines = [*([self.head] if self.head else []), *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return ["  ".join(["", *map(str.ljust, line, widths)]).rstrip() for line in lines]

    @property
    def html(self) -> str:
        """The table as an element of a page."""
        head = "".join(f"<th>{escape(cell)}</th>" for cell in self.head)
        body = "".join(
            "<tr>" + "".join(f'<td style="text-align:left">{escape(cell)}</td>' for cell in row) + "</tr>"
            for row in self.rows
        )
        above = f"<thead><tr>{head}</tr></thead>" if head else ""
        return f"<table><caption>{escape(self.title)}</caption>{above}<tbody>{body}</tbody></table>"


class Shown(ABC):
    """Something that a terminal shows as text and a notebook as tables."""

    @abstractmethod
    def _blocks(self) -> Iterable[str | Table]:
        """Give the paragraphs and tables."""

    def __repr__(self) -> str:
        blocks = (
            [block] if isinstance(block, str) else [block.title, *block.lines] for block in self._blocks()
        )
        return "\n\n".join(map("\n".join, blocks))

    def _repr_html_(self) -> str:
        return "".join(
            f"<p>{escape(block)}</p>" if isinstance(block, str) else block.html for block in self._blocks()
        )


class Page(PosixPath):
    """The path of a page; a notebook shows it as a link."""

    def _repr_html_(self) -> str:
        here, page = PosixPath.cwd(), self.absolute()
        link = page.relative_to(here).as_posix() if page.is_relative_to(here) else page.as_uri()
        return f'<a href="{escape(link)}" target="_blank">{escape(str(self))}</a>'
