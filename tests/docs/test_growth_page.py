"""The Python of docs/growth.md runs and prints what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relusweep.tasks.constructions import names

PAGE = (Path(__file__).parents[2] / "docs" / "growth.md").read_text()


def test_the_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    source = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
    exec(compile(source, "growth.md", "exec"), {})
    sizes, claim, floats, gaussian, logistic = capsys.readouterr().out.splitlines()
    assert sizes.startswith("135 27 ")
    assert claim.startswith("True 0.00077")
    assert floats == "[19, 13]"
    assert gaussian == "gaussian 2e+04 2e+09 5e+20 8e+35"
    assert logistic == "logistic 4e+11 1e+23 8e+45 4e+85"


@pytest.mark.parametrize("name", names())
def test_every_construction_is_described(name: str) -> None:
    assert f"`{name}`" in PAGE
