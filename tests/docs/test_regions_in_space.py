"""The Python of the page on regions says what it prints."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "regions.md").read_text()


def blocks(heading):
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


def test_regions(capsys):
    (block,) = blocks("Up to six dimensions")
    exec(block, {})
    counts, inside, behind, volume = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\d+ \d+ True", counts)
    assert inside == "True"
    assert re.fullmatch(r"\[\d+\]", behind)
    assert abs(float(volume) - 16) < 1e-9


def test_the_tropical_form(capsys):
    (block,) = blocks("Tropical form")
    exec(block, {})
    form, value = capsys.readouterr().out.splitlines()
    assert f"`{form}`" in PAGE
    assert value == "[Fraction(-7, 2)]"
