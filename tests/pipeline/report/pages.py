"""Read a page of a report as a browser would."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

TWO_LINES = 230  # letters, with the number of the figure and the names of its files


class Page(HTMLParser):
    """Parse a page, and keep what it refers to and says.

    Complains about tags that do not match, names that come twice, sections that its contents do not list, and
    captions of more than two lines.
    """

    VOID = frozenset({"meta", "img", "link", "br", "hr"})

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.ids: list[str] = []
        self.sections: list[str] = []
        self.captions: list[str] = []
        self.images: list[dict[str, str]] = []
        self.tags: set[str] = set()
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert not self.open
        assert len(self.ids) == len(set(self.ids))
        links = [link.removeprefix("#") for link in self.references if link.startswith("#")]
        assert links == (self.sections if "nav" in self.tags else [])
        assert [caption for caption in self.captions if len(" ".join(caption.split())) > TWO_LINES] == []
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        named = {name: value or "" for name, value in attrs}
        self.ids += [named["id"]] if "id" in named else []
        if tag == "section":
            self.sections.append(named["id"])
        self.references += [named[name] for name in ("src", "srcset", "href", "data") if name in named]
        if tag == "img":
            self.images.append(named)
        if tag == "figcaption":
            self.captions.append("")
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in {"td", "th"}:
            self.rows[-1][-1] += data
        if "figcaption" in self.open and "details" not in self.open:
            self.captions[-1] += data
        if "style" not in self.open:
            self.text += " " + data

    def outside(self, folder: Path) -> list[str]:
        """List references that lead neither into the page nor to a file beside it."""
        inside = ("data:image/svg+xml;base64,", "#")
        return [to for to in self.references if not to.startswith(inside) and not (folder / to).is_file()]
