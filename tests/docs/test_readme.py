"""The commands and the Python of the README do what it says, on a sweep small enough for a test."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from relusweep.cluster import read_config

pytestmark = pytest.mark.timeout(900)  # some twenty commands, each a process

README = (Path(__file__).parents[2] / "README.md").read_text()
SMALL = ["--set", "problems=27030,1785", "--set", "depth=1", "--set", "epochs=20", "--set", "width=2,3"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every command of the README has been run, in order, on a part of the sweep."""
    folder = tmp_path_factory.mktemp("readme")
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    for text in blocks("yaml"):
        name = re.match(r"# (\S+\.yaml):", text)
        assert name
        (folder / name[1]).write_text(text)
    commands = [line for text in blocks("sh") for line in text.splitlines() if line.startswith("relusweep")]
    assert len(commands) > 5
    for line in commands:
        words = shlex.split(line, comments=True)
        small = SMALL if words[1] in ("plan", "run") or words[1:3] == ["nightly", "add"] else []
        subprocess.run(
            [Path(sys.executable).with_name("relusweep"), *words[1:], *small],
            cwd=folder,
            env=environment,
            check=True,
        )
    return folder


def test_the_commands_leave_what_they_promise(folder: Path) -> None:
    assert (folder / "results").is_dir()
    assert (folder / "report" / "report.html").is_file()


@pytest.mark.parametrize("source", blocks("python"))
def test_the_python_runs(folder: Path, source: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", source], cwd=folder, check=True)


@pytest.mark.parametrize("source", blocks("yaml"))
def test_the_sweep_file_is_valid(folder: Path, source: str) -> None:
    name = source.split(":")[0].removeprefix("# ")
    trials = yaml.safe_load(source)["trials"]
    plan = [Path(sys.executable).with_name("relusweep"), "plan", name]
    said = subprocess.run(plan, cwd=folder, check=True, capture_output=True, text=True).stdout
    assert f"trials 0 to {min(trials, 100) - 1}" in said


@pytest.mark.parametrize("source", blocks("yml"))
def test_the_cluster_file_is_valid(tmp_path: Path, source: str) -> None:
    (tmp_path / "cluster.yaml").write_text(source)
    assert read_config(tmp_path / "cluster.yaml").kind == "slurm"
