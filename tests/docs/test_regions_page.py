"""The code of docs/regions.md runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "regions.md").read_text()


def test_the_plane(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    section = PAGE.split("\n## In the plane")[1].split("\n## ")[0]
    names: dict[str, object] = {}
    for source in re.findall(r"```python\n(.*?)```", section, re.DOTALL):
        exec(compile(source, "docs/regions.md", "exec"), names)
    said = capsys.readouterr().out
    assert "linear regions of 8 + 8 units on [-2, 2] x [-2, 2]" in said
    assert Path("regions.png").stat().st_size > 10_000
    assert said.splitlines()[-1].startswith("4 [-1 -2")
