"""What can be tried without a Slurm: the folder that machines share, and who answers Ctrl-C."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from relusweep.cluster import InvalidCluster, Slurm
from relusweep.cluster.slurm.files import shared_folder


def _config(folder: Path) -> Slurm:
    return Slurm(memory="1 GB", walltime="10", folder=str(folder))


@pytest.mark.parametrize("name", ["my home", "100%j", "a'b", "a$b", "a\nb"])
def test_a_name_that_scripts_of_jobs_cannot_write_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidCluster, match="has a space or another character that is special"):
        shared_folder(_config(tmp_path / name))
    assert not list(tmp_path.iterdir())


def test_other_names_are_taken(tmp_path: Path) -> None:
    assert shared_folder(_config(tmp_path / "für_alle-2.1")).is_dir()


_ANSWERED = """
import signal
from relusweep.cluster import Slurm, SlurmNotReached, connect
before = signal.getsignal(signal.SIGINT)
try:
    with connect(Slurm(memory="1 GB", walltime="10")):
        pass
except SlurmNotReached:
    print(signal.getsignal(signal.SIGINT) is before)
"""


def test_ctrl_c_is_for_the_run_though_dask_jobqueue_would_have_it(tmp_path: Path) -> None:
    environment = {"PATH": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", _ANSWERED],
        env=environment,
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "True\n", done.stderr
