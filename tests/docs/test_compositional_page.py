"""The Python of docs/compositional.md runs and prints what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "compositional.md").read_text()


def test_the_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(source, "compositional.md", "exec"), {})
    *errors, found = capsys.readouterr().out.splitlines()
    assert [float(line.split()[1]) for line in errors] == [4.0 ** (-n - 1) for n in range(6)]
    assert "pieces=array([32]" in found
    assert "[ 1,  2,  4,  8, 16]" in found
