"""The files of docs/clusters/slurm.md are valid, and its commands do what the page says on a real Slurm."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from relusweep.cluster import Slurm, read_config
from tests.extras import needs

if TYPE_CHECKING:
    from tests.cluster.slurm.slurm_site import SlurmSite

PAGE = (Path(__file__).parents[2] / "docs" / "clusters" / "slurm.md").read_text()
SMALL = ["--set", "trials=2", "--set", "width=2", "--set", "depth=1", "--set", "epochs=20"]


def _files() -> dict[str, str]:
    texts = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    return {text.split("\n")[0].removeprefix("# "): text for text in texts}


@pytest.mark.parametrize("name", ["slurm.yaml", "gpus.yaml"])
def test_every_file_is_valid_and_every_line_meant(name: str, tmp_path: Path) -> None:
    text = _files()[name]
    for lines in (text, re.sub(r"^# (?=\w+: )", "", text, flags=re.MULTILINE)):  # also what is left out
        (tmp_path / name).write_text(lines)
        assert isinstance(read_config(tmp_path / name), Slurm)


@pytest.mark.cluster
def test_the_commands_do_what_the_page_says(
    slurm: SlurmSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("dask_jobqueue", "slurm")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    fields = yaml.safe_load(_files()["slurm.yaml"])
    (tmp_path / "slurm.yaml").write_text(yaml.safe_dump(fields))
    said = {}
    for line in re.findall(r"^relusweep .*/shared/results", PAGE, re.MULTILINE):
        words = shlex.split(line.replace("/shared/results", "results").replace("npn4", "npn2"))[1:]
        if "gpus.yaml" in words:
            continue
        if words[0] == "cancel":
            while slurm.jobs():  # what was submitted ends by itself
                time.sleep(0.2)
        code = "from relusweep.pipeline.commands.app import main; main()"
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, *words, *(SMALL if words[0] in {"run", "submit"} else [])],
            cwd=tmp_path,
            text=True,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == (2 if words[0] == "cancel" else 0), done.stdout
        said[words[0]] = done.stdout
    assert "16 of 16 networks" in said["run"]
    assert "Submitted run" in said["submit"]
    assert "finished" in said["status"]
    assert "no run that goes" in said["cancel"]
