"""docs/reproduction.md names sources, sweeps and sections of pages that there are."""

from __future__ import annotations

import re
from pathlib import Path

from relusweep.pipeline.reproduction.plan import SOURCES
from relusweep.pipeline.sweeps.named import SWEEPS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reproduction.md").read_text()
ROWS = re.findall(r"^\| .* \|$", PAGE, re.MULTILINE)


def test_every_sweep_is_known_and_every_one_reproduces_something() -> None:
    named = set(re.findall(r"`(?:run|animate) (\w+)", "\n".join(ROWS)))
    assert named == SWEEPS.keys() - {"npn2", "npn3", "frontier3"}  # rehearsals


def test_sections_are_headings_of_pages() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "pipeline" / "report").rglob("*.py"))
    cells = [row.split(" | ")[2] for row in ROWS if "| `run " in row]
    sections = {
        part for cell in cells for part in re.sub(r", picture `\w+`|\[.*|picture `\w+`", "", cell).split("; ")
    }
    assert len(sections) > 20
    assert not {section for section in sections if section and f'"{section}' not in sources}


def test_every_source_has_a_section_with_its_sweeps() -> None:
    sources = re.findall(r"\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)
    assert [name for name, _ in sources] == list(SOURCES)
    for name, heading in sources[1:]:
        section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
        assert set(re.findall(r"`run (\w+)", section)) == {step.sweep for step in SOURCES[name].steps}


def test_commands_are_of_sources_that_there_are() -> None:
    commands = re.findall(r"^relusweep reproduce (\w+)", PAGE, re.MULTILINE)
    assert len(commands) > 3
    assert set(commands) <= set(SOURCES)
