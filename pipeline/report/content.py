"""What a report says, whatever it is of: a kind gives a `Content`, the frame makes it a page.

There are two kinds, of trained networks and of networks of images, and one for any other; all are in
`relusweep.pipeline.report.kinds`. Each is a package with two functions:

``page.content(data) -> Content``
    The page: what was asked, the figures at its head, sections of text, pictures and tables. All text is
    plain: the frame escapes it. The frame itself adds the contents, how many networks ran and which did not,
    which did not stay finite, the scale beside that of the named sweep, the run, how to open the data, the
    specification and the versions.
``terminal.overview(data) -> Sequence[str | Table]``
    What ``relusweep show`` prints: paragraphs and tables, which the page may show too. It draws nothing.

The data are a group as xarray opens it, parts of which may not have run (NaN), or for images the tree of
all stages. Of that the frame adds the stages, what each took, and how to open the data.

The report of trained networks, `relusweep.pipeline.report.training`, is of any problem. A problem may add
figures of its own: a package with the same two functions, named in `training.families` with the dims that it
expects. Its sections come after those on the axes; what it shows of two axes the frame does not show again.
A probe may add sections to any problem's page: a package with ``page.sections`` and ``terminal.overview``,
named there too.
Shared by all: `text` (numbers in words), `training.axes` (labels), `drawing` (maps, dots with intervals),
`theme` (colours, `Picture`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import pandas as pd

    from relusweep.pipeline.report.theme import Picture

__all__ = ["Attachment", "Block", "Content", "Folded", "KeyFigure", "Section", "Table"]


_LONGEST_WORDS = 60  # letters of a cell that stays on one line


class KeyFigure(NamedTuple):
    """A number at the head of the page.

    Attributes
    ----------
    what, value, note : str
        Its name, the number with its unit, and what it means.
    """

    what: str
    value: str
    note: str


class Table(NamedTuple):
    """A table of the page or of the terminal.

    Attributes
    ----------
    title : str
        What the rows are.
    cells : pandas.DataFrame
        Text of every cell under its heading.
    code : tuple of str
        Headings of the columns that are set in letters of one width.
    """

    title: str
    cells: pd.DataFrame
    code: tuple[str, ...] = ()

    @property
    def prose(self) -> frozenset[str]:
        """Headings of the columns that hold sentences, which are broken into lines."""
        longest = {name: max(map(len, map(str, of)), default=0) for name, of in self.cells.items()}
        return frozenset(str(name) for name, most in longest.items() if most > _LONGEST_WORDS)

    @property
    def width(self) -> int:
        """Letters of a line at its narrowest: spaces may end one, but not in cells of the first column."""
        columns = [
            [word for cell in [name, *of] for word in str(cell).split()] for name, of in self.cells.items()
        ]
        columns[0] += map(str, self.cells.iloc[:, 0])
        return sum(max(map(len, of), default=0) + 2 for of in columns)


class Attachment(NamedTuple):
    """A file beside the page, to which it links.

    Attributes
    ----------
    name : str
        Of the file.
    words : str
        Of the link.
    write : callable
        Writes the file at a path.
    """

    name: str
    words: str
    write: Callable[[Path], None]


@dataclass(frozen=True)
class Folded:
    """Blocks that the reader unfolds; not printed on paper.

    Attributes
    ----------
    summary : str
        What is inside. Pictures are numbered from 1 in the order in which they come in the page.
    blocks : sequence of Block
    """

    summary: str
    blocks: Sequence[Block]


Block: TypeAlias = "str | Picture | Table | Attachment | Folded"
"""What a section consists of; a string is a paragraph."""


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    heading: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Content:
    """What the page of a sweep says beside what every page does.

    Attributes
    ----------
    subject : str
        What the sweep is about, in a few words; the title of the page with the name of the sweep.
    heading : str
        The question that it answers.
    lead : str
        What was trained on what, in a sentence or two.
    borrowed, chapter : str
        What is taken from the source, and from where in it, for the foot of the page.
    key_figures : sequence of KeyFigure
        The results in numbers.
    not_run : sequence of str
        Of which parts networks have not run, in sentences; that some have not, the frame says.
    smaller : sequence of str
        What the axes leave out of the whole problem or of the source, in sentences; where there are none, the
        frame says what they leave out of the named sweep.
    sections : sequence of Section
        The results.
    questions : sequence of str
        Lines of Python that ask something of ``results``, the dataset as the page tells to open it.
    nouns : Mapping of str to str
        What one label along a dim is called, where it is not called like the dim.
    """

    subject: str
    heading: str
    lead: str
    borrowed: str
    chapter: str
    key_figures: Sequence[KeyFigure]
    sections: Sequence[Section]
    not_run: Sequence[str] = ()
    smaller: Sequence[str] = ()
    questions: Sequence[str] = (
        'results.sweep.success_rate("trial")   # rate, low, high (95 % Wilson)',
        "results.sweep.missing()               # what has not run",
    )
    nouns: Mapping[str, str] = field(default_factory=dict)
