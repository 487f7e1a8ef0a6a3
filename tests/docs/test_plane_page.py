"""The commands and the Python of docs/plane.md do what it says, on a sweep small enough for a test."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "plane.md").read_text()
SMALL = ["--set", "trials=8", "--set", "epochs=20", "--set", "samples=80"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.slow
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    lines = [line for text in blocks("sh") for line in text.splitlines()]
    assert len(lines) == 5
    for line in lines:
        words = shlex.split(line)
        command = [Path(sys.executable).with_name("relusweep"), *words[1:]]
        command += SMALL if words[1] == "run" else []
        subprocess.run(command, cwd=tmp_path, check=True)
    for source in blocks("python"):
        subprocess.run([sys.executable, "-W", "error", "-c", source], cwd=tmp_path, check=True)
    left = {"animation.html", "xor.gif", "xor.html", "report", "results"}
    assert left <= {path.name for path in tmp_path.iterdir()}
