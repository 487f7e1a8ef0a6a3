"""The folder that this machine and the nodes share, without a Slurm."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster import InvalidCluster, Slurm
from cluster.slurm_files import shared_folder


def _config(folder: Path) -> Slurm:
    return Slurm(memory="1 GB", walltime="10", folder=str(folder))


@pytest.mark.parametrize("name", ["my home", "100%j", "a'b", "a$b", "a\nb"])
def test_a_name_that_scripts_of_jobs_cannot_write_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidCluster, match="has a space, or a sign that means something"):
        shared_folder(_config(tmp_path / name))
    assert not list(tmp_path.iterdir())


def test_other_names_are_taken(tmp_path: Path) -> None:
    assert shared_folder(_config(tmp_path / "für_alle-2.1")).is_dir()
