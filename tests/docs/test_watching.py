"""The page on watching does what it says."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from relusweep.cluster import Local

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[2] / "docs" / "watching.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every command of the page has been run, in order."""
    folder = tmp_path_factory.mktemp("watching")
    for text in blocks("sh"):
        for line in text.splitlines():
            words = shlex.split(line)[1:]
            small = ["--set", "depth=1", "--set", "epochs=20"] if words[0] == "run" else []
            command = [
                sys.executable,
                "-c",
                "from relusweep.pipeline.commands.app import main; main()",
                *words,
                *small,
            ]
            subprocess.run(command, cwd=folder, check=True)
    return folder


@pytest.mark.parametrize("source", blocks("python"))
def test_the_python_runs(folder: Path, source: str) -> None:
    command = [sys.executable, "-W", "error", "-c", source]
    said = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    assert said


def _fields(heading: str) -> set[str]:
    """The names in the first column of the first table of fields under a heading."""
    table = PAGE[PAGE.index(heading) :].split("| field |")[1].split("\n\n")[0]
    return {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_the_fields_are_those_that_are_written(folder: Path) -> None:
    (record,) = (folder / "results" / ".relusweep" / "runs").iterdir()
    assert _fields("### The records") - set(json.loads(record.read_text())) == {"slurm", "log"}  # submitted
    assert set(json.loads(record.read_text())) <= _fields("### The records")
    lines = (folder / "run.jsonl").read_text().splitlines()
    written = {name for line in lines for name in json.loads(line)}
    assert _fields("## Logs") - written == {"error"}  # nothing went wrong
    assert written <= _fields("## Logs")


def test_the_port_is_the_one_that_is_scraped() -> None:
    local, prometheus = map(yaml.safe_load, blocks("yaml"))
    port = Local.model_validate(local).dashboard
    assert prometheus["scrape_configs"][0]["static_configs"][0]["targets"] == [f"127.0.0.1:{port}"]
