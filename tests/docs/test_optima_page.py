"""The Python of docs/optima.md runs and prints what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "optima.md").read_text()


def test_the_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(source, "optima.md", "exec"), {})
    counted, best, parity = capsys.readouterr().out.splitlines()
    assert counted == "166 ['0', '4', '8/3']"
    assert best.startswith("True [")
    assert "('240/31', 1)" in parity
