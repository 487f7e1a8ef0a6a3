"""What docs/versions.md says, done in order: its commands, then its Python."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[2] / "docs" / "versions.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every command of the page has been run, in order."""
    folder = tmp_path_factory.mktemp("versions")
    commands = [line for text in blocks("sh") for line in text.splitlines()]
    assert len(commands) > 10
    relusweep = [sys.executable, "-m", "relusweep"]
    for line in commands:
        subprocess.run([*relusweep, *shlex.split(line)[1:]], cwd=folder, check=True)
    return folder


def test_the_commands_leave_what_they_promise(folder: Path) -> None:
    assert (folder / "report-first" / "report.html").is_file()
    assert (folder / "comparison" / "comparison.html").is_file()


@pytest.mark.parametrize("source", blocks("python"))
def test_the_python_runs(folder: Path, source: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", source], cwd=folder, check=True)
